"""What may be told of a thing to somebody outside: blocks of plain lines, from which the asker chooses. Built with the
asker's eyes: nobody shares what they do not see themselves."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from accounts.models import User
from core.wording import visible
from incidents.entity_facts import alerts_naming, facts_of
from incidents.models import Alert, Device, Evidence, File, Incident
from remediation.catalog import get
from remediation.models import ActionRun

Subject = Incident | Alert | Device | File
MOST_LINES = 40
LONGEST = 400
DEFAULT = ("facts", "alerts")


@dataclass(frozen=True, slots=True)
class Block:
    """One thing that may be shared: a title and lines of text."""

    key: str
    title: str
    lines: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        told = asdict(self)
        return {"title": told["title"], "lines": list(told["lines"])}


def blocks_of(subject: Subject, *, user: User) -> list[Block]:
    """Everything that could be shared now; a block without lines is left out."""
    alerts = _alerts(subject, user)
    blocks = [
        Block("facts", "Facts", _facts(subject)),
        Block("alerts", "Alerts", _lines(f"{_at(one.last_activity)} {one.title} ({one.severity})" for one in alerts)),
        Block("evidence", "Evidence", _evidence(alerts)),
        Block("actions", "Actions taken", _actions(subject, user)),
    ]
    return [block for block in blocks if block.lines]


def frozen(subject: Subject, chosen: Iterable[str], *, user: User) -> list[dict[str, Any]]:
    """The chosen blocks as they are at this moment."""
    wanted = set(chosen)
    return [block.as_json() for block in blocks_of(subject, user=user) if block.key in wanted]


def _facts(subject: Subject) -> tuple[str, ...]:
    if isinstance(subject, Device | File):
        return _lines(f"{fact['label']}: {_said(fact['value'])}" for fact in facts_of(subject))
    told: list[tuple[str, object]] = [
        ("Severity", subject.get_severity_display()),
        ("Status", subject.get_status_display()),
        ("First activity", _at(subject.first_activity)),
        ("Last activity", _at(subject.last_activity)),
    ]
    if isinstance(subject, Alert):
        told += [("Source", subject.service_source), ("Techniques", ", ".join(subject.mitre_techniques)),
                 ("Description", subject.description)]  # fmt: skip
    return _lines(f"{label}: {value}" for label, value in told if value)


def _alerts(subject: Subject, user: User) -> list[Alert]:
    if isinstance(subject, Alert):
        return [subject]
    rows = (
        Alert.objects.visible_to(user).filter(incident=subject)
        if isinstance(subject, Incident)
        else alerts_naming(subject, user)
    )
    return list(rows.order_by("-last_activity", "-id")[:MOST_LINES])


def _evidence(alerts: list[Alert]) -> tuple[str, ...]:
    """By the names that the alerts themselves say."""
    rows = Evidence.objects.filter(alert__in=alerts).order_by("-id")[: 4 * MOST_LINES]
    told = (f"{row.type_label}: {row.display} ({row.get_verdict_display().lower()})" for row in rows)
    return _lines(dict.fromkeys(told))


def _actions(subject: Subject, user: User) -> tuple[str, ...]:
    runs = ActionRun.objects.visible_to(user).top_level()
    if isinstance(subject, Incident):
        runs = runs.filter(incident=subject)
    elif isinstance(subject, Alert):
        return ()
    else:
        runs = runs.filter(target_kind=subject.kind, target_id=subject.pk)
    return _lines(
        f"{_at(run.created)} {get(run.action).label}, {run.target_name}: {run.get_status_display().lower()}"
        for run in runs.order_by("-created", "-id")[:MOST_LINES]
    )


def _lines(texts: Iterable[str]) -> tuple[str, ...]:
    return tuple(visible(" ".join(text.split()))[:LONGEST] for text, _ in zip(texts, range(MOST_LINES), strict=False))


def _said(value: object) -> str:
    if isinstance(value, datetime):
        return _at(value)
    if isinstance(value, dict):
        return str(value.get("word", ""))
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def _at(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC" if moment else ""
