"""Rules of the portal (administration) and of one person (profile): the same pages for both."""

from typing import Any

from django.core.exceptions import ValidationError
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts import keys
from accounts.guard import AccountRequest, requires
from core.htmx import done
from notifications.enums import RuleKind
from notifications.forms import RuleForm
from notifications.models import Rule
from notifications.services.rules import remove_rule, save_rule, switch_rule, try_rule
from notifications.views.rule_words import facts_of, hidden_fields, line_of

RULES, CHOICES = "notifications:rules", "notifications:choices"


@require_safe
@requires(keys.MANAGE_SETTINGS)
def rule_list(request: AccountRequest) -> HttpResponse:
    found = Rule.objects.visible_to(request.user).filter(personal=False).with_all()
    rows = [{"rule": rule, "line": line_of(rule)} for rule in found]
    return render(request, "notifications/rules.html", {"rows": rows, "kinds": RuleKind.choices})


@require_safe
@requires(keys.READ)
def rule(request: AccountRequest, pk: int) -> HttpResponse:
    """The side pane: what it asks for, whom it tells, what was sent last."""
    found = _rule(request, pk)
    context = {
        "rule": found,
        "facts": facts_of(found),
        "sent": found.dispatches.select_related("user", "endpoint", "message")[:15],
        "back": _back(found),
    }
    return render(request, "notifications/rule.html", context)


@require_http_methods(["GET", "POST"])
@requires(keys.MANAGE_SETTINGS)
def new_rule(request: AccountRequest, kind: str) -> HttpResponse:
    return _edit(request, None, kind=_kind(kind), personal=False)


@require_http_methods(["GET", "POST"])
@requires(keys.READ)
def new_own_rule(request: AccountRequest, kind: str) -> HttpResponse:
    return _edit(request, None, kind=_kind(kind), personal=True)


@require_http_methods(["GET", "POST"])
@requires(keys.READ)
def edit_rule(request: AccountRequest, pk: int) -> HttpResponse:
    found = _rule(request, pk)
    return _edit(request, found, kind=found.kind, personal=found.personal)


@require_http_methods(["GET", "POST"])
@requires(keys.READ)
def delete_rule(request: AccountRequest, pk: int) -> HttpResponse:
    found = _rule(request, pk)
    if request.method == "POST":
        remove_rule(found, actor=request.actor)
        return done(request, f"Rule {found.name} removed", back=_back(found), leave=True)
    return render(request, "notifications/rule_delete.html", {"rule": found, "back": _back(found)})


@require_POST
@requires(keys.READ)
def switch(request: AccountRequest, pk: int) -> HttpResponse:
    found = _rule(request, pk)
    switch_rule(found, on=not found.enabled, actor=request.actor)
    return done(request, f"Rule switched {'off' if found.enabled else 'on'}", back=_back(found), leave=True)


@require_POST
@requires(keys.READ)
def test(request: AccountRequest, pk: int) -> HttpResponse:
    found = _rule(request, pk)
    told = try_rule(found, actor=request.actor)
    detail = f"{told} on the way. The rule's page tells what came of each."
    return done(request, "Test sent", detail=detail, back=_back(found), refresh=["#rule-sent"])


def _rule(request: AccountRequest, pk: int) -> Rule:
    return get_object_or_404(Rule.objects.visible_to(request.user).with_all(), pk=pk)


def _kind(kind: str) -> str:
    if kind not in RuleKind.values:
        raise Http404
    return kind


def _back(found: Rule) -> str:
    return reverse(CHOICES if found.personal else RULES)


def _edit(request: AccountRequest, found: Rule | None, *, kind: str, personal: bool) -> HttpResponse:
    """The form, then the same once more to read before it is saved."""
    form = RuleForm(
        request.POST or None, kind=kind, personal=personal, author=request.user,
        initial=RuleForm.initial_of(found) if found else {"outcomes": ["waiting", "failed"], "threshold": "high"},
    )  # fmt: skip
    context: dict[str, Any] = {"form": form, "rule": found, "kind": kind, "personal": personal,
                               "back": reverse(CHOICES if personal else RULES)}  # fmt: skip
    if request.method == "POST" and form.is_valid():
        if "change" in request.POST:
            return render(request, "notifications/rule_form.html", context)
        if "save" not in request.POST:
            review = {"hidden": hidden_fields(request.POST), "facts": facts_of(form)}
            return render(request, "notifications/rule_review.html", {**context, **review})
        try:
            saved = _save(request, form, found)
        except ValidationError as error:
            form.add_error(None, error)
        else:
            return done(request, f"Rule {saved.name} saved", back=context["back"], leave=True)
    return render(request, "notifications/rule_form.html", context, status=422 if form.errors else 200)


def _save(request: AccountRequest, form: RuleForm, found: Rule | None) -> Rule:
    data = form.cleaned_data
    told = {} if form.personal else {name: list(data[name]) for name in ("people", "addresses", "endpoints")}
    return save_rule(found, kind=form.kind, personal=form.personal, author=request.user, values=form.values(),
                     groups=list(data["device_groups"]), actor=request.actor, **told)  # fmt: skip
