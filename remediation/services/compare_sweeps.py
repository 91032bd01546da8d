"""What became of what an earlier sweep found, according to a later one."""

from dataclasses import dataclass

from accounts.models import User
from remediation.enums import SweepPartState
from remediation.models import Sweep, SweepFinding


@dataclass(frozen=True, slots=True)
class Comparison:
    """Findings of the earlier sweep by what the later one says of them; `fresh` are those it found first. `unknown`
    are on devices that did not answer it, or were not looked for."""

    earlier: Sweep
    gone: list[SweepFinding]
    left: list[SweepFinding]
    unknown: list[SweepFinding]
    fresh: list[SweepFinding]

    @property
    def total(self) -> int:
        return len(self.gone) + len(self.left) + len(self.unknown)

    @property
    def in_words(self) -> str:
        """ "3 of 5 gone", with what nobody knows."""
        said = f"{len(self.gone)} of {self.total} gone since {self.earlier.number}"
        if self.unknown:
            said += f", {len(self.unknown)} not known"
        return said + (f", {len(self.fresh)} new" if self.fresh else "")


def sweep_before(sweep: Sweep) -> Sweep | None:
    return Sweep.objects.filter(incident=sweep.incident_id, pk__lt=sweep.pk).order_by("-pk").first()


def compare(sweep: Sweep, user: User, earlier: Sweep | None = None) -> Comparison | None:
    """None when there is nothing earlier. Only what this person may see counts."""
    before = earlier or sweep_before(sweep)
    if before is None:
        return None
    seen = SweepFinding.objects.visible_to(user).select_related("device")
    then, now = list(seen.filter(sweeps=before)), list(seen.filter(sweeps=sweep))
    again = {one.pk for one in now}
    answered = sweep.parts.filter(state=SweepPartState.ANSWERED)
    missed = dict(answered.values_list("device_id", "missed"))
    asked = {(one["kind"], one["value"]) for one in sweep.items}
    left = [one for one in then if one.pk in again]
    missing = [one for one in then if one.pk not in again]
    gone = [
        one for one in missing
        if one.kind not in missed.get(one.device_id, [one.kind]) and (one.kind, one.value) in asked
    ]  # fmt: skip
    known = {one.pk for one in [*left, *gone]}
    first = {one.pk for one in then}
    return Comparison(
        before, gone, left, [one for one in then if one.pk not in known], [one for one in now if one.pk not in first]
    )
