"""The imitated remote system. Plays the part that a vendor's API plays for a real kind."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from connectors.errors import OutcomeUnknown, TargetGone, TargetOffline, Unavailable
from connectors.kinds.simulator.behaviour import Behaviour
from connectors.kinds.simulator.effects import apply_effect
from connectors.models import Connection, ConnectorState
from connectors.ports import TENANT
from core import clock

ORDER = "order"
MAX_HISTORY = 50


@dataclass(frozen=True, slots=True)
class Remote:
    """A target as the company keeps it, locked for as long as the block lasts."""

    row: ConnectorState
    behaviour: Behaviour

    @property
    def state(self) -> dict[str, Any]:
        state: dict[str, Any] = self.row.state
        return state

    def save(self) -> None:
        self.row.updated = clock.now()
        self.row.save(update_fields=["state", "updated"])

    def use_up(self, counter: str) -> None:
        self.state["behaviour"] = {**self.state.get("behaviour", {}), counter: getattr(self.behaviour, counter) - 1}
        self.save()


class SimulatedCompany:
    """Everything behind one connection."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection

    def count(self) -> int:
        return (
            ConnectorState.objects.filter(connection=self.connection)
            .exclude(object_kind__in=[ORDER, TENANT.kind])
            .count()
        )

    @contextmanager
    def target(self, kind: str, remote_id: str) -> Iterator[Remote]:
        """The target, its due orders applied. Raises `TargetGone`."""
        with transaction.atomic():
            row = (
                ConnectorState.objects.select_for_update()
                .filter(connection=self.connection, object_kind=kind, object_id=remote_id)
                .first()
            )
            if row is None and (kind, remote_id) == (TENANT.kind, TENANT.remote_id):
                row = self._whole()
            if row is None:
                raise TargetGone(f"The simulated company has no {kind} {remote_id}.")
            remote = Remote(row, Behaviour.of(self.connection.settings, row.state.get("behaviour", {})))
            self._settle_all(remote)
            yield remote

    def _whole(self) -> ConnectorState:
        """The company as a whole exists from the beginning, so it is written down when it is first asked for."""
        rows = ConnectorState.objects
        rows.bulk_create(
            [ConnectorState(connection=self.connection, object_kind=TENANT.kind, object_id=TENANT.remote_id)],
            ignore_conflicts=True,
        )
        return rows.select_for_update().get(
            connection=self.connection, object_kind=TENANT.kind, object_id=TENANT.remote_id
        )

    def accept(self, key: str, kind: str, remote_id: str, order: Mapping[str, Any]) -> Behaviour:
        """Take an order in, once. Raises when the target cannot be reached or the answer gets lost on the way."""
        with self.target(kind, remote_id) as remote:
            if self._order(key) is not None:
                return remote.behaviour
            if remote.behaviour.unavailable > 0:
                remote.use_up("unavailable")
                failed: Exception | None = Unavailable("The simulated company does not answer.")
            elif remote.behaviour.offline:
                failed = TargetOffline(f"{remote.state.get('name', remote_id)} is offline.")
            else:
                self._take_in(remote, key, order)
                failed = None
                if remote.behaviour.loses_answers > 0:
                    remote.use_up("loses_answers")
                    failed = OutcomeUnknown("The answer of the simulated company got lost.")
        if failed is not None:
            raise failed
        return remote.behaviour

    def look_at(self, key: str) -> dict[str, Any]:
        """The order as it stands now. Raises `TargetGone` when the company never got it."""
        order = self._order(key)
        if order is None:
            raise TargetGone("The simulated company does not know this order.")
        with self.target(str(order.state["kind"]), str(order.state["remote_id"])):
            order.refresh_from_db()
        state: dict[str, Any] = order.state
        return state

    def stop(self, key: str) -> bool:
        """Cancel what has not started. Answers whether it could be."""
        standing = self.look_at(key)
        with self.target(str(standing["kind"]), str(standing["remote_id"])) as remote:
            order = self._order(key)
            if order is None or order.state["standing"] not in {"accepted", "cancelled"}:
                return False
            self._close(remote, order, "cancelled", "Cancelled before it started.")
        return True

    def _take_in(self, remote: Remote, key: str, order: Mapping[str, Any]) -> None:
        state = {
            **order,
            "standing": "accepted",
            "at": {"accepted": clock.now().isoformat()},
            "behaviour": remote.behaviour.as_json(),
            "effects": 0,
        }
        ConnectorState.objects.create(connection=self.connection, object_kind=ORDER, object_id=key, state=state)
        remote.state["open_orders"] = [*remote.state.get("open_orders", []), key]
        remote.save()
        self._settle_all(remote)

    def _settle_all(self, remote: Remote) -> None:
        """Let every order of the target go as far as its time has come."""
        if remote.behaviour.offline:
            return
        for key in list(remote.state.get("open_orders", [])):
            order = self._order(key)
            if order is not None:
                self._settle(remote, order)

    def _settle(self, remote: Remote, order: ConnectorState) -> None:
        behaviour = Behaviour(**order.state["behaviour"])
        arrived = datetime.fromisoformat(order.state["at"]["accepted"])
        if order.state["standing"] == "accepted" and clock.now() >= arrived + timedelta(
            seconds=behaviour.start_after_s
        ):
            order.state["standing"] = "running"
            order.state["at"]["running"] = (arrived + timedelta(seconds=behaviour.start_after_s)).isoformat()
            order.save(update_fields=["state"])
        ready = clock.now() >= arrived + timedelta(seconds=behaviour.finish_after_s)
        if order.state["standing"] == "running" and ready and not behaviour.hangs:
            self._finish(remote, order, behaviour)

    def _finish(self, remote: Remote, order: ConnectorState, behaviour: Behaviour) -> None:
        if behaviour.refuses:
            self._close(remote, order, "failed", behaviour.refuses)
            return
        outcome = apply_effect(remote.state, order.state, half=behaviour.half_fails, pretend=behaviour.lies)
        order.state |= {"receipt": outcome.token, "result": outcome.result, "report": outcome.report}
        order.state["effects"] += outcome.effects
        if outcome.effects:
            done = {"order": order.object_id, "action": order.state["action"], "at": clock.now().isoformat()}
            remote.state["history"] = [*remote.state.get("history", []), done][-MAX_HISTORY:]
        self._close(remote, order, outcome.standing, outcome.message)

    def _close(self, remote: Remote, order: ConnectorState, standing: str, message: str) -> None:
        order.state["standing"], order.state["message"] = standing, message
        order.state["at"][standing] = clock.now().isoformat()
        order.save(update_fields=["state"])
        remote.state["open_orders"] = [key for key in remote.state.get("open_orders", []) if key != order.object_id]
        remote.save()

    def _order(self, key: str) -> ConnectorState | None:
        return ConnectorState.objects.filter(connection=self.connection, object_kind=ORDER, object_id=key).first()
