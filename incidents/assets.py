"""Assets of incidents as one person may see them."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from django.urls import reverse

from accounts.models import User
from incidents.containment import Coverage, containment_of, coverage
from incidents.enums import EntityKind, RemediationStatus, Severity
from incidents.models import Device, Evidence, File, Identity, Incident, Mailbox

MODELS: Mapping[str, Any] = {
    EntityKind.DEVICE.value: Device,
    EntityKind.IDENTITY.value: Identity,
    EntityKind.FILE.value: File,
    EntityKind.MAILBOX.value: Mailbox,
}

# Kinds that something can hold, with what people call them. What happens in a mailbox is held by its account.
CONTAINABLE: Mapping[str, str] = {EntityKind.DEVICE.value: "device", EntityKind.IDENTITY.value: "account"}
BOUNCED = frozenset({RemediationStatus.BLOCKED.value, RemediationStatus.PREVENTED.value})
MOST_ATTACKED = 200


def attacked(kind: str, incident: Incident, user: User | None = None) -> list[Any]:
    """Devices or accounts that the attack reached, as far as `user` sees them. Where it bounced off does not count;
    what is held does, although its evidence is called blocked since then."""
    told = Evidence.objects.visible_to(user) if user else Evidence.objects.all()
    named = told.filter(alert__incident=incident).exclude(**{kind: None})
    states = list(named.order_by().values_list(kind, "remediation_status").distinct())
    reached = {pk for pk, status in states if status not in BOUNCED}
    rows = MODELS[kind].objects.visible_to(user) if user else MODELS[kind].objects.all()
    found = rows.filter(pk__in={pk for pk, _ in states}).order_by("display_name", "pk")[:MOST_ATTACKED]
    return [entity for entity in found if entity.pk in reached or containment_of(entity)]


def coverages(incident: Incident, user: User) -> list[Coverage]:
    """Devices and accounts, each with how many are held; kinds that the attack did not reach are left out."""
    counted = (coverage(attacked(kind, incident, user), noun) for kind, noun in CONTAINABLE.items())
    return [one for one in counted if one.total]


def shown_coverage(incident: Incident, user: User) -> Coverage | None:
    """The progress that a page tells of: devices, or accounts when it reached no device. Nothing held yet is told while
    an incident of high severity is open; of a lesser one there is no progress to speak of."""
    pressing = incident.is_open and incident.severity == Severity.HIGH
    first = next(iter(coverages(incident, user)), None)
    return first if first and (first.held or pressing) else None


def entity_url(kind: str, pk: int) -> str:
    return reverse(f"incidents:{kind}", args=[pk])


def shown_names(incidents: Iterable[Incident], user: User) -> dict[int, list[dict[str, Any]]]:
    """The leading assets of each incident by its key, without those outside the person's device groups."""
    names = {incident.pk: list(incident.impacted_assets.get("names") or []) for incident in incidents}
    if user.scope.everything:
        return names
    wanted: dict[str, set[int]] = defaultdict(set)
    for rows in names.values():
        for row in rows:
            wanted[row.get("kind", "")].add(row.get("id", 0))
    visible = {
        kind: set(MODELS[kind].objects.visible_to(user).filter(pk__in=keys).values_list("pk", flat=True))
        for kind, keys in wanted.items()
        if kind in MODELS
    }
    return {
        pk: [row for row in rows if row.get("id") in visible.get(row.get("kind", ""), ())] for pk, rows in names.items()
    }


def named_as_seen(rows: Iterable[Evidence], user: User) -> list[Evidence]:
    """The evidence without the entities outside the person's device groups: their names stay, because the visible alert
    says them; facts, links and actions do not. For reading only."""
    shown = list(rows)
    if user.scope.everything:
        return shown
    for kind, model in MODELS.items():
        named = {getattr(row, f"{kind}_id") for row in shown} - {None}
        seen = set(model.objects.visible_to(user).filter(pk__in=named).values_list("pk", flat=True)) if named else set()
        for row in shown:
            if getattr(row, f"{kind}_id") not in {None, *seen}:
                setattr(row, kind, None)
    return shown


def sees_all_of(incident: Incident, user: User) -> bool:
    """Whether every alert of the incident lies in the person's scope, so that its summary hides nothing from them."""
    return user.scope.everything or set(incident.device_group_ids) <= user.scope.group_ids
