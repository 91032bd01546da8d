"""Takes the connections of an exercise away, with their orders and with what their remote side remembered."""

from django.db import transaction

from connectors.models import Connection, Delivery
from core import audit
from core.actors import Actor


def forget_exercise(exercise: str, *, actor: Actor) -> int:
    """Delete the connections of the exercise. Their bindings must be gone. Returns how many orders went with them."""
    if not exercise:
        raise ValueError("Without a name this would delete the real rows.")
    with transaction.atomic():
        orders = Delivery.objects.filter(connection__exercise=exercise).count()
        Delivery.objects.filter(connection__exercise=exercise).delete()
        connections = Connection.objects.filter(exercise=exercise).count()
        Connection.objects.filter(exercise=exercise).delete()
        audit.record(
            "exercise.connections_removed",
            subject=f"exercise:{exercise}",
            actor=actor,
            data={"connections": connections, "orders": orders},
        )
    return orders
