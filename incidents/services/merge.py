"""Merging by hand: two to five incidents of which a person knows that they are one.

The portal chooses which one stays. The others remain as signposts: their addresses lead to it, and their history is
told in its Activities as well.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Exists, OuterRef

from accounts.models import User
from core import audit, clock, outbox
from core.actors import Actor
from core.wording import counted
from incidents.correlation import merge as rows_of
from incidents.enums import Classification, CorrelationReason, Determination, IncidentStatus
from incidents.models import Alert, Comment, CorrelationLink, Incident
from incidents.queries.incidents import OPEN
from incidents.services.announce import publish_change
from incidents.services.changes import MAX_TAGS, MAX_TEXT, plain_text
from incidents.services.manage import update_incident
from incidents.services.roll_up import roll_up
from incidents.services.service_levels import settle_clocks

MERGED = "incident.merged"
RULE = "manual_merge"
NOT_MERGEABLE = "not_mergeable"
MOST_AT_ONCE, MOST_ALERTS = 5, 10_000


@dataclass(frozen=True, slots=True)
class Check:
    """One condition. `said` is what holds, or what stands in the way and the way out."""

    holds: bool
    said: str


@dataclass(frozen=True, slots=True)
class MergePlan:
    """What a merge would do. `why` says why `target` stays; the counts are of what moves into it."""

    target: Incident
    sources: list[Incident]
    why: str
    checks: list[Check]
    alerts: int
    comments: int

    @property
    def refusals(self) -> list[str]:
        return [check.said for check in self.checks if not check.holds]

    @property
    def everything(self) -> list[Incident]:
        return [self.target, *self.sources]

    @property
    def taken_over(self) -> dict[str, Any]:
        """What the target has not set and gets from the others."""
        taken: dict[str, Any] = {"custom_tags": _tags(self.everything)}
        owner = next((row.assigned_to for row in self.everything if row.assigned_to), None)
        verdict = _decided(self.everything)
        if owner is not None:
            taken["assigned_to"] = owner
        if verdict is not None:
            taken.update(classification=verdict.classification, determination=verdict.determination)
        if self.target.status == IncidentStatus.ACTIVE and _any_taken_up(self.sources):
            taken["status"] = IncidentStatus.IN_PROGRESS.value
        return taken


def plan_merge(incidents: Sequence[Incident], *, user: User) -> MergePlan:
    """What merging these would do and whether it may be done. Changes nothing."""
    ordered = sorted(incidents, key=_precedence)
    target, sources = ordered[0], ordered[1:]
    keys = [row.pk for row in sources]
    return MergePlan(
        target=target,
        sources=sources,
        why=_why(target, sources),
        checks=_checks(ordered, user),
        alerts=Alert.objects.filter(incident__in=keys).count(),
        comments=Comment.objects.filter(incident__in=keys).count(),
    )


def merge_incidents(
    incidents: Sequence[Incident],
    *,
    actor: Actor,
    user: User,
    reasons: Sequence[str] = (CorrelationReason.SAME_CAMPAIGN,),
    comment: str = "",
) -> Incident:
    """Merge 2 to 5 incidents that the caller fetched through `visible_to(user)`; answers the one that stays.

    `reasons` are of `CorrelationReason`; the first is kept with each alert that has none. Raises `ValidationError` with
    every condition of `plan_merge` that does not hold, under the code `not_mergeable`.
    """
    unknown = [reason for reason in reasons if reason not in CorrelationReason.values]
    if unknown or not reasons:
        raise ValidationError(f"{unknown[0][:40]!r} is not a reason." if unknown else "Name at least one reason.")
    comment = plain_text(comment, limit=MAX_TEXT, label="Comment")
    with transaction.atomic():
        wanted = {row.pk for row in incidents}
        locked = Incident.objects.select_for_update(of=("self",)).select_related("assigned_to")
        plan = plan_merge(list(locked.filter(pk__in=wanted).order_by("pk")), user=user)
        if plan.refusals:
            raise ValidationError([ValidationError(said, code=NOT_MERGEABLE) for said in plan.refusals])
        _move(plan, actor=actor, reasons=reasons, comment=comment)
        target = update_incident(plan.target, changes=plan.taken_over, actor=actor, reason="Taken over in a merge")
        _keep_clocks(target, plan.sources, actor=actor)
        roll_up([target.pk], actor=actor)
        for row in (target, *plan.sources):
            row.refresh_from_db()
            publish_change(row, ["alerts", "status"])
        for row in plan.sources:
            outbox.publish(MERGED, source_id=row.pk, target_id=target.pk)
    return target


def _precedence(row: Incident) -> tuple[bool, bool, Any, int]:
    """Work that somebody took up stays; else the oldest."""
    return (row.assigned_to_id is None, row.status == IncidentStatus.ACTIVE, row.created, row.pk)


def _why(target: Incident, sources: Sequence[Incident]) -> str:
    if target.assigned_to_id is not None and any(row.assigned_to_id is None for row in sources):
        return "it has an owner"
    if target.status != IncidentStatus.ACTIVE and any(row.status == IncidentStatus.ACTIVE for row in sources):
        return "somebody works on it"
    return "it is the oldest"


def _checks(rows: Sequence[Incident], user: User) -> list[Check]:
    closed = [row.number for row in rows if row.status not in OPEN]
    owners = {str(row.assigned_to) for row in rows if row.assigned_to}
    verdicts = {_verdict(row) for row in rows if row.classification != Classification.UNKNOWN}
    wholly = set(Incident.objects.wholly_visible_to(user).filter(pk__in=[row.pk for row in rows]).values_list("pk"))
    partly = [row.number for row in rows if (row.pk,) not in wholly]
    total = sum(int(row.alert_counts.get("total", 0)) for row in rows)
    return [
        _check(2 <= len(rows) <= MOST_AT_ONCE, f"{len(rows)} incidents, at most {MOST_AT_ONCE} at once",
               f"Merge 2 to {MOST_AT_ONCE} at once; {counted(len(rows), 'is', 'are')} chosen."),
        _check(not closed, "All are open", f"{_listed(closed)} is closed: reopen it first, or leave it out."),
        _check(len(owners) < 2, "One owner or none",
               f"Different owners: {_listed(sorted(owners))}. Assign them to one person, or to nobody, first."),
        _check(len(verdicts) < 2, "One classification or none",
               f"Classified differently: {_listed(sorted(verdicts))}. Agree on one first."),
        _check(not partly, "You see every alert of them",
               f"Part of {_listed(partly)} lies outside your device groups: somebody who sees all of it can merge."),
        _check(len({frozenset(_named(row)) for row in rows}) == 1, "Seen by the same people",
               "A restricted incident stays among its named people: lift the restriction, or restrict all of them."),
        _check(len({row.exercise for row in rows}) == 1, "None mixes demo data with real alerts",
               "Alerts of an exercise and real ones never share an incident."),
        _check(total <= MOST_ALERTS, f"{counted(total, 'alert')} together",
               f"Together {total:,} alerts: an incident holds at most {MOST_ALERTS:,}."),
    ]  # fmt: skip


def _check(holds: bool, good: str, bad: str) -> Check:
    return Check(holds, good if holds else bad)


def _listed(names: Sequence[str]) -> str:
    return " and ".join(filter(None, [", ".join(names[:-1]), *names[-1:]]))


def _verdict(row: Incident) -> str:
    """`True positive: malware`; a determination that is not set goes with each."""
    said = str(row.get_classification_display())
    return said if row.determination == Determination.UNKNOWN else f"{said}: {row.get_determination_display().lower()}"


def _decided(rows: Sequence[Incident]) -> Incident | None:
    return next((row for row in rows if row.classification != Classification.UNKNOWN), None)


def _any_taken_up(rows: Sequence[Incident]) -> bool:
    return any(row.status == IncidentStatus.IN_PROGRESS for row in rows)


def _named(row: Incident) -> list[int]:
    """Keys of the people it is restricted to; [0] when it is not, which is nobody's key."""
    return list(row.restricted_to.values_list("pk", flat=True)) if row.restricted else [0]


def _tags(rows: Sequence[Incident]) -> list[str]:
    """All tags, the target's first; the first spelling wins."""
    tags: dict[str, str] = {}
    for tag in (tag for row in rows for tag in row.custom_tags):
        tags.setdefault(tag.casefold(), tag)
    return list(tags.values())[:MAX_TAGS]


def _move(plan: MergePlan, *, actor: Actor, reasons: Sequence[str], comment: str) -> None:
    target, now = plan.target, clock.now()
    alerts = Alert.objects.filter(incident__in=plan.sources)
    owner = plan.taken_over.get("assigned_to")
    if owner is not None:
        alerts.update(assigned_to=owner, updated=now)
    told = CorrelationLink.objects.filter(alert=OuterRef("pk"), undone=None)
    without_reason = alerts.filter(~Exists(told)).values_list("pk", "incident")
    CorrelationLink.objects.bulk_create(
        CorrelationLink(alert_id=alert, incident=target, reason=reasons[0], rule=RULE, created=now,
                        evidence=f"merged from INC-{source} by {actor.name}"[:500])
        for alert, source in without_reason
    )  # fmt: skip
    for row in plan.sources:
        audit.copy_thread(row.thread, to=target.thread)
    said = f"{', '.join(CorrelationReason(reason).label for reason in reasons)}. {comment}".strip()
    rows_of.merge_incidents([(target, plan.sources)], actor=actor, reason=said)


def _keep_clocks(target: Incident, sources: Sequence[Incident], *, actor: Actor) -> None:
    """The earliest of each clock holds for the whole."""
    found = {
        name: min((at for row in (target, *sources) if (at := getattr(row, name))), default=None)
        for name in ("acknowledged", "contained_at")
    }
    Incident.objects.filter(pk=target.pk).update(**found)
    changes = {name: (getattr(target, name), at) for name, at in found.items() if at != getattr(target, name)}
    if changes:
        audit.record("incident.clocks", subject=target.thread, actor=actor, changes=changes)
    settle_clocks(Incident.objects.get(pk=target.pk))
