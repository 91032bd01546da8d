"""Administration: items that could not become alerts, kept as they came."""

from typing import Any

from django import forms
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts import keys
from accounts.guard import AccountRequest, requires
from core.filters import at_cursor, chips_of
from core.htmx import done
from core.pages import leaf
from core.pagination import Keyset, counted
from incidents.enums import DeadLetterState
from incidents.ingest.dead_letters import WHOLE_SCOPE, discard_letter
from incidents.ingest.replay import replay_letter
from incidents.models import DeadLetter

NEWEST = Keyset(("id",))
SHOWN_BYTES = 20_000
MOST_AT_ONCE = 200


class LetterFilterForm(forms.Form):
    source = forms.CharField(
        required=False, max_length=80, label="Source", widget=forms.TextInput(attrs={"placeholder": "Source"})
    )
    code = forms.CharField(
        required=False, max_length=40, label="Reason", widget=forms.TextInput(attrs={"placeholder": "Reason code"})
    )
    state = forms.ChoiceField(
        required=False, label="State", choices=[("", "Open"), ("all", "All"), *DeadLetterState.choices[1:]]
    )


class ReasonForm(forms.Form):
    reason = forms.CharField(max_length=500, widget=forms.Textarea(attrs={"rows": 2, "autofocus": True}))


@require_safe
@requires(keys.MANAGE_SYSTEM)
def letter_list(request: AccountRequest) -> HttpResponse:
    if not request.user.scope.everything:
        raise PermissionDenied(WHOLE_SCOPE)
    form = LetterFilterForm(request.GET)
    found = _found(request, form)
    page = leaf(found.defer("raw"), NEWEST, purpose="dead-letters", cursor=request.GET.get("cursor", ""))
    context = {
        "rows": page.rows,
        "form": form,
        "chips": chips_of(request, form) if form.is_valid() else [],
        "clear_url": request.path,
        "total": counted(found),
        "newer_url": at_cursor(request, page.newer),
        "older_url": at_cursor(request, page.older),
    }
    return render(request, "incidents/dead_letters.html", context)


def _found(request: AccountRequest, form: LetterFilterForm) -> QuerySet[DeadLetter]:
    wanted: dict[str, Any] = form.cleaned_data if form.is_valid() else {}
    letters = DeadLetter.objects.visible_to(request.user)
    if wanted.get("state") != "all":
        letters = letters.filter(state=wanted.get("state") or DeadLetterState.OPEN)
    if source := wanted.get("source"):
        letters = letters.filter(source__icontains=source)
    if code := wanted.get("code"):
        letters = letters.filter(code__startswith=code)
    return letters


@require_safe
@requires(keys.MANAGE_SYSTEM)
def letter(request: AccountRequest, pk: int) -> HttpResponse:
    """The side pane: why it was refused, and what came, as text and never as anything else."""
    found = get_object_or_404(DeadLetter.objects.visible_to(request.user), pk=pk)
    raw = bytes(found.raw)
    context = {
        "letter": found,
        "raw": raw[:SHOWN_BYTES].decode("utf-8", errors="backslashreplace"),
        "size": len(raw),
        "shown": SHOWN_BYTES,
    }
    return render(request, "incidents/dead_letter.html", context)


@require_POST
@requires(keys.MANAGE_SYSTEM)
def replay(request: AccountRequest, pk: int) -> HttpResponse:
    """Try one again; when it fails again the list shows the newest reason."""
    found = get_object_or_404(DeadLetter.objects.visible_to(request.user), pk=pk)
    return _replay_all(request, [found])


@require_POST
@requires(keys.MANAGE_SYSTEM)
def replay_checked(request: AccountRequest) -> HttpResponse:
    ids = [int(text) for text in request.POST.getlist("id") if text.isascii() and text.isdigit()][:MOST_AT_ONCE]
    seen = DeadLetter.objects.visible_to(request.user)
    return _replay_all(request, list(seen.filter(pk__in=ids, state=DeadLetterState.OPEN)))


def _replay_all(request: AccountRequest, letters: list[DeadLetter]) -> HttpResponse:
    became = 0
    reasons: list[str] = []
    for found in letters:
        try:
            receipt = replay_letter(found, actor=request.actor)
        except ValidationError as error:
            reasons += error.messages
            continue
        became += not receipt.rejected
        reasons += [str(rejected["message"]) for rejected in receipt.rejected]
    detail = f"{len(reasons)} refused again: {reasons[0]}" if reasons else "Their incidents follow within a minute."
    title = f"{became} of {len(letters)} became alerts"
    return done(request, title, detail=detail, back=reverse("incidents:dead-letters"), refresh=["#letters"])


@require_http_methods(["GET", "POST"])
@requires(keys.MANAGE_SYSTEM)
def discard(request: AccountRequest, pk: int) -> HttpResponse:
    found = get_object_or_404(DeadLetter.objects.visible_to(request.user), pk=pk)
    form = ReasonForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            discard_letter(found, actor=request.actor, reason=form.cleaned_data["reason"])
        except ValidationError as error:
            form.add_error(None, error)
        else:
            return done(request, "Dead letter discarded", back=reverse("incidents:dead-letters"), leave=True)
    context = {"form": form, "letter": found, "back": reverse("incidents:dead-letters")}
    return render(request, "incidents/dead_letter_discard.html", context, status=422 if form.errors else 200)
