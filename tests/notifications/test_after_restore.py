"""What was to be sent when a backup was taken is not sent after its restore."""

from collections.abc import Callable

import pytest
from django.db import transaction

from accounts.models import User
from core.actors import Actor
from notifications.enums import DispatchStatus
from notifications.models import Dispatch, Message
from notifications.services.after_restore import hold_messages
from notifications.services.route import route_due
from notifications.services.tell import tell
from tests.factories.mail import Postbox

pytestmark = pytest.mark.django_db


def test_old_news_is_neither_routed_nor_sent(
    postbox: Postbox,
    told: Callable[..., None],
    sent: Callable[[], None],
    ada_with_mail: User,
) -> None:
    told()
    with transaction.atomic():
        tell("paper.written", subject="paper:1", title="Not routed yet", actor=Actor.system("clock"))
    assert (Dispatch.objects.count(), Message.objects.filter(routed_at=None).count()) == (1, 1)
    assert hold_messages(reason="Restored.") == 2
    route_due()
    sent()
    assert not postbox.letters
    row = Dispatch.objects.get()
    assert (row.status, row.said) == (DispatchStatus.SKIPPED, "Restored.")
