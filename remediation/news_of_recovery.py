"""What people hear of devices on their way back to work."""

from notifications import topics

BROKEN = topics.declare(
    "recovery.broken",
    "A recovered device raised a new alert",
    "A device that was watched on its way back raised an alert; its incident is open again.",
    group="Response",
    channels=("page", "mail"),
    urgent=True,
)
DONE = topics.declare(
    "recovery.done",
    "A device is recovered",
    "Its watch period is over and nothing happened.",
    group="Response",
)
