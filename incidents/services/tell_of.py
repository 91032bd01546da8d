"""Telling people what happened to an incident; runs in the transaction of the change."""

import re
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from accounts.enums import UserKind
from accounts.models import User
from core.actors import Actor
from incidents import news
from incidents.enums import IncidentStatus, Severity
from incidents.models import Incident
from notifications.services.tell import News, tell_all

MOST_MENTIONS = 20
_MENTION = re.compile(r"(?<![\w@.])@([\w.+-]{1,80})")
_TOLD = {"status": "status", "severity": "severity", "assigned_to": "owner", "classification": "classification"}
_NEEDED = ("display_name", "severity", "device_group_ids", "detection_sources", "custom_tags", "system_tags",
           "categories", "assigned_to")  # fmt: skip


def tell_created(incident_ids: Collection[int], *, actor: Actor) -> None:
    """New incidents: of each, and again of those that are High."""
    pieces: list[News] = []
    for row in Incident.objects.filter(pk__in=incident_ids).only(*_NEEDED).order_by("pk"):
        pieces.append(_news(news.CREATED, row, f"New incident {row.number}: {row.display_name}"))
        if row.severity == Severity.HIGH:
            pieces.append(_high(row, new=True))
    tell_all(pieces, actor=actor)


def tell_risen(incident_ids: Collection[int], *, actor: Actor) -> None:
    """Incidents that are High now and were not before."""
    if incident_ids:
        rows = Incident.objects.filter(pk__in=incident_ids).only(*_NEEDED).order_by("pk")
        tell_all([_high(row, new=False) for row in rows], actor=actor)


def tell_changed(row: Incident, *, before: Mapping[str, Any], followed: bool, actor: Actor) -> None:
    """What a person or the portal changed: to the new owner, to those who follow it, to all who hear of High ones.
    `before` holds the former values of what changed. Nobody is told what they did themselves."""
    pieces: list[News] = []
    owner, following = row.assigned_to, _others(watchers(row), actor) if followed else []
    if "assigned_to" in before and owner is not None:
        pieces.append(_news(news.ASSIGNED, row, f"{row.number} is yours: {row.display_name}",
                            people=_others([owner], actor), body=f"Assigned by {actor.name}."))  # fmt: skip
    if "severity" in before and row.severity == Severity.HIGH and row.is_open:
        pieces.append(_high(row, new=False))
    if before.get("status") == IncidentStatus.RESOLVED:
        concerned = [*following, *_others([owner] if owner else [], actor)]
        pieces.append(_news(news.REOPENED, row, f"{row.number} was reopened: {row.display_name}", people=concerned))
    said = [f"{word}: {_shown(row, name)}" for name, word in _TOLD.items() if name in before]
    if said:
        pieces.append(_news(news.FOLLOWED, row, f"{row.number}: {'; '.join(said)}", people=following))
    tell_all(pieces, actor=actor)


def tell_comment(row: Incident, *, text: str, comment: int, actor: Actor) -> None:
    """To the people it mentions, and to those who follow the incident."""
    mentioned = _others(people_mentioned(text), actor)
    following = [person for person in _others(watchers(row), actor) if person not in mentioned]
    shown: dict[str, Any] = {
        "body": text[:1000],
        "url": f"/incidents/{row.pk}/activities/",
        "once": f"comment:{comment}",
    }
    tell_all(
        [
            _news(news.MENTIONED, row, f"{actor.name} mentioned you on {row.number}", people=mentioned, **shown),
            _news(news.FOLLOWED, row, f"{row.number}: a comment by {actor.name}", people=following, **shown),
        ],
        actor=actor,
    )


def people_mentioned(text: str) -> list[User]:
    """Active people whose user names stand in the text with an @; who of them may read it is asked at delivery."""
    names = {name.rstrip(".-+").lower() for name in _MENTION.findall(text)}
    if not names:
        return []
    people = User.objects.filter(is_active=True, kind=UserKind.PERSON)
    return [person for person in people.order_by("pk") if person.username.lower() in names][:MOST_MENTIONS]


def watchers(row: Incident) -> list[User]:
    return list(User.objects.filter(is_active=True, watches__subject=row.thread).order_by("pk"))


def _others(people: Iterable[User], actor: Actor) -> list[User]:
    return [person for person in people if person.pk != actor.person_id]


def _shown(row: Incident, name: str) -> str:
    if name == "assigned_to":
        return str(row.assigned_to or "nobody")
    label: str = getattr(row, f"get_{name}_display")()
    return label


def _high(row: Incident, *, new: bool) -> News:
    title = f"New High incident {row.number}" if new else f"{row.number} is High now"
    return _news(news.HIGH, row, f"{title}: {row.display_name}", new=new)


def _news(
    topic: str,
    row: Incident,
    title: str,
    *,
    people: Iterable[User] | None = None,
    body: str = "",
    url: str = "",
    once: str = "",
    new: bool = False,
) -> News:
    return News(
        topic=topic,
        subject=row.thread,
        title=title,
        body=body,
        url=url or f"/incidents/{row.pk}/",
        severity=row.severity,
        device_group_ids=row.device_group_ids,
        people=people,
        once=once,
        facts={
            "incident": row.pk,
            "sources": row.detection_sources,
            "tags": [*row.custom_tags, *row.system_tags],
            "categories": row.categories,
            "new": new,
        },
    )
