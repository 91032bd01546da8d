"""What every connector kind must keep. A new kind is picked up by the registry and needs a lab in `labs/<kind>.py`."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from importlib import import_module
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from connectors.enums import FINAL_STATES, DeliveryState
from connectors.errors import ConnectorError, Retry
from connectors.models import Connection
from connectors.ports import (
    CancelAnswer,
    CancelSupport,
    Capability,
    Connector,
    Offline,
    Report,
    Request,
    Reversal,
    Ticket,
)
from connectors.receipts import Receipt
from connectors.registry import Kind, all_kinds, open_connection
from connectors.targets import Target
from core import clock
from tests.contracts.labs import Case, Lab
from tests.factories.small_agent import make_keys

pytestmark = pytest.mark.django_db


def capabilities() -> Iterator[tuple[Kind, Capability]]:
    for kind in all_kinds():
        for capability in kind.open(Connection(kind=kind.key)).describe().capabilities:
            yield kind, capability


@dataclass
class Bench:
    """One capability of one kind, with a target that is ready for it."""

    lab: Lab
    connection: Connection
    connector: Connector
    capability: Capability
    case: Case

    def request(self, key: str = "", action: str = "") -> Request:
        return Request(
            key or uuid4().hex, action or self.case.action, self.case.target, self.case.arguments, "contract"
        )

    def submit(self, request: Request) -> Ticket:
        self.lab.expect(self.connection, request, None)
        return self.connector.submit(request)

    def undo(self, request: Request, receipt: Receipt) -> Ticket:
        self.lab.expect(self.connection, request, receipt)
        return self.connector.undo(request, receipt)

    def poll(self, ticket: Ticket, cursor: str = "") -> Report:
        self.lab.go_on(self.connection)
        return self.connector.poll(ticket, cursor)

    def be(self, situation: str) -> None:
        self.lab.be(self.connection, self.case, situation)

    def seen(self) -> str:
        return self.connector.observe(self.case.target, self.case.facet, self.case.facet_key).value

    def finish(self, ticket: Ticket) -> Report:
        """Poll until the end, with the clock running on."""
        cursor, report = "", None
        for second in range(0, 600, 10):
            with clock.at(clock.now() + timedelta(seconds=second)):
                report = self.poll(ticket, cursor)
            if report.state in FINAL_STATES:
                return report
            cursor = report.cursor
        raise AssertionError(f"No end: {report}")


@pytest.fixture(params=list(capabilities()), ids=lambda pair: f"{pair[0].key}-{pair[1].action}")
def bench(request: pytest.FixtureRequest, db: None, settings: Any, tmp_path: Path) -> Bench:
    make_keys(settings, tmp_path)
    kind, capability = request.param
    lab: Lab = import_module(f"tests.contracts.labs.{kind.key}").LAB
    connection = lab.connection()
    case = lab.case(connection, capability)
    return Bench(lab, connection, open_connection(connection), capability, case)


def test_the_manifest_names_the_kind(bench: Bench) -> None:
    manifest = bench.connector.describe()
    assert manifest.kind == bench.connection.kind
    assert manifest.capability(bench.case.action, bench.case.target.kind) == bench.capability


def test_the_remote_side_tells_that_it_is_well(bench: Bench) -> None:
    assert bench.connector.check()


def test_looking_ahead_changes_nothing(bench: Bench) -> None:
    preflight = bench.connector.preflight(bench.request())
    assert not preflight.blockers
    assert bench.seen() == bench.case.before


def test_an_order_goes_to_its_end_and_the_truth_shows_it(bench: Bench) -> None:
    assert bench.seen() == bench.case.before
    request = bench.request()
    report = bench.finish(bench.submit(request))
    assert report.state == DeliveryState.SUCCEEDED
    assert bench.seen() == bench.case.after
    assert bench.lab.effects(bench.connection, request.key) == 1


def test_the_same_key_is_the_same_order(bench: Bench) -> None:
    request = bench.request()
    first, again = bench.submit(request), bench.submit(request)
    bench.finish(first)
    late = bench.submit(request)
    assert first.id == again.id == late.id
    assert bench.lab.effects(bench.connection, request.key) == 1


def test_lines_and_states_do_not_repeat_themselves(bench: Bench) -> None:
    ticket = bench.submit(bench.request())
    report = bench.finish(ticket)
    again = bench.poll(ticket, report.cursor)
    assert (again.state, again.result) == (report.state, report.result)
    assert len({line.id for line in report.log}) == len(report.log)


def test_a_lost_answer_is_asked_again_without_a_second_effect(bench: Bench) -> None:
    bench.be("loses_answer_once")
    request = bench.request()
    with pytest.raises(ConnectorError) as error:
        bench.submit(request)
    assert error.value.retry == Retry.ASK
    bench.finish(bench.submit(request))
    assert bench.lab.effects(bench.connection, request.key) == 1


def test_a_remote_side_that_is_away_means_try_later(bench: Bench) -> None:
    bench.be("unavailable_once")
    request = bench.request()
    with pytest.raises(ConnectorError) as error:
        bench.submit(request)
    assert error.value.retry == Retry.LATER
    assert bench.lab.effects(bench.connection, request.key) == 0
    assert bench.finish(bench.submit(request)).state == DeliveryState.SUCCEEDED


def test_an_offline_target_is_waited_for_as_the_manifest_says(bench: Bench) -> None:
    bench.be("offline")
    request = bench.request()
    if bench.capability.offline == Offline.REMOTE_QUEUE:
        assert bench.poll(bench.submit(request), "").state == DeliveryState.DELIVERED
    else:
        with pytest.raises(ConnectorError) as error:
            bench.submit(request)
        wanted = Retry.WHEN_SEEN if bench.capability.offline == Offline.PORTAL_QUEUE else Retry.NEVER
        assert error.value.retry == wanted
        assert bench.lab.effects(bench.connection, request.key) == 0
    bench.be("online")
    if bench.capability.offline == Offline.PORTAL_QUEUE:
        assert bench.finish(bench.submit(request)).state == DeliveryState.SUCCEEDED


def test_an_order_that_has_not_started_can_be_cancelled(bench: Bench) -> None:
    bench.be("slow")
    request = bench.request()
    ticket = bench.submit(request)
    if bench.capability.cancel == CancelSupport.NONE:
        assert bench.connector.cancel(ticket) == CancelAnswer.UNSUPPORTED
        return
    assert bench.connector.cancel(ticket) == CancelAnswer.ACCEPTED
    assert bench.connector.cancel(ticket) == CancelAnswer.ACCEPTED
    with clock.at(clock.now() + bench.lab.slow_by()):
        assert bench.poll(ticket, "").state == DeliveryState.CANCELLED
        assert bench.seen() == bench.case.before
    assert bench.lab.effects(bench.connection, request.key) == 0


def test_it_is_too_late_to_cancel_what_has_ended(bench: Bench) -> None:
    ticket = bench.submit(bench.request())
    bench.finish(ticket)
    assert bench.connector.cancel(ticket) in {CancelAnswer.TOO_LATE, CancelAnswer.UNSUPPORTED}
    assert bench.seen() == bench.case.after


def test_a_slow_order_is_not_done_before_its_time(bench: Bench) -> None:
    bench.be("slow")
    ticket = bench.submit(bench.request())
    assert bench.poll(ticket, "").state not in FINAL_STATES
    assert bench.seen() == bench.case.before
    with clock.at(clock.now() + bench.lab.slow_by()):
        assert bench.poll(ticket, "").state in FINAL_STATES | {DeliveryState.STARTED}


def test_undo_restores_what_was_there(bench: Bench) -> None:
    if bench.capability.reversal == Reversal.NONE:
        assert not bench.case.inverse
        return
    report = bench.finish(bench.submit(bench.request()))
    assert report.receipt is not None
    back = bench.finish(bench.undo(bench.request(action=bench.case.inverse), report.receipt))
    assert back.state == DeliveryState.SUCCEEDED
    assert bench.seen() == bench.case.before


def test_an_undo_is_idempotent_too(bench: Bench) -> None:
    if bench.capability.reversal == Reversal.NONE:
        return
    report = bench.finish(bench.submit(bench.request()))
    assert report.receipt is not None
    request = bench.request(action=bench.case.inverse)
    first, again = bench.undo(request, report.receipt), bench.undo(request, report.receipt)
    assert first.id == again.id
    bench.finish(first)
    assert bench.lab.effects(bench.connection, request.key) == 1


def test_what_cannot_be_seen_is_not_told(bench: Bench) -> None:
    bench.be("unobservable")
    try:
        observed = bench.connector.observe(bench.case.target, bench.case.facet, bench.case.facet_key)
    except ConnectorError:
        return
    assert not observed.known


def test_a_target_that_does_not_exist_is_never_acted_on(bench: Bench) -> None:
    nobody = Target(bench.case.target.kind, "nobody-has-this-id")
    request = Request(uuid4().hex, bench.case.action, nobody, bench.case.arguments)
    with pytest.raises(ConnectorError) as error:
        bench.submit(request)
    assert error.value.retry == Retry.NEVER
    assert bench.connector.preflight(request).blockers


def test_a_ticket_nobody_gave_is_an_error(bench: Bench) -> None:
    with pytest.raises(ConnectorError):
        bench.connector.poll(Ticket("never-given"), "")
