"""The bell, and the page behind it."""

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST, require_safe

from accounts import keys
from accounts.guard import AccountRequest, requires
from core.filters import at_cursor
from core.htmx import done
from core.pages import leaf
from core.pagination import Keyset
from notifications import topics
from notifications.models import Notice
from notifications.services.inbox import folded, in_words_of_now, mark, still_readable, unread_count

NEWEST = Keyset(("id",))
LIST = "notifications:inbox"


@require_safe
@requires(keys.READ)
def bell(request: AccountRequest) -> HttpResponse:
    """The bell alone, anew."""
    return render(request, "components/bell.html", {"unread_notices": unread_count(request.user)})


@require_safe
@requires(keys.READ)
def inbox(request: AccountRequest) -> HttpResponse:
    only_unread = request.GET.get("show") == "unread"
    found = Notice.objects.visible_to(request.user).select_related("message")
    page = leaf(found.unread() if only_unread else found, NEWEST, purpose="notices",
                cursor=request.GET.get("cursor", ""))  # fmt: skip
    shown = in_words_of_now(request.user, still_readable(request.user, page.rows))
    rows = [{"fold": one, "notice": one.newest, "topic": topics.label_of(one.newest.topic)} for one in folded(shown)]
    context = {
        "rows": rows,
        "only_unread": only_unread,
        "unread": unread_count(request.user),
        "newer_url": at_cursor(request, page.newer),
        "older_url": at_cursor(request, page.older),
    }
    return render(request, "notifications/inbox.html", context)


@require_safe
@requires(keys.READ)
def open_notice(request: AccountRequest, pk: int) -> HttpResponse:
    """Go to what the notice is about; following it is reading it."""
    row = get_object_or_404(Notice.objects.visible_to(request.user), pk=pk)
    if request.method == "GET":
        mark(request.user, pks=[row.pk], read=True, actor=request.actor)
    readable = bool(still_readable(request.user, [row]))
    inside = readable and url_has_allowed_host_and_scheme(row.url, allowed_hosts=None)
    return redirect(row.url if inside and row.url else reverse(LIST))


@require_POST
@requires(keys.READ)
def mark_notices(request: AccountRequest) -> HttpResponse:
    """Mark the checked ones, or all, as read or unread."""
    read = request.POST.get("as", "read") != "unread"
    words = [word for given in request.POST.getlist("id") for word in given.split(",")]
    chosen = [int(word) for word in words if word.isdecimal() and len(word) < 19]
    everything = "all" in request.POST
    changed = mark(request.user, pks=None if everything else chosen, read=read, actor=request.actor)
    said = f"{changed} marked as {'read' if read else 'unread'}"
    return done(request, said, back=reverse(LIST), refresh=["#notices", "#bell"])
