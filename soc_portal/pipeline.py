"""The one wiring file: which stage reacts to which event, in this order. Listeners are idempotent."""

LISTENERS: dict[str, list[str]] = {
    "alerts.stored": [],
    "incident.correlated": [],
    "incident.changed": [],
    "delivery.changed": [],
    # Devices first find their new group; then a deleted group can go.
    "device_groups.changed": ["accounts.services.device_groups.forget_retired"],
    "target.seen": [],
    "run.ended": [],
}
