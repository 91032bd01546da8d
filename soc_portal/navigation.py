"""The frame around every page: the rail with its counts, the tabs of the administration, the demo badge.

Everything is computed when the template first asks for it, so a fragment costs nothing and a page six queries.
Red is only what waits for the person who looks.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from django.core.cache import cache
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.functional import SimpleLazyObject
from django.views.decorators.http import require_GET

from accounts import keys
from accounts.guard import AccountRequest, anyone_signed_in
from accounts.models import User
from connectors.services import halt
from core import clock
from core.htmx import wants_part
from core.pagination import counted_together
from exercises.models import Exercise
from incidents.enums import Severity
from incidents.models import Incident
from incidents.queue import DEFAULTS_SAID, standard
from notifications.services.inbox import unread_count
from remediation.models import ActionRun, ExpertRequest
from remediation.policy import decidable
from reviews.due import waiting_for_signature, wanting_review
from soc_portal.links import ADMINISTRATION, Link

KEPT_S = 30
LIVE_TOPICS = "incident.created incident.changed run.changed expert.changed review.changed"


@dataclass(frozen=True, slots=True)
class Counts:
    """What the rail says: `for_me` is all that the page of this name lists."""

    incidents: int = 0
    mine: int = 0
    unowned: int = 0
    decisions_for_me: int = 0
    reviews: int = 0
    signatures_for_me: int = 0
    questions_for_me: int = 0

    @property
    def for_me(self) -> int:
        waiting = self.decisions_for_me + self.signatures_for_me + self.questions_for_me
        return waiting + self.mine + self.unowned


OVERVIEW = Link("Overview", "/overview/", "chart", keys.READ)
INCIDENTS = Link("Incidents", "/incidents/", "queue", keys.READ, ("/alerts/",))
WAITING = Link("Waiting for me", "/waiting/", "inbox", keys.READ)
ACTIONS = Link("Action center", "/actions/", "bolt", keys.READ)
EXPERTS = Link("Expert requests", "/experts/", "comment", keys.READ)
LIVE_RESPONSE = Link("Live response", "/live-response/", "probe", keys.LIVE_BASIC)
INDICATORS = Link("Indicators", "/indicators/", "shield", keys.READ)
REVIEWS = Link("Reviews", "/reviews/", "review", keys.READ, ("/follow-ups/", "/lessons/"))
HANDOVER = Link("Handover", "/handover/", "refresh", keys.READ)
READINESS = Link("Readiness", "/readiness/", "check", keys.READ_REPORTS, ("/contacts/", "/drills/"))
CONTACTS = Link("Contacts", "/contacts/", "users", keys.READ, ("/drills/",))
REPORTS = Link("Reports", "/reports/", "chart", keys.READ_REPORTS)
ENTITIES = (
    Link("Devices", "/devices/", "laptop", keys.READ),
    Link("Accounts", "/identities/", "user", keys.READ),
    Link("Mailboxes", "/mailboxes/", "mail", keys.READ),
    Link("Files", "/files/", "file", keys.READ),
)
AUDIT = Link("Audit log", "/admin/audit/", "audit", keys.READ_AUDIT)


def frame(request: HttpRequest) -> dict[str, Any]:
    """The context processor: nothing for strangers and for fragments."""
    user = getattr(request, "user", None)
    if not isinstance(user, User) or wants_part(request):
        return {}
    path = request.path
    return {
        "navigation": _later(lambda: navigation(user, path)),
        "navigation_url": "/navigation/",
        "navigation_topics": LIVE_TOPICS,
        "administration": _later(lambda: administration(user, path)),
        "demo_data": _later(Exercise.objects.exists),
        "unread_notices": _later(lambda: unread_count(user) if user.holds(keys.READ) else None),
        "halt": _later(halt.in_force),
    }


@require_GET
@anyone_signed_in
def rail(request: AccountRequest) -> HttpResponse:
    """The rail's groups anew, when something that they count has changed."""
    path = _path_of(request.headers.get("HX-Current-URL", ""))
    context = {
        "navigation": navigation(request.user, path),
        "navigation_url": "/navigation/",
        "navigation_topics": LIVE_TOPICS,
    }
    return render(request, "components/rail.html#groups", context)


def _path_of(url: str) -> str:
    try:
        return urlsplit(url).path
    except ValueError:
        return ""


def navigation(user: User, path: str) -> list[dict[str, Any]]:
    """The groups of the rail for this person, with counts."""
    counts = count_for(user)
    work = [
        _item(OVERVIEW, path),
        _item(INCIDENTS, path, counts.incidents, hint=DEFAULTS_SAID),
        _item(WAITING, path, counts.for_me),
        _item(ACTIONS, path, counts.decisions_for_me, hot=counts.decisions_for_me > 0),
        *([_item(LIVE_RESPONSE, path)] if user.holds(LIVE_RESPONSE.permission) else []),
        _item(INDICATORS, path),
        _item(EXPERTS, path, counts.questions_for_me),
        _item(REVIEWS, path, counts.reviews, hot=counts.signatures_for_me > 0),
        _item(HANDOVER, path),
        *([_item(REPORTS, path)] if user.holds(REPORTS.permission) else []),
        _item(READINESS if user.holds(READINESS.permission) else CONTACTS, path),
    ]
    groups: list[dict[str, Any]] = [
        {"items": work if user.holds(keys.READ) else []},
        {"label": "Entities", "items": [_item(link, path) for link in ENTITIES if user.holds(link.permission)]},
        {"foot": True, "items": _foot(user, path)},
    ]
    return [group for group in groups if group["items"]]


def administration(user: User, path: str) -> dict[str, list[dict[str, Any]]]:
    """Its parts, each leading to its first page, and the pages of the part that is open: those this person may open."""
    parts, pages = [], []
    for name, links in ADMINISTRATION.items():
        allowed = [link for link in links if link.is_for(user)]
        is_open = any(link.is_at(path) for link in links)
        if allowed:
            parts.append({"label": name, "url": allowed[0].url, "current": is_open})
        if is_open:
            pages = [_item(link, path) for link in allowed]
    return {"parts": parts, "pages": pages}


def count_for(user: User) -> Counts:
    """Six queries for somebody with every right, none for somebody who may not read."""
    if not user.holds(keys.READ):
        return Counts()
    signatures = waiting_for_signature(user) if user.holds(keys.SIGN_REVIEWS) else 0
    to_write = _reviews_to_write(user) if user.holds(keys.WRITE_REVIEWS) and not signatures else 0
    opened = Incident.objects.visible_to(user).open()
    high = opened.filter(severity=Severity.HIGH)
    lists: dict[str, QuerySet[Any]] = {
        "incidents": standard(user, now=clock.now()),
        "mine": opened.filter(assigned_to=user),
        "unowned": high.ownerless() if user.holds(keys.MANAGE_ALERTS) else high.none(),
        "questions_for_me": ExpertRequest.objects.to_answer(user),
    }
    return Counts(
        decisions_for_me=_decisions(user) if user.holds(keys.DECIDE_RESPONSE) else 0,
        reviews=signatures or to_write,
        signatures_for_me=signatures,
        **counted_together(lists),
    )


def _decisions(user: User) -> int:
    return decidable(ActionRun.objects.visible_to(user).top_level().pending(), user).count()


def _reviews_to_write(user: User) -> int:
    """Kept for half a minute: it waits for nobody by name, and counting it reads every resolved incident."""
    key = f"reviews-to-write:{user.pk}"
    found: int | None = cache.get(key)
    if found is None:
        found = wanting_review(user).counted()
        cache.set(key, found, KEPT_S)
    return found


def _foot(user: User, path: str) -> list[dict[str, Any]]:
    everything = [link for links in ADMINISTRATION.values() for link in links]
    allowed = [link for link in everything if link.is_for(user)]
    items = []
    if allowed:
        current = any(link.is_at(path) for link in everything)
        items.append({"label": "Administration", "url": allowed[0].url, "icon": "gear", "current": current})
    if user.holds(AUDIT.permission):
        items.append(_item(AUDIT, path))
    return items


def _item(link: Link, path: str, count: int = 0, *, hot: bool = False, hint: str = "") -> dict[str, Any]:
    return {
        "label": link.label,
        "url": link.url,
        "icon": link.icon,
        "count": count,
        "hot": hot,
        "hint": hint,
        "current": link.is_at(path),
    }


def _later(build: Callable[[], Any]) -> Any:
    return SimpleLazyObject(build)
