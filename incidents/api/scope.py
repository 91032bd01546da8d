"""What an answer may name: things outside the caller's scope are counted, never named."""

from collections.abc import Iterable
from typing import Any

from accounts.models import User
from incidents.models import Alert, Device, Evidence, File, Identity, Incident, Mailbox

MODELS: dict[str, Any] = {"device": Device, "file": File, "identity": Identity, "mailbox": Mailbox}
Hidden = frozenset[tuple[str, int]]


def hidden_entities(user: User, named: Iterable[tuple[str, int]]) -> Hidden:
    """Those of the named entities that the user may not see; one query a kind, none with the whole scope."""
    if user.scope.everything:
        return frozenset()
    named = set(named)
    hidden: set[tuple[str, int]] = set()
    for kind, model in MODELS.items():
        ids = {found for of_kind, found in named if of_kind == kind}
        if ids:
            seen = set(model.objects.visible_to(user).filter(pk__in=ids).values_list("pk", flat=True))
            hidden.update((kind, missing) for missing in ids - seen)
    return frozenset(hidden)


def named_by_incidents(incidents: Iterable[Incident]) -> set[tuple[str, int]]:
    return {
        (one["kind"], int(one["id"])) for incident in incidents for one in incident.impacted_assets.get("names", ())
    }


def named_by_evidence(rows: Iterable[Evidence]) -> set[tuple[str, int]]:
    return {(kind, found) for row in rows for kind in MODELS if (found := getattr(row, f"{kind}_id")) is not None}


def named_by_alerts(alerts: Iterable[Alert]) -> set[tuple[str, int]]:
    return named_by_evidence(row for alert in alerts for row in alert.evidence.all())
