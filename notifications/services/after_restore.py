"""After the database was restored from a backup: news of that time is not sent again."""

from core import clock
from notifications.enums import DispatchStatus
from notifications.models import DigestItem, Dispatch, Message


def hold_messages(*, reason: str) -> int:
    """What was to be sent stays readable as not sent; what waited for a digest is dropped from it."""
    now = clock.real_now()
    unsent = Dispatch.objects.filter(status=DispatchStatus.WAITING).update(
        status=DispatchStatus.SKIPPED, said=reason[:300], next_attempt_at=None, ended=now
    )
    unrouted = Message.objects.filter(routed_at=None).update(routed_at=now, last_error=reason[:300])
    listed, _ = DigestItem.objects.all().delete()
    return unsent + unrouted + listed
