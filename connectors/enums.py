from django.db.models import TextChoices


class DeliveryState(TextChoices):
    """Execution states of one delivery, in the one vocabulary for actions."""

    QUEUED = "queued", "Queued"
    DELIVERED = "delivered", "Delivered"
    STARTED = "started", "Started"
    SUCCEEDED = "succeeded", "Succeeded"
    PARTIALLY_SUCCEEDED = "partially_succeeded", "Partially succeeded"
    FAILED = "failed", "Failed"
    TIMED_OUT = "timed_out", "Timed out"
    CANCELLED = "cancelled", "Cancelled"
    EXPIRED = "expired", "Expired"
    UNKNOWN = "unknown", "Unknown"


FINAL_STATES = frozenset(
    {
        DeliveryState.SUCCEEDED,
        DeliveryState.PARTIALLY_SUCCEEDED,
        DeliveryState.FAILED,
        DeliveryState.TIMED_OUT,
        DeliveryState.CANCELLED,
        DeliveryState.EXPIRED,
    }
)


class Health(TextChoices):
    UNKNOWN = "unknown", "Not checked yet"
    HEALTHY = "healthy", "Healthy"
    UNHEALTHY = "unhealthy", "Unhealthy"


class AgentState(TextChoices):
    PENDING = "pending", "Waiting for approval"
    APPROVED = "approved", "Approved"
    REJECTED = "rejected", "Rejected"
    REVOKED = "revoked", "Revoked"
    OFFBOARDED = "offboarded", "Offboarded"


class OrderKind(TextChoices):
    COMMAND = "command", "Command"
    STATE = "state", "Wanted state"
    INDICATORS = "indicators", "Indicators"
    RELEASE = "release", "Release code"


class OrderState(TextChoices):
    """Where one order to an agent stands."""

    UNSIGNED = "unsigned", "Waiting for the signer"
    READY = "ready", "Waiting for the device"
    HANDED = "handed", "Handed over"
    SUCCEEDED = "succeeded", "Succeeded"
    PARTIALLY_SUCCEEDED = "partially_succeeded", "Partially succeeded"
    FAILED = "failed", "Failed"
    TIMED_OUT = "timed_out", "Timed out"
    CANCELLED = "cancelled", "Cancelled"
    EXPIRED = "expired", "Expired"
    UNKNOWN = "unknown", "Unknown"


OPEN_ORDERS = frozenset({OrderState.UNSIGNED, OrderState.READY, OrderState.HANDED})
