"""What an administrator decides about telling."""

from core import options
from core.options import Option

INSIDE = options.declare(
    Option(
        "notifications.inside_addresses",
        [],
        "Notifications: addresses inside that webhooks may call",
        "Names, addresses or networks such as hooks.corp.example, 10.1.2.3 or 10.9.0.0/24. Everything else inside the "
        "network, and every metadata service, is refused.",
        kind="list",
    )
)
MOST_MAILS = options.declare(
    Option(
        "notifications.mails_an_hour",
        60,
        "Notifications: most messages an hour to one recipient",
        "What goes beyond is not sent; people still find it in the portal.",
        minimum=1,
        maximum=10_000,
    )
)
PAUSE_AFTER = options.declare(
    Option(
        "notifications.pause_after",
        20,
        "Notifications: failures in a row after which a webhook is paused",
        "Somebody who manages the system then has to look at it and resume it.",
        minimum=2,
        maximum=1_000,
    )
)
