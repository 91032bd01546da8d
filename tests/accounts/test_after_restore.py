"""Who was signed in when a backup was taken is not signed in after the restore; tokens are another matter."""

from datetime import timedelta

import pytest
from django.contrib.sessions.models import Session
from django.test import Client

from accounts.models import ApiToken, User
from accounts.services.after_restore import end_every_session, end_every_token, usable_tokens
from accounts.services.tokens import find_token, issue_token
from core.actors import Actor
from core.models import AuditEvent
from tests.conftest import SignedIn

pytestmark = pytest.mark.django_db
RESTORE = Actor.system("restore")


def test_every_session_ends(client: Client, ada: User, signed_in: SignedIn) -> None:
    signed_in(client, ada)
    assert client.get("/me/").status_code == 200
    assert end_every_session() == 1
    assert not Session.objects.exists()


def test_tokens_work_on_unless_they_are_ended(adam: User) -> None:
    _, secret = issue_token(adam, name="sensor", lifetime=timedelta(days=1), actor=adam.actor)
    assert usable_tokens() == 1
    assert find_token(secret) is not None
    assert end_every_token(actor=RESTORE, reason="Restored.") == 1
    assert find_token(secret) is None
    assert usable_tokens() == 0
    token = ApiToken.objects.get()
    told = AuditEvent.objects.get(verb="token.revoked")
    assert (told.subject, told.actor_id, told.reason) == (f"token:{token.pk}", "restore", "Restored.")
