"""What the team of the past has put on its list of indicators, and one question that it put to its experts."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

from django.db import transaction

from accounts.models import User
from connectors.models import Connection
from core import clock
from exercises.keys import DEMO
from incidents.models import Incident
from remediation.models import ExpertGroup, ExpertRequest, Indicator
from remediation.services.ask_expert import ask_expert, close_request, say
from remediation.services.enforce_indicators import enforce_now
from remediation.services.remove_indicator import expire_indicators, remove_indicator
from remediation.services.set_indicator import create_indicator

_QUESTION = "Nothing is found under its hash. Do you know the family, and does it leave anything behind to look for?"
_ANSWER = (
    "Known since spring. It leaves a scheduled task named like an updater; look for that on every machine that called "
    "the same server."
)
# When the connection is looked at again after an order: taken in, started, ended.
_LOOKS = (timedelta(0), timedelta(seconds=1), timedelta(seconds=4))


@dataclass(frozen=True)
class Entry:
    """One indicator: how many days ago it was made, by whom, for how long, and why it was taken away again."""

    days_ago: int
    by: str
    type: str
    value: str
    action: str
    title: str
    why: str
    severity: str = "medium"
    lasts: int | None = None
    removed: str = ""


def _digest(name: str) -> str:
    return sha256(f"{name} of the demo".encode()).hexdigest()


ENTRIES = (
    Entry(81, "demo.dev.anand", "domainName", "parcel-redelivery.example", "block", "Phishing: parcel redelivery",
          "Lures of the spring campaign lead there.", "high"),
    Entry(74, "demo.iwona.petrak", "ipAddress", "192.0.2.77", "block", "Server of the loader",
          "Three machines called it within an hour.", "high", 180),
    Entry(66, "demo.dev.anand", "fileSha256", _digest("loader"), "blockAndRemediate", "Loader of the spring campaign",
          "It came back on machines that were cleaned.", "high"),
    Entry(58, "demo.iwona.petrak", "fileSha256", _digest("inventory agent"), "allowed", "Inventory agent",
          "The service desk's own tool; it was quarantined twice.", "low"),
    Entry(41, "demo.dev.anand", "domainName", "file-share.example", "warn", "File share of a supplier",
          "Used to bring in macros.", "medium", None, "The supplier has moved; the warning stood in the way of work."),
    Entry(33, "demo.iwona.petrak", "certificateThumbprint", _digest("certificate")[:40], "blockAndRemediate",
          "Stolen signing certificate", "Published by its issuer as revoked.", "high"),
    Entry(27, "demo.dev.anand", "url", "http://status-page.example/update", "audit", "Address in a report",
          "Who calls it, before anybody blocks it.", "low", 14),
)  # fmt: skip


def leave_indicators(connection: Connection, *, anchor: datetime) -> None:
    """Play the list under the clock of then; done once."""
    if Indicator.objects.filter(exercise=DEMO).exists():
        return
    team = {user.username: user for user in User.objects.filter(exercise=DEMO).prefetch_related("roles")}
    with transaction.atomic():
        for entry in ENTRIES:
            _play(entry, team[entry.by], connection, at=anchor - timedelta(days=entry.days_ago))
        with clock.at(anchor):
            expire_indicators()
            _follow(connection, at=anchor)
        _ask(team, anchor)


def _play(entry: Entry, user: User, connection: Connection, *, at: datetime) -> None:
    fields: dict[str, Any] = {
        "type": entry.type,
        "value": entry.value,
        "action": entry.action,
        "title": entry.title,
        "severity": entry.severity,
        "generate_alert": entry.action in {"audit", "warn"},
        "expires_at": at + timedelta(days=entry.lasts) if entry.lasts else None,
    }
    with clock.at(at):
        made = create_indicator(fields=fields, reason=entry.why, actor=user.actor, user=user, exercise=DEMO)
    _follow(connection, at=at)
    if entry.removed:
        later = at + timedelta(days=9)
        with clock.at(later):
            remove_indicator(made, reason=entry.removed, actor=user.actor, user=user)
        _follow(connection, at=later)


def _follow(connection: Connection, *, at: datetime) -> None:
    for pause in _LOOKS:
        with clock.at(at + pause):
            enforce_now(connection, rounds=2)


def _ask(team: dict[str, User], anchor: datetime) -> None:
    """A question about the gravest incident of the past, answered by the group."""
    incident = Incident.objects.filter(exercise=DEMO, status="resolved", severity="high").order_by("created").first()
    if incident is None or ExpertRequest.objects.filter(exercise=DEMO).exists():
        return
    group = ExpertGroup.objects.create(
        name="Malware analysts",
        description="Unknown programs, families, decryptors.",
        answer_within_h=24,
        exercise=DEMO,
    )
    analyst, expert = team["demo.leila.haddad"], team["demo.dev.anand"]
    # Whoever of them has a password of their own answers what is asked today; the team of the past is switched off.
    present = User.objects.filter(username="responder", is_active=True)
    group.members.set([expert, team["demo.iwona.petrak"], *present])
    at = min(incident.created + timedelta(hours=1), anchor)
    with clock.at(at):
        request = ask_expert(
            incident, topic="Is this loader known?", text=_QUESTION, share=["facts", "alerts", "evidence"],
            group=group, within_h=24, actor=analyst.actor, user=analyst,
        )  # fmt: skip
    with clock.at(at + timedelta(hours=2)):
        say(request, text=_ANSWER, actor=expert.actor, user=expert)
    with clock.at(at + timedelta(hours=3)):
        close_request(request, actor=analyst.actor, user=analyst)
