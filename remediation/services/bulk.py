"""One deed on many runs of one action. Every run is authorised, decided and recorded by itself; one that is refused
stops no other."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from django.core.exceptions import ValidationError

from accounts.models import User
from core.actors import Actor
from remediation.catalog import get
from remediation.enums import Source
from remediation.models import ActionRun
from remediation.queries.runs import RunQuerySet
from remediation.refused import Refused
from remediation.services.decide import approve_run, reject_run
from remediation.services.request import clean_comment
from remediation.services.undo import undo_run
from remediation.taken_back import DONE, taken_back_of

MOST = 100


class Deed(StrEnum):
    APPROVE = "approve"
    REJECT = "reject"
    UNDO = "undo"


WORDS = {Deed.APPROVE: "approved", Deed.REJECT: "rejected", Deed.UNDO: "undo asked for"}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one of them. `run` is the run afterwards: of an undo the second one."""

    run_id: int
    about: str
    ok: bool
    code: str = ""
    message: str = ""
    run: ActionRun | None = None


def find_many(ids: Iterable[int], user: User) -> list[ActionRun]:
    """Those of them that this person may see, in the order of the ids."""
    wanted = list(dict.fromkeys(ids))[:MOST]
    runs = ActionRun.objects.visible_to(user).select_related("incident", "parent", "undoes").distinct()
    known = runs.in_bulk(wanted)
    return [known[pk] for pk in wanted if pk in known]


def why_not_together(runs: Sequence[ActionRun]) -> str:
    """Why these cannot be done in one go; empty when they can."""
    if not runs:
        return "Check at least one action."
    kinds = sorted({get(run.action).label for run in runs})
    if len(kinds) > 1:
        named = ", ".join(kinds[:4])
        return f"Only actions of one type are done together, because one reason stands for all. Checked are: {named}."
    return ""


def do_to_many(
    runs: Sequence[ActionRun], *, deed: Deed, actor: Actor, user: User, comment: str, source: str = Source.MANUAL
) -> list[Outcome]:
    """Do it to each. Raises `ValidationError` when they do not belong together or the reason is missing."""
    if why := why_not_together(runs):
        raise ValidationError({"ids": why})
    reason = comment if deed == Deed.APPROVE else clean_comment(comment)
    return [_one(run, _verb(deed, source), actor=actor, user=user, reason=reason) for run in runs]


def _verb(deed: Deed, source: str) -> Callable[..., ActionRun]:
    if deed == Deed.UNDO:
        return lambda run, **who: undo_run(run, source=source, **who)
    return approve_run if deed == Deed.APPROVE else reject_run


def _one(run: ActionRun, verb: Callable[..., ActionRun], *, actor: Actor, user: User, reason: str) -> Outcome:
    about = f"{run.number}, {run.target_name}"
    try:
        after = verb(run, actor=actor, user=user, comment=reason)
    except Refused as refused:
        return Outcome(run.pk, about, ok=False, code=refused.code, message=refused.message)
    except ValidationError as error:
        return Outcome(run.pk, about, ok=False, code="invalid", message=" ".join(error.messages))
    return Outcome(run.pk, about, ok=True, run=after)


def alike(run: ActionRun, user: User, *, deed: Deed) -> list[ActionRun]:
    """The other runs of the same action to which the same could be done: for a decision the equal requests that wait,
    for an undo the other places where it took effect and nobody takes it back."""
    seen = ActionRun.objects.visible_to(user).select_related("incident", "parent", "undoes").exclude(pk=run.pk)
    seen = _same_thing(seen.filter(action=run.action), run)
    if deed == Deed.UNDO:
        done = list(seen.filter(status__in=DONE).order_by("-ended", "-pk").distinct()[:MOST])
        so_far = taken_back_of(one.pk for one in done)
        return [one for one in done if not so_far[one.pk].is_claimed]
    return list(seen.pending().order_by("created", "pk").distinct()[:MOST])


def _same_thing(rows: RunQuerySet, run: ActionRun) -> RunQuerySet:
    """The same file on other devices, the same message in other mailboxes, else the same incident."""
    if run.parent_id is not None:
        return rows.filter(target_kind=run.target_kind, facet_key=run.facet_key).exclude(parent=None)
    rows = rows.top_level()
    if get(run.action).fans_out:
        return rows.filter(target_kind=run.target_kind, target_id=run.target_id)
    if run.facet_key:
        return rows.filter(target_kind=run.target_kind, facet_key=run.facet_key)
    return rows.filter(incident=run.incident_id) if run.incident_id else rows.none()
