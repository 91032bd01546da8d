"""Looking after connections: each is asked for its health again and again, and when it last answered is known."""

from datetime import datetime, timedelta

from django.db.models import Max

from connectors.enums import Health
from connectors.models import Connection
from connectors.services.health import check_health
from core import options
from core.actors import Actor
from core.due import not_since
from core.options import Option

WARDEN = Actor.system("connections")
CHECK_MINUTES = options.declare(
    Option(
        "connections.check_minutes",
        15,
        "Connections: minutes after which each is asked for its health again",
        help="0 asks only when somebody does.",
        minimum=0,
        maximum=1_440,
    )
)


def check_due(*, actor: Actor) -> int:
    """Ask each connection that is switched on and was not asked for a while; answers how many."""
    minutes: int = options.get(CHECK_MINUTES.key)
    if not minutes:
        return 0
    not_asked = not_since("checked_at", timedelta(minutes=minutes))
    due = list(Connection.objects.filter(not_asked, enabled=True).order_by("pk"))
    for connection in due:
        check_health(connection, actor=actor)
    return len(due)


def last_heard() -> dict[int, datetime]:
    """By connection: when it last took an order, carried one out or answered a check well; its making before that."""
    rows = Connection.objects.annotate(
        took=Max("deliveries__delivered_at"), began=Max("deliveries__started_at"),
    )  # fmt: skip
    return {row.pk: max(_moments(row)) for row in rows}


def _moments(row: Connection) -> list[datetime]:
    answered = row.checked_at if row.health == Health.HEALTHY else None
    told: list[datetime | None] = [row.created, row.__dict__["took"], row.__dict__["began"], answered]
    return [moment for moment in told if moment is not None]
