"""A raw shell in the browser: what it said, what is typed, and the decision of the other person."""

from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.http import HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.csp import CSP
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts import keys, step_up
from accounts.guard import AccountRequest, requires
from core.htmx import done
from live_response.acts import APPROVE_SHELL
from live_response.enums import CommandState
from live_response.forms import DecideForm
from live_response.models import LiveSession, RawShell
from live_response.refused import NotPossible
from live_response.services.record import SHOWN, SIZE
from live_response.services.shells import decide_shell, type_into, why_not_decide
from live_response.views.fetch import session_for

# The terminal draws its colours with style elements of its own; they carry the page's nonce.
POLICY: dict[str, Any] = {**settings.SECURE_CSP, "style-src": [CSP.SELF, CSP.NONCE]}
AT_ONCE = 40
MOST_CELLS = 500
DECISIONS = {"approve": "approved", "reject": "rejected"}


def _number(text: str | None, most: int = 2**31) -> int:
    return min(int(text), most) if text and text.isascii() and text.isdigit() and len(text) <= 12 else 0


def _shell_for(session: LiveSession, number: int) -> RawShell:
    rows = RawShell.objects.select_related("command__session", "command__user", "decider")
    return get_object_or_404(rows, command__session=session, command__number=number)


@require_safe
@requires(keys.LIVE_BASIC)
def said(request: AccountRequest, pk: int) -> JsonResponse:
    """What a shell said behind event `after`: of the one that is open, or of `number`."""
    session = session_for(request.user, pk)
    rows = RawShell.objects.select_related("command").filter(command__session=session).order_by("-pk")
    number = _number(request.GET.get("number"))
    shell = rows.filter(command__number=number).first() if number else _open_one(rows)
    if shell is None:
        return JsonResponse({"number": None, "events": []})
    after = _number(request.GET.get("after"))
    events = session.recorded.filter(shell=shell, kind__in=[SHOWN, SIZE], seq__gt=after).order_by("seq")[:AT_ONCE]
    listed = [[row.seq, row.kind, row.data] for row in events]
    by = shell.by
    return JsonResponse({
        "number": shell.command.number, "open": shell.command.is_open, "mine": session.user_id == request.user.pk,
        "typed": shell.typed, "until": shell.until.isoformat() if shell.until else "", "by": by.name if by else "",
        "events": listed, "more": len(listed) == AT_ONCE, "detail": shell.command.detail,
    })  # fmt: skip


def _open_one(rows: Any) -> RawShell | None:
    found: RawShell | None = rows.filter(command__state__in=[CommandState.QUEUED, CommandState.STARTED]).first()
    return found


@require_POST
@requires(keys.LIVE_BASIC)
def type_there(request: AccountRequest, pk: int, number: int) -> JsonResponse:
    """Take a part of what is typed, or a new size."""
    session = session_for(request.user, pk)
    shell = _shell_for(session, number)
    size = _number(request.POST.get("columns"), MOST_CELLS), _number(request.POST.get("rows"), MOST_CELLS)
    data = request.POST.get("data", "").replace("\x00", "")
    if not data and not all(size):
        return JsonResponse({"code": "bad_line", "message": "Nothing was typed.", "typed": shell.typed}, status=422)
    try:
        taken = type_into(
            shell, seq=_number(request.POST.get("seq")), data=data, size=size, actor=request.user.actor,
            user=request.user,
        )  # fmt: skip
    except NotPossible as refusal:
        shell.refresh_from_db()
        told = {"code": refusal.code, "message": refusal.message, "typed": shell.typed}
        return JsonResponse(told, status=422)
    return JsonResponse({"typed": taken})


@require_http_methods(["GET", "HEAD", "POST"])
@requires(keys.LIVE_BASIC)
def decide(request: AccountRequest, pk: int, number: int) -> HttpResponse:
    """The other person's decision, with a comment and after a confirmation of who it is."""
    session = session_for(request.user, pk)
    shell = _shell_for(session, number)
    step_up.require(request, APPROVE_SHELL)
    form = DecideForm(request.POST or None)
    refusal = why_not_decide(shell, request.user)
    wanted = request.POST.get("decision", "")
    if request.method == "POST" and not refusal and wanted in DECISIONS and form.is_valid():
        try:
            decide_shell(
                shell, approve=wanted == "approve", comment=form.cleaned_data["comment"], actor=request.user.actor,
                user=request.user,
            )  # fmt: skip
            back = reverse("live_response:console", args=[pk])
            return done(request, f"The shell is {DECISIONS[wanted]}", back=back, leave=True)
        except (NotPossible, ValidationError) as error:
            refusal = str(getattr(error, "message", error))
    context = {"session": session, "shell": shell, "form": form, "refusal": refusal,
               "back": reverse("live_response:console", args=[pk])}  # fmt: skip
    return render(request, "live_response/decide_shell.html", context, status=422 if request.method == "POST" else 200)
