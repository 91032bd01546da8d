"""Orders that were carried out or given up: the run that they served keeps what became of it."""

from connectors.models import Delivery
from core import retention


def declare_kinds() -> None:
    retention.declare(
        retention.Kind(
            "deliveries", "Orders to connections that have ended", "What the remote side answered, word for word.",
            lambda edge: Delivery.objects.filter(ended_at__lt=edge), "ended_at",
            lambda keys: Delivery.objects.filter(pk__in=keys).delete()[0], days=90, least=7,
        )
    )  # fmt: skip
