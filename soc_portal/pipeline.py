"""The one wiring file: which stage reacts to which event, in this order. Listeners are idempotent."""

LISTENERS: dict[str, list[str]] = {
    "alerts.stored": [],
    "incident.correlated": [],
    "incident.changed": [],
    "delivery.changed": [],
    "target.seen": [],
    "run.ended": [],
}
