"""Whether a connection works, as last seen."""

from django.db import transaction

from connectors.enums import Health
from connectors.errors import ConnectorError
from connectors.models import Connection
from connectors.registry import open_connection
from core import audit, clock
from core.actors import Actor


def check_health(connection: Connection, *, actor: Actor) -> Health:
    """Ask the remote side and keep the answer; a change is recorded."""
    try:
        health, detail = Health.HEALTHY, open_connection(connection).check()
    except ConnectorError as error:
        health, detail = Health.UNHEALTHY, error.message
    with transaction.atomic():
        before = connection.health
        connection.health, connection.health_detail = health, detail[:300]
        connection.checked_at = clock.real_now()
        connection.save(update_fields=["health", "health_detail", "checked_at"])
        if before != health:
            audit.record(
                "connection.health",
                subject=f"connection:{connection.pk}",
                actor=actor,
                reason=detail,
                changes={"health": (before, health.value)},
            )
    return health
