"""Large files from devices: in parts, through crashes, and never believed before the whole has its digest."""

import hashlib
import random
from datetime import timedelta
from pathlib import Path

import pytest
from pytest_django import DjangoCaptureOnCommitCallbacks, Settings

from accounts.models import DeviceGroup
from connectors.enums import DeliveryState, OrderState
from connectors.kinds.endpoint_agent.connector import EndpointAgentConnector
from connectors.kinds.endpoint_agent.reading import read_facet
from connectors.models import Agent, AgentOrder, AgentUpload, Delivery
from connectors.ports import Ticket
from connectors.services.agents import uploads, wanted_files
from connectors.services.agents.heartbeat import work_for
from connectors.services.agents.running_digests import Digests
from connectors.services.agents.uploads import (
    UploadRefused,
    begin_upload,
    forget_ended,
    forget_upload,
    sent_by,
    take_part,
)
from connectors.services.agents.wanted_files import STILL, is_moving
from core import blobs, clock, content_files
from core.models import OutboxEvent
from tests.connectors.agent_orders import handed
from tests.factories.agents import plain_agent

MEBI = 1024 * 1024
CONTENT = random.Random(7).randbytes(9 * MEBI + 77)
DIGEST = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Path:
    settings.BLOBS_DIR = tmp_path / "files"
    monkeypatch.setattr(uploads, "_digests", Digests())
    folder: Path = settings.BLOBS_DIR
    return folder


@pytest.fixture
def agent(db: None) -> Agent:
    made = plain_agent(DeviceGroup.objects.get(is_default=True))
    handed(made)
    return made


def send(agent: Agent, content: bytes = CONTENT, *, digest: str = DIGEST, part: int = 4 * MEBI) -> None:
    """As an agent does: from where the portal says that it is."""
    place = begin_upload(agent.pk, digest, {"size": len(CONTENT), "name": "image"})
    while place < len(content):
        place = take_part(agent.pk, digest, place, content[place : place + part])


def code(agent: Agent, content: bytes, *, part: int = 4 * MEBI) -> str:
    with pytest.raises(UploadRefused) as refusal:
        send(agent, content, part=part)
    return refusal.value.code


@pytest.mark.parametrize("part", [4 * MEBI, 2 * MEBI + 7])
def test_it_arrives_is_kept_without_passing_memory_and_stays_when_the_upload_goes(
    agent: Agent, part: int, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    send(agent, part=part)
    assert AgentUpload.objects.get().parts.count() == 0
    sent = sent_by(agent, DIGEST)
    assert sent is not None
    blob = sent.keep(name="image", media_type="application/octet-stream", for_days=1)
    with django_capture_on_commit_callbacks(execute=True):
        forget_upload(agent, DIGEST)
    assert len(list(content_files.all_places())) == 1
    assert b"".join(blobs.pieces(blob)) == CONTENT
    assert blob.sha256 == DIGEST


def test_another_process_goes_on_with_it(agent: Agent, monkeypatch: pytest.MonkeyPatch) -> None:
    begin_upload(agent.pk, DIGEST, {"size": len(CONTENT)})
    take_part(agent.pk, DIGEST, 0, CONTENT[: 4 * MEBI])
    monkeypatch.setattr(uploads, "_digests", Digests())  # it saw nothing of the beginning
    assert begin_upload(agent.pk, DIGEST, {"size": len(CONTENT)}) == 4 * MEBI
    send(agent)
    assert sent_by(agent, DIGEST) is not None


def test_what_was_lost_is_sent_again_from_the_beginning(agent: Agent) -> None:
    begin_upload(agent.pk, DIGEST, {"size": len(CONTENT)})
    take_part(agent.pk, DIGEST, 0, CONTENT[: 4 * MEBI])
    content_files.path_of(AgentUpload.objects.get().place).unlink()
    with pytest.raises(UploadRefused, match="announced again"):
        take_part(agent.pk, DIGEST, 4 * MEBI, CONTENT[4 * MEBI : 8 * MEBI])
    assert begin_upload(agent.pk, DIGEST, {"size": len(CONTENT)}) == 0
    send(agent)
    assert sent_by(agent, DIGEST) is not None


def test_what_was_under_way_before_files_had_orders_is_announced_again(agent: Agent) -> None:
    begin_upload(agent.pk, DIGEST, {"size": len(CONTENT)})
    AgentUpload.objects.update(order=None)
    with pytest.raises(UploadRefused) as refusal:
        take_part(agent.pk, DIGEST, 0, CONTENT[: 4 * MEBI])
    assert refusal.value.code == "not_begun"
    send(agent)
    assert sent_by(agent, DIGEST) is not None


@pytest.mark.parametrize("restarted", [False, True])
def test_another_content_is_thrown_away(
    agent: Agent, restarted: bool, monkeypatch: pytest.MonkeyPatch,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:  # fmt: skip
    if restarted:
        monkeypatch.setattr(Digests, "take", lambda *_: "")
    with django_capture_on_commit_callbacks(execute=True):
        assert code(agent, bytes(len(CONTENT))) == "other_content"
    assert (AgentUpload.objects.count(), list(content_files.all_places())) == (0, [])


def test_small_parts_of_a_large_file_are_not_taken(agent: Agent) -> None:
    assert code(agent, CONTENT, part=1000) == "bad_part"
    assert sent_by(agent, DIGEST) is None


def test_it_is_not_given_out_before_it_is_whole(agent: Agent) -> None:
    begin_upload(agent.pk, DIGEST, {"size": len(CONTENT)})
    take_part(agent.pk, DIGEST, 0, CONTENT[: 4 * MEBI])
    assert sent_by(agent, DIGEST) is None


def test_a_device_announces_so_much_and_no_more(agent: Agent, settings: Settings) -> None:
    settings.AGENT_FILE_BYTES = 4 * MEBI
    for number in range(2):
        handed(agent, key=f"more-{number}")
        begin_upload(agent.pk, f"{number:064x}", {"size": 4 * MEBI, "order": f"more-{number}"})
    with pytest.raises(UploadRefused) as more:
        begin_upload(agent.pk, f"{3:064x}", {"size": 2 * MEBI, "order": "fetch-1"})
    with pytest.raises(UploadRefused) as larger:
        begin_upload(agent.pk, f"{4:064x}", {"size": 4 * MEBI + 1})
    assert (more.value.code, larger.value.code) == ("too_many", "too_large")


def test_without_room_nothing_is_begun(agent: Agent, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploads, "_free", lambda: uploads.SPARE)
    assert code(agent, CONTENT) == "no_room"
    assert not AgentUpload.objects.exists()


def test_what_others_sent_meanwhile_leaves_the_spare_room(agent: Agent, monkeypatch: pytest.MonkeyPatch) -> None:
    begin_upload(agent.pk, DIGEST, {"size": len(CONTENT)})
    take_part(agent.pk, DIGEST, 0, CONTENT[: 4 * MEBI])
    with monkeypatch.context() as patched:
        patched.setattr(uploads, "_free", lambda: uploads.SPARE - 1)
        with pytest.raises(UploadRefused) as refusal:
            take_part(agent.pk, DIGEST, 4 * MEBI, CONTENT[4 * MEBI : 8 * MEBI])
    assert (refusal.value.code, AgentUpload.objects.get().received) == ("no_room", 4 * MEBI)
    send(agent)
    assert sent_by(agent, DIGEST) is not None


def test_files_on_their_way_are_no_orphans(agent: Agent, monkeypatch: pytest.MonkeyPatch) -> None:
    send(agent)
    monkeypatch.setattr(blobs, "UNKNOWN_AFTER", -blobs.UNKNOWN_AFTER)
    assert blobs.forget_unknown() == 0
    assert sent_by(agent, DIGEST) is not None


def late(agent: Agent, *, moved: timedelta) -> AgentOrder:
    """An order whose time is over, of whose file a part came so long ago."""
    begin_upload(agent.pk, DIGEST, {"size": len(CONTENT)})
    take_part(agent.pk, DIGEST, 0, CONTENT[: 4 * MEBI])
    now = clock.real_now()
    AgentUpload.objects.update(moved=now - moved)
    AgentOrder.objects.update(expires=now - timedelta(minutes=26), handed_at=now - timedelta(minutes=26))
    work_for(agent.pk, generation=0, keys_version=10**9)
    return AgentOrder.objects.get()


def test_an_order_is_not_late_while_its_file_comes(agent: Agent) -> None:
    order = late(agent, moved=STILL / 2)
    assert (order.state, is_moving(order)) == (OrderState.HANDED, True)
    report = EndpointAgentConnector(agent.connection).poll(Ticket(order.key), "")
    assert (report.state, report.moving) == (DeliveryState.STARTED, True)


def test_an_order_whose_file_comes_no_more_is_late(agent: Agent) -> None:
    order = late(agent, moved=STILL * 2)
    assert (order.state, is_moving(order)) == (OrderState.UNKNOWN, False)


def test_what_comes_after_its_order_was_given_up_is_taken(agent: Agent) -> None:
    late(agent, moved=STILL * 2)
    send(agent)
    assert sent_by(agent, DIGEST) is not None


def test_whoever_waits_sees_how_far_it_is(agent: Agent, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploads, "TOLD_FROM", MEBI)
    begin_upload(agent.pk, DIGEST, {"size": len(CONTENT)})
    seen = []
    for place in range(0, len(CONTENT), 4 * MEBI):
        take_part(agent.pk, DIGEST, place, CONTENT[place : place + 4 * MEBI])
        seen.append(AgentOrder.objects.get().percent)
    assert seen == [44, 88, 100]
    assert OutboxEvent.objects.filter(topic="agent_order.changed").count() == 3


def test_a_file_does_not_move_to_another_order_as_a_smaller_one(agent: Agent, settings: Settings) -> None:
    settings.AGENT_FILE_BYTES = len(CONTENT)
    begin_upload(agent.pk, DIGEST, {"size": len(CONTENT), "order": "fetch-1"})
    take_part(agent.pk, DIGEST, 0, CONTENT[: 4 * MEBI])
    handed(agent, action="live.processes", key="look-1")
    assert begin_upload(agent.pk, DIGEST, {"size": 1, "order": "look-1"}) == 0, "it is another announcement"
    assert AgentUpload.objects.get().size == 1


def test_nothing_is_not_a_file_of_another_digest(agent: Agent) -> None:
    with pytest.raises(UploadRefused) as refusal:
        begin_upload(agent.pk, DIGEST, {"size": 0})
    assert refusal.value.code == "other_content"
    nothing = hashlib.sha256().hexdigest()
    begin_upload(agent.pk, nothing, {"size": 0})
    assert sent_by(agent, nothing) is not None
    assert sent_by(agent, DIGEST) is None


def test_a_file_that_only_drips_does_not_hold_the_end_up(agent: Agent, monkeypatch: pytest.MonkeyPatch) -> None:
    order = late(agent, moved=STILL / 2)
    assert is_moving(order)
    AgentOrder.objects.update(expires=clock.real_now() - timedelta(hours=2), run_s=60)
    order.refresh_from_db()
    assert not is_moving(order)  # 4 MiB are good for two minutes
    monkeypatch.setattr(wanted_files, "SLOWEST", 400)
    assert is_moving(order)


def ended(agent: Agent, state: OrderState, *, named: bool, delivery: str = "") -> bool:
    """Whether the file is still here after the sweep, which its order's answer names or not."""
    send(agent)
    order = AgentOrder.objects.get()
    result = {"artefacts": [{"sha256": DIGEST}]} if named else {}
    AgentOrder.objects.update(state=state, result=result, ended_at=clock.real_now())
    if delivery:
        Delivery.objects.create(connection=agent.connection, action=order.action, idempotency_key=order.key,
                                state=delivery, give_up_at=clock.now(), reference="run:1", target_kind="device",
                                remote_id=agent.device_id)  # fmt: skip
    forget_ended()
    return AgentUpload.objects.exists()


@pytest.mark.parametrize(
    ("state", "named", "delivery", "stays"),
    [
        pytest.param(OrderState.HANDED, False, "started", True, id="on its way"),
        pytest.param(OrderState.UNKNOWN, False, "unknown", True, id="may still be told"),
        pytest.param(OrderState.UNKNOWN, False, "timed_out", False, id="given up"),
        pytest.param(OrderState.SUCCEEDED, True, "started", True, id="not yet taken over"),
        pytest.param(OrderState.SUCCEEDED, True, "succeeded", False, id="taken over"),
        pytest.param(OrderState.SUCCEEDED, False, "started", False, id="not of the answer"),
        pytest.param(OrderState.CANCELLED, False, "", False, id="cancelled"),
        pytest.param(OrderState.SUCCEEDED, True, "", True, id="just told to who gave it"),
    ],
)
def test_what_nobody_takes_any_more_goes(
    agent: Agent, state: OrderState, named: bool, delivery: str, stays: bool
) -> None:  # fmt: skip
    assert ended(agent, state, named=named, delivery=delivery) == stays


def test_what_was_never_heard_of_waits_for_who_has_to_hear(agent: Agent) -> None:
    event = OutboxEvent.objects.create(topic="agent_order.changed", payload={"order_id": AgentOrder.objects.get().pk})
    assert ended(agent, OrderState.SUCCEEDED, named=True)
    AgentOrder.objects.update(ended_at=clock.real_now() - timedelta(hours=1))
    forget_ended()
    assert AgentUpload.objects.exists()
    OutboxEvent.objects.filter(pk=event.pk).update(delivered_at=clock.real_now())
    assert (forget_ended(), AgentUpload.objects.exists()) == (1, False)


def test_what_was_taken_over_counts_as_here_when_the_upload_is_gone(agent: Agent) -> None:
    assert not ended(agent, OrderState.SUCCEEDED, named=True, delivery="succeeded")
    assert read_facet(agent, "collected", "").value == "not_here"
    blob = blobs.keep(CONTENT, name="image", media_type="application/octet-stream")
    Delivery.objects.update(artefacts=[{"name": "image", "blob_id": blob.pk}])
    assert read_facet(agent, "collected", "").value == "collected"
