"""Telling when dead letters pile up: a sender has changed its words, and alerts are lost to the queue."""

from datetime import timedelta

from django.db import transaction

from core import clock, options
from core.actors import Actor
from core.options import Option
from incidents.enums import DeadLetterState
from incidents.models import DeadLetter
from incidents.news import LETTERS
from notifications.services.tell import tell

MOST = options.declare(
    Option(
        "incidents.dead_letters_an_hour",
        50,
        "Incidents: dead letters within an hour after which somebody is told",
        minimum=1,
        maximum=100_000,
    )
)
SENTRY = Actor.system("ingest")


def watch_dead_letters(*, actor: Actor) -> bool:
    """Tell at most once an hour; answers whether there were too many."""
    now = clock.real_now()
    fresh = DeadLetter.objects.filter(state=DeadLetterState.OPEN, exercise="", created__gt=now - timedelta(hours=1))
    count = fresh.count()
    if count < options.get(MOST.key):
        return False
    sources = sorted(fresh.order_by().values_list("source", flat=True).distinct()[:5])
    with transaction.atomic():
        tell(LETTERS, subject="dead_letters:0", title=f"{count} alerts within an hour could not be read",
             body=f"From {', '.join(sources)}.", url="/admin/dead-letters/", once=f"{now:%Y-%m-%dT%H}",
             actor=actor)  # fmt: skip
    return True
