"""Administration: how mail leaves, webhooks and chats, and what was sent."""

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from accounts import keys
from accounts.guard import AccountRequest, requires
from connectors.outbound.mail import mail_server
from core.filters import at_cursor
from core.pages import leaf
from core.pagination import Keyset
from notifications import topics
from notifications.enums import DispatchStatus
from notifications.forms import MailTestForm
from notifications.models import Dispatch, Endpoint
from notifications.services.try_mail import try_mail

NEWEST = Keyset(("id",))


@require_safe
@requires(keys.MANAGE_SYSTEM)
def sending(request: AccountRequest) -> HttpResponse:
    server = mail_server()
    waiting = Dispatch.objects.visible_to(request.user).filter(status=DispatchStatus.WAITING)
    context = {
        "server": server,
        "mistakes": server.mistakes,
        "endpoints": Endpoint.objects.all(),
        "waiting": waiting.count(),
        "form": MailTestForm(initial={"to": request.user.email}),
    }
    return render(request, "notifications/sending.html", context)


@require_POST
@requires(keys.MANAGE_SYSTEM)
def test_mail(request: AccountRequest) -> HttpResponse:
    """One mail now, with what the server answers."""
    form = MailTestForm(request.POST)
    outcome = try_mail(form.cleaned_data["to"], actor=request.actor) if form.is_valid() else None
    context = {"form": form, "outcome": outcome, "server": mail_server()}
    return render(request, "notifications/test_mail.html", context, status=200 if outcome else 422)


@require_safe
@requires(keys.MANAGE_SYSTEM)
def log(request: AccountRequest) -> HttpResponse:
    """What was sent to whom and what was answered; never the words."""
    status = request.GET.get("status", "")
    found = Dispatch.objects.visible_to(request.user).select_related("message", "rule", "user", "endpoint")
    if status in DispatchStatus.values:
        found = found.filter(status=status)
    page = leaf(found, NEWEST, purpose="dispatches", cursor=request.GET.get("cursor", ""))
    rows = [{"dispatch": row, "topic": _topic(row)} for row in page.rows]
    context = {
        "rows": rows,
        "status": status,
        "statuses": [("", "All"), *DispatchStatus.choices],
        "newer_url": at_cursor(request, page.newer),
        "older_url": at_cursor(request, page.older),
    }
    return render(request, "notifications/log.html", context)


@require_safe
@requires(keys.MANAGE_SYSTEM)
def dispatch(request: AccountRequest, pk: int) -> HttpResponse:
    """The side pane: every try of one."""
    rows = Dispatch.objects.visible_to(request.user).select_related("message", "rule", "user", "endpoint")
    found = get_object_or_404(rows, pk=pk)
    context = {
        "dispatch": found,
        "topic": _topic(found),
        "tries": found.tries.all(),
        "back": reverse("notifications:log"),
    }
    return render(request, "notifications/dispatch.html", context)


def _topic(row: Dispatch) -> str:
    if row.letter:
        return "Letter to somebody outside"
    return topics.label_of(row.message.topic) if row.message else "Digest"
