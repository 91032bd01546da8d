"""A raw shell: two people stand for it, the device is told what was typed and by nobody else, and all of it is kept."""

import base64
import json
from datetime import timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from django.core.exceptions import ValidationError
from django.test import Client

from accounts.models import Role, User
from connectors.models import AgentOrder
from core import clock
from core.models import AuditEvent
from incidents.models import Device
from live_response import limits, shell_desk
from live_response.enums import CommandState, ShellDecision
from live_response.models import LiveCommand, LiveSession, RawShell, ShellInput
from live_response.refused import NotPossible
from live_response.seal import seal_of
from live_response.services import shells
from live_response.services.orders import why_not_signed
from live_response.services.record import asciicast, broken_at
from live_response.services.sessions import end_session
from live_response.services.standing import why_over
from live_response.services.sweep import sweep
from live_response.services.type_line import stop_command
from tests.factories.incidents import DeviceFactory
from tests.factories.live import HeldLine, connected, typed
from tests.factories.people import person

pytestmark = pytest.mark.django_db
LINE = 'shell "The dropper hides" -minutes 15'


def raw(*people: User) -> None:
    """They may ask for raw shells, and decide on those of others."""
    role = Role.objects.create(key="raw-shells", name="Raw shells", permissions=["live_response.raw"])
    for one in people:
        one.roles.add(role)
        one.__dict__.pop("permission_keys", None)


@pytest.fixture
def session(held: HeldLine, device: Device, ada: User, rita: User) -> LiveSession:
    raw(ada, rita)
    return connected(held, device, User.objects.get(pk=ada.pk))


def asked(session: LiveSession) -> RawShell:
    command = typed(session, LINE)
    return RawShell.objects.get(command=command)


def decided(shell: RawShell, user: User, *, approve: bool = True) -> RawShell:
    user = User.objects.get(pk=user.pk)
    shells.decide_shell(shell, approve=approve, comment="Seen and agreed", actor=user.actor, user=user)
    return RawShell.objects.select_related("command__session", "command__user", "decider").get(pk=shell.pk)


def desk(shell: RawShell, **told: Any) -> dict[str, Any]:
    return dict(shell_desk.serve(AgentOrder(pk=shell.command.order), told))


def press(shell: RawShell, seq: int, data: str, user: User) -> int:
    return shells.type_into(shell, seq=seq, data=data, actor=user.actor, user=User.objects.get(pk=user.pk))


def test_it_waits_until_somebody_else_approves(held: HeldLine, session: LiveSession, ada: User, rita: User) -> None:
    shell = asked(session)
    assert (shell.command.state, shell.command.order) == (CommandState.WAITING, None)
    with pytest.raises(NotPossible, match="Somebody else"):
        decided(shell, ada)
    shell = decided(shell, rita)
    command = shell.command
    assert (command.state, command.action, shell.decision) == (CommandState.QUEUED, "live.shell", "approved")
    assert command.arguments["until"] - clock.real_now().timestamp() == pytest.approx(900, abs=60)
    assert held.once[command.order or 0]
    assert why_not_signed(command) == ""
    told = set(AuditEvent.objects.filter(subject=f"live_command:{command.pk}").values_list("verb", flat=True))
    assert {"live_shell.asked", "live_shell.approved"} <= told


def test_without_the_right_nobody_asks_or_decides(held: HeldLine, session: LiveSession) -> None:
    shell, without = asked(session), person("sam", "responder")
    with pytest.raises(NotPossible, match="needs the right"):
        decided(shell, without)
    other = connected(held, DeviceFactory.create(), without)
    assert typed(other, LINE).code == "forbidden"


def test_a_comment_is_needed_and_a_rejection_ends_it(session: LiveSession, rita: User) -> None:
    shell = asked(session)
    with pytest.raises(ValidationError):
        shells.decide_shell(shell, approve=True, comment=" ", actor=rita.actor, user=User.objects.get(pk=rita.pk))
    shell = decided(shell, rita, approve=False)
    assert (shell.command.state, shell.command.code) == (CommandState.REFUSED, "rejected")
    with pytest.raises(NotPossible, match="decided"):
        decided(shell, rita)


def test_nobody_who_decides_in_time(session: LiveSession, rita: User) -> None:
    shell = asked(session)
    RawShell.objects.update(decide_until=clock.real_now() - timedelta(seconds=1))
    with pytest.raises(NotPossible, match="in time"):
        decided(RawShell.objects.get(pk=shell.pk), rita)
    sweep()
    assert LiveCommand.objects.get(pk=shell.command_id).state == CommandState.EXPIRED


def test_one_shell_of_a_session(session: LiveSession) -> None:
    asked(session)
    assert typed(session, LINE).code == "taken"
    assert typed(session, 'shell "x" -minutes 600').state == CommandState.REFUSED


@pytest.mark.parametrize("forge", ["seal", "decider", "until", "reason", "arguments"])
def test_what_was_written_behind_the_portal_is_not_signed(session: LiveSession, rita: User, forge: str) -> None:
    shell = decided(asked(session), rita)
    rows = RawShell.objects.filter(pk=shell.pk)
    if forge == "seal":
        rows.update(seal="0" * 64)
    elif forge == "decider":
        rows.update(decider=shell.command.user_id)
    elif forge == "until":
        rows.update(until=clock.real_now() + timedelta(days=9))
    elif forge == "reason":
        rows.update(reason="Another")
    else:
        LiveCommand.objects.filter(pk=shell.command_id).update(arguments={**shell.command.arguments, "idle_s": 10**6})
    command = LiveCommand.objects.select_related("session", "user").get(pk=shell.command_id)
    assert why_not_signed(command) != ""


def test_a_shell_that_nobody_asked_for_is_not_signed(held: HeldLine, session: LiveSession) -> None:
    command = typed(session, "processes")
    LiveCommand.objects.filter(pk=command.pk).update(action="live.shell", name="shell", level="raw")
    command.refresh_from_db()
    LiveCommand.objects.filter(pk=command.pk).update(seal=seal_of(command))
    command.refresh_from_db()
    assert why_not_signed(command) == "Nobody asked for this shell."


def test_what_is_typed_is_signed_handed_over_and_kept(session: LiveSession, ada: User, rita: User) -> None:
    shell = decided(asked(session), rita)
    assert [press(shell, 1, "ls\r", ada), press(shell, 1, "ls\r", ada), press(shell, 2, "id\r", ada)] == [1, 1, 2]
    answer = desk(shell, taken=0, hold_s=20)
    assert [json.loads(one["body"])["data"] for one in answer["input"]] == ["ls\r", "id\r"]
    key = Ed25519PublicKey.from_public_bytes(base64.b64decode(shell.command.arguments["key"]))
    for one in answer["input"]:
        signed = f"live.shell live-{shell.command_id}\n{one['body']}".encode()
        key.verify(base64.b64decode(one["signature"]), signed)
    assert [json.loads(one["body"])["seq"] for one in desk(shell, taken=1)["input"]] == [2]
    assert ShellInput.objects.count() == 1
    assert desk(shell, taken=2)["input"] == []
    assert list(session.recorded.filter(shell=shell, kind="i").values_list("data", flat=True)) == ["ls\r", "id\r"]


def test_nobody_else_types_and_nothing_out_of_order(session: LiveSession, ada: User, rita: User) -> None:
    shell = decided(asked(session), rita)
    with pytest.raises(NotPossible, match="Only who asked"):
        press(shell, 1, "x", rita)
    with pytest.raises(NotPossible, match="number 1"):
        press(shell, 3, "x", ada)
    with pytest.raises(NotPossible):
        press(shell, 1, "x" * (limits.MOST_TYPED + 1), ada)


def test_output_is_taken_once_in_order_bounded_and_recorded(session: LiveSession, rita: User) -> None:
    shell = decided(asked(session), rita)
    hostile = "<b>\x1b]8;;http://evil\x07x\x1b[31m\x00\ud800"
    assert desk(shell, seq=1, text=hostile) == {"taken": 1}
    assert desk(shell, seq=1, text="again") == {"taken": 1}
    assert desk(shell, seq=3, text="too early") == {"taken": 1}
    assert desk(shell, seq=2, text="y" * 10**6) == {"taken": 2}
    texts = list(session.recorded.filter(shell=shell, kind="o").values_list("data", flat=True))
    assert texts == ["<b>\x1b]8;;http://evil\x07x\x1b[31m?", "y" * limits.MOST_SAID]
    assert broken_at(LiveSession.objects.get(pk=session.pk)) is None
    assert '"o", "<b>' in "".join(asciicast(session))


def test_a_full_recording_ends_the_shell(
    held: HeldLine, session: LiveSession, rita: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    shell = decided(asked(session), rita)
    monkeypatch.setattr(limits, "MOST_KEPT", 10)
    desk(shell, seq=1, text="y" * 11)
    assert held.cancelled == [shell.command.order]
    assert desk(shell, taken=0)["close"] == shell_desk.FULL


@pytest.mark.parametrize("who", ["ada", "rita"])
def test_it_ends_when_one_of_the_two_may_not_any_more(
    held: HeldLine, session: LiveSession, ada: User, rita: User, who: str
) -> None:
    shell = decided(asked(session), rita)
    assert desk(shell, taken=0)["close"] == ""
    {"ada": ada, "rita": rita}[who].roles.remove(Role.objects.get(key="raw-shells"))
    fresh = RawShell.objects.select_related("command__session", "command__user", "decider").get(pk=shell.pk)
    assert "lacks the right" in why_over(fresh)
    assert "lacks the right" in desk(shell, taken=0)["close"]
    with pytest.raises(NotPossible):
        press(shell, 1, "x", ada)
    sweep()
    assert held.cancelled == [shell.command.order]


def test_it_ends_with_its_time_and_its_session(held: HeldLine, session: LiveSession, ada: User, rita: User) -> None:
    shell = decided(asked(session), rita)
    end_session(session, actor=ada.actor, user=ada)
    assert held.cancelled == [shell.command.order]
    assert desk(shell, taken=0) == {"close": "Nobody wants it any more."}
    sweep()
    assert bytes(RawShell.objects.get(pk=shell.pk).key) == b""


def test_who_approved_it_may_end_it(held: HeldLine, session: LiveSession, rita: User) -> None:
    shell = decided(asked(session), rita)
    stop_command(shell.command, actor=rita.actor, user=User.objects.get(pk=rita.pk))
    assert held.cancelled == [shell.command.order]


def test_the_pages(held: HeldLine, session: LiveSession, client: Client, ada: User, rita: User) -> None:
    shell = asked(session)
    number, place = shell.command.number, f"/live-response/{session.pk}/"
    client.force_login(ada)
    assert client.get(f"{place}shell/").json() == {"number": None, "events": []}
    client.force_login(rita)
    assert "asks for a raw shell" in client.get("/live-response/").content.decode()
    assert client.get(f"{place}shell/{number}/decide/").status_code in {200, 302}
    shell = decided(shell, rita)
    desk(shell, seq=1, text="<script>alert(1)</script>")
    client.force_login(ada)
    told = client.get(f"{place}shell/").json()
    assert (told["number"], told["open"], told["mine"], told["events"][0][2]) == (
        number, True, True, "<script>alert(1)</script>",
    )  # fmt: skip
    answer = client.post(f"{place}shell/{number}/type/", {"seq": 1, "data": "id\r"})
    assert (answer.status_code, answer.json()) == (200, {"typed": 1})
    assert client.post(f"{place}shell/{number}/type/", {"seq": 2, "columns": 90, "rows": 30}).json() == {"typed": 2}
    assert client.post(f"{place}shell/{number}/type/", {"seq": 9, "data": "x"}).status_code == 422
    page = client.get(place)
    assert "<script>alert" not in page.content.decode()
    assert "'nonce-" in (policy := page.headers["Content-Security-Policy"])
    assert "unsafe" not in policy
    assert "data-replay-terminal" in (replay := client.get(f"{place}replay/").content.decode())
    assert "<script>alert" not in replay


def test_decisions_are_for_people_alone(session: LiveSession) -> None:
    assert RawShell._meta.get_field("decision").default == ShellDecision.ASKED
    assert asked(session).decided_by is None
