"""The clocks of a service level as pages show them."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

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

    @property
    def mark(self) -> str:
        """The word of the pill."""
        return f"sla {self.state}"

    @property
    def runs(self) -> bool:
        return self.state in RUNNING and self.state != ServiceState.PAUSED


def clocks_of(incident: Incident) -> list[ClockShown]:
    return [
        _shown(clock, incident.sla[clock.value]) for clock in ServiceClock if clock.value in incident.sla
    ]  # fmt: skip


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
