"""The digest: one mail, daily or weekly, of what a person did not want to hear at once."""

from django.db import transaction

from core import clock, jobs
from core.actors import Actor
from notifications.models import DigestItem, Dispatch, Listening
from notifications.services.choices import next_digest
from notifications.services.route import SEND

CLOCK = Actor.system("clock")


def due_digests() -> list[int]:
    rows = Listening.objects.filter(digest_due__lte=clock.real_now(), user__is_active=True)
    return list(rows.values_list("pk", flat=True)[:200])


def order_digest(listening_id: int, *, actor: Actor) -> Dispatch | None:
    """Gather what waits for one person and set the next date; None when nothing waits or it was done meanwhile."""
    with transaction.atomic():
        rows = Listening.objects.select_for_update(skip_locked=True)
        row = rows.filter(pk=listening_id, digest_due__lte=clock.real_now()).first()
        if row is None:
            return None
        row.digest_due = next_digest(row, after=clock.real_now())
        row.save(update_fields=["digest_due"])
        items = DigestItem.objects.filter(user=row.user_id, dispatch=None)
        if not items.exists():
            return None
        dispatch = Dispatch.objects.create(user_id=row.user_id)
        items.update(dispatch=dispatch)
        jobs.wake(SEND)
        return dispatch
