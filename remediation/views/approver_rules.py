"""Administration: who decides on which actions."""

from django.core.exceptions import ValidationError
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse

from accounts import keys, step_up
from accounts.guard import AccountRequest, requires
from core.htmx import done
from remediation import acts
from remediation.brake_forms import ApproverRuleForm, deciders
from remediation.catalog import get, is_known
from remediation.forms import ReasonForm
from remediation.models import ApproverRule
from remediation.services.approver_rules import remove_rule, save_rule


@requires(keys.MANAGE_AUTHORIZATION)
def approver_rules(request: AccountRequest) -> HttpResponse:
    rules = ApproverRule.objects.select_related("device_group").prefetch_related("approvers", "fallbacks")
    rows = [{"rule": rule, "what": _what(rule), "gone": _gone(rule)} for rule in rules]
    context = {"rows": rows, "deciders": list(deciders())}
    return render(request, "remediation/approver_rules.html", context)


def _what(rule: ApproverRule) -> str:
    if rule.action:
        return get(rule.action).label if is_known(rule.action) else rule.action
    return f"Every {rule.get_risk_display().lower()} action" if rule.risk else "Every action"


def _gone(rule: ApproverRule) -> str:
    """Why nobody named can decide any more; empty as long as somebody can."""
    able = [one for one in rule.approvers.all() if one.holds(keys.DECIDE_RESPONSE)]
    return "" if able else "Nobody named here can decide: switched off, or without the right."


@requires(keys.MANAGE_AUTHORIZATION)
@step_up.needs(acts.CHANGE_BRAKES)
def new_rule(request: AccountRequest) -> HttpResponse:
    return _edit(request, ApproverRule())


@requires(keys.MANAGE_AUTHORIZATION)
@step_up.needs(acts.CHANGE_BRAKES)
def edit_rule(request: AccountRequest, pk: int) -> HttpResponse:
    return _edit(request, get_object_or_404(ApproverRule, pk=pk))


def _edit(request: AccountRequest, rule: ApproverRule) -> HttpResponse:
    form = ApproverRuleForm.of(rule, request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            save_rule(rule, **form.wanted, actor=request.actor)
        except ValidationError as error:
            form.add_error(None, " ".join(error.messages))
        else:
            return done(request, f"Approvers of {rule} set", back=reverse("remediation:approver_rules"), leave=True)
    title = f"Approvers of {rule}" if rule.pk else "Name approvers"
    context = {"form": form, "title": title, "verb": "Save", "back": reverse("remediation:approver_rules")}
    return render(request, "remediation/brake_form.html", context, status=422 if form.errors else 200)


@requires(keys.MANAGE_AUTHORIZATION)
@step_up.needs(acts.CHANGE_BRAKES)
def delete_rule(request: AccountRequest, pk: int) -> HttpResponse:
    rule = get_object_or_404(ApproverRule, pk=pk)
    form = ReasonForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        title = f"No approvers are named any more for {rule}"
        try:
            remove_rule(rule, actor=request.actor, reason=form.cleaned_data["reason"])
        except ValidationError as error:
            form.add_error(None, error)
        else:
            return done(request, title, back=reverse("remediation:approver_rules"), leave=True)
    context = {"form": form, "title": f"Remove the rule for {rule}", "verb": "Remove", "danger": True,
               "back": reverse("remediation:approver_rules")}  # fmt: skip
    return render(request, "remediation/brake_form.html", context, status=422 if form.errors else 200)
