"""What of telling is deleted by age: messages with their notices, and what was sent."""

from collections.abc import Sequence
from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet

from core import retention
from notifications.enums import DispatchStatus
from notifications.models import Dispatch, Message

MESSAGES, DISPATCHES = "messages", "dispatches"


def declare_kinds() -> None:
    retention.declare(
        retention.Kind(
            MESSAGES, "Messages and notices", "What people were told, and the notices they found in the portal.",
            lambda edge: Message.objects.filter(created__lt=edge), "created", forget_messages, days=90, least=7,
        )
    )  # fmt: skip
    retention.keep_back(MESSAGES, "that are on their way", _on_their_way)
    retention.declare(
        retention.Kind(
            DISPATCHES, "Log of deliveries", "Which mail or webhook was sent to whom, and what was answered.",
            lambda edge: Dispatch.objects.filter(created__lt=edge), "created",
            lambda keys: Dispatch.objects.filter(pk__in=keys).delete()[0] and len(keys), days=90, least=7,
        )
    )  # fmt: skip
    retention.keep_back(DISPATCHES, "that are on their way", lambda rows: rows.filter(status=DispatchStatus.WAITING))


def _on_their_way(rows: QuerySet[Any]) -> QuerySet[Any]:
    waiting = Dispatch.objects.filter(message=OuterRef("pk"), status=DispatchStatus.WAITING)
    return rows.filter(Q(routed_at=None) | Exists(waiting))


def forget_messages(keys: Sequence[int]) -> int:
    """With their notices and what was sent of them."""
    Message.objects.filter(pk__in=keys).delete()
    return len(keys)
