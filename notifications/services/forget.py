"""Keeping the tables of telling small."""

from datetime import timedelta

from core import clock
from core.actors import Actor
from notifications.models import Dispatch, Message, RuleHit


def forget_old(days: int, *, actor: Actor) -> int:
    """Drop messages with all that hangs on them, and what was sent, when older than `days`."""
    before = clock.real_now() - timedelta(days=days)
    Dispatch.objects.filter(created__lt=before).delete()
    RuleHit.objects.filter(at__lt=before - timedelta(days=days)).delete()
    count, _ = Message.objects.filter(created__lt=before).delete()
    return count
