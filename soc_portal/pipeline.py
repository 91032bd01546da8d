"""The one wiring file: which stage reacts to which event, in this order. Listeners are idempotent."""

LISTENERS: dict[str, list[str]] = {
    "alerts.stored": [],
    "incident.correlated": [],
    "incident.changed": [],
    "delivery.changed": ["remediation.services.report.delivery_changed"],
    # Devices first find their new group; then a deleted group can go.
    "device_groups.changed": [
        "incidents.services.device_groups.rematch_after_change",
        "accounts.services.device_groups.forget_retired",
    ],
    "target.seen": [],
    "run.ended": [],
}
