"""The clocks of a service level as pages show them."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from incidents.containment import Coverage
from incidents.enums import PauseReason, ServiceClock, ServiceState
from incidents.models import Incident
from incidents.service_levels import RUNNING


@dataclass(frozen=True, slots=True)
class ClockShown:
    """One clock. `due` while it runs, `ended` when it has ended."""

    label: str
    state: str
    due: datetime | None
    ended: datetime | None
    by_close: bool
    aside: str = ""

    @property
    def mark(self) -> str:
        """The word of the pill."""
        return f"sla {self.state}"

    @property
    def runs(self) -> bool:
        return self.state in RUNNING and self.state != ServiceState.PAUSED


def clocks_of(incident: Incident, reached: Coverage | None = None) -> list[ClockShown]:
    """`reached` is what the attack reached and how much of it is held, as the head of the page tells it."""
    shown = {clock: _shown(clock, incident.sla[clock.value]) for clock in ServiceClock if clock.value in incident.sla}
    if ServiceClock.CONTAIN in shown:
        shown[ServiceClock.CONTAIN] = _with_extent(shown[ServiceClock.CONTAIN], incident, reached)
    return list(shown.values())


def _with_extent(clock: ClockShown, incident: Incident, reached: Coverage | None) -> ClockShown:
    """The promise is that containment begins in time. That it was kept does not say that everything is held; what was
    held at a close is told by the review."""
    in_time = clock.state == ServiceState.COMPLETED_MET
    if clock.by_close:
        return replace(clock, state="never begun") if in_time else clock
    if clock.ended is None or (incident.is_open and reached is not None and not reached.open_names):
        return clock
    if incident.is_open and reached is not None:
        return replace(clock, state="begun" if in_time else "begun late", aside=reached.text)
    return replace(clock, state="begun and closed") if in_time else clock


def _shown(clock: ServiceClock, stored: dict[str, Any]) -> ClockShown:
    return ClockShown(str(clock.label), stored["state"], _time(stored["due"]), _time(stored["ended"]),
                      bool(stored.get("by_close")))  # fmt: skip


def pause_of(incident: Incident) -> dict[str, Any] | None:
    """The pause that lasts, in words."""
    last = incident.sla_pauses[-1] if incident.sla_pauses else None
    if last is None or last["until"] is not None:
        return None
    reason = str(PauseReason(last["reason"]).label) if last["reason"] in PauseReason.values else last["reason"]
    return {"since": _time(last["since"]), "reason": reason, "note": last["note"], "by": last["by"]}


def _time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
