"""A raw shell against a device that obeys nothing, and against whoever can write rows of the database."""

import base64
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from accounts.models import Role, User
from connectors.models import AgentOrder
from core import blobs
from core.encryption import Unreadable
from incidents.models import Device
from live_response import limits, shell_desk
from live_response.models import LiveSession, RawShell
from live_response.refused import NotPossible
from live_response.services import shells
from live_response.services.standing import why_over
from tests.factories.incidents import IncidentFactory
from tests.factories.live import HeldLine, connected, typed

pytestmark = pytest.mark.django_db


@pytest.fixture
def shell(held: HeldLine, device: Device, ada: User, rita: User) -> RawShell:
    """Ada's, that Rita approved."""
    role = Role.objects.create(key="raw-shells", name="Raw shells", permissions=["live_response.raw"])
    for person in (ada, rita):
        person.roles.add(role)
    session = connected(held, device, User.objects.get(pk=ada.pk))
    asked = RawShell.objects.get(command=typed(session, 'shell "The dropper hides"'))
    decider = User.objects.get(pk=rita.pk)
    shells.decide_shell(asked, approve=True, comment="Agreed", actor=decider.actor, user=decider)
    return fresh(asked)


def fresh(shell: RawShell) -> RawShell:
    return RawShell.objects.select_related("command__session", "command__user", "decider").get(pk=shell.pk)


def desk(shell: RawShell, **told: Any) -> dict[str, Any]:
    return dict(shell_desk.serve(AgentOrder(pk=shell.command.order), told))


def test_a_device_that_goes_on_beyond_the_limit_fills_nothing(shell: RawShell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MOST_KEPT", 10)
    for seq in range(1, 9):
        assert desk(shell, seq=seq, text="y" * 6).keys() <= {"taken", "close"}
    kept = "".join(shell.recorded.filter(kind="o").values_list("data", flat=True))
    assert len(kept) == 12
    assert desk(shell, seq=3, text="more") == {"taken": 2, "close": shell_desk.FULL}


def test_who_is_written_into_the_session_types_nothing(shell: RawShell, rita: User) -> None:
    LiveSession.objects.filter(commands=shell.command).update(user=rita)
    with pytest.raises(NotPossible, match="Only who asked"):
        shells.type_into(shell, seq=1, data="id\r", actor=rita.actor, user=User.objects.get(pk=rita.pk))


def test_the_key_that_signs_typing_is_in_no_row(shell: RawShell) -> None:
    """Whoever can write rows puts one where a file belongs, which is handed out opened: what opens is no key."""
    file = blobs.keep(b"harmless", name="triage.sh", media_type="text/plain")
    type(file).objects.filter(pk=file.pk).update(ciphertext=bytes(shell.key))
    file.refresh_from_db()
    with pytest.raises(Unreadable):
        blobs.read(file)
    public = Ed25519PrivateKey.from_private_bytes(bytes(shell.key)).public_key().public_bytes_raw()
    assert base64.b64encode(public).decode() != shell.command.arguments["key"]


def test_it_ends_when_the_incident_is_closed_to_one_of_the_two(shell: RawShell, ada: User) -> None:
    incident = IncidentFactory.create(restricted=True)
    incident.restricted_to.add(ada)
    LiveSession.objects.filter(commands=shell.command).update(incident=incident)
    assert "outside the scope" in why_over(fresh(shell))
