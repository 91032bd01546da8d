"""`isolate` typed in a session: it says that it waits for a person, and that it is in force already."""

import pytest
from django.test import Client

from accounts.models import User
from live_response.enums import CommandState
from remediation.models import ActionRun
from remediation.services.decide import approve_run
from tests.conftest import SignedIn
from tests.factories.live import HeldLine, connected, typed
from tests.factories.remediation import company, done

pytestmark = pytest.mark.django_db


def test_what_is_in_force_already_is_the_answer(held: HeldLine, rita: User, ada: User) -> None:
    device = company().device()
    run = done(ada, rita, "device.isolate", device)
    command = typed(connected(held, device, rita), "isolate")
    assert command.state == CommandState.REFUSED
    assert command.detail == f"{device} is isolated already, by {run.number}."
    assert ActionRun.objects.get() == run


def test_while_nobody_has_decided_it_does_not_run(
    held: HeldLine, rita: User, adam: User, client: Client, signed_in: SignedIn
) -> None:
    device = company().device()
    session = connected(held, device, rita)
    command = typed(session, "isolate")
    signed_in(client, rita)
    pages = [f"/live-response/{session.pk}/{command.number}/", f"/live-response/{session.pk}/jobs/"]
    for page in pages:
        shown = client.get(page).content.decode()
        assert "Waits for approval" in shown
        assert "Running " not in shown
    assert "Waits for approval" in typed(session, f"status {command.number}").output

    run = ActionRun.objects.get()
    approve_run(run, actor=adam.actor, user=adam, comment="Agreed")

    for page in pages:
        assert "Waits for approval" not in client.get(page).content.decode()
