"""One command has a page of its own, which lists of commands lead to, and is a part of the console."""

import pytest
from django.test import Client

from accounts.models import User
from incidents.models import Device
from tests.conftest import SignedIn
from tests.factories.live import HeldLine, connected, typed

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}


def test_a_command_is_read_within_its_session(
    held: HeldLine, device: Device, rita: User, client: Client, signed_in: SignedIn
) -> None:
    session = connected(held, device, rita)
    command = held.answer(typed(session, "processes > list.txt"), rows=[{"pid": 7, "name": "sshd"}])
    url = f"/live-response/{session.pk}/{command.number}/"
    page = signed_in(client, rita).get(url).content.decode()
    assert f"<title>{session.number} command {command.number} - " in page
    assert "Command log" in page
    assert 'class="terminal"' in page
    part = client.get(url, headers=HTMX).content.decode()
    assert "sshd" in part
    assert "<html" not in part
