"""What indicators name was met: alerts that name it are marked, and what connections tell is kept.

A hit that an alert tells of is only noted. One that a connection tells of raises an alert when its indicator asks for
one and none tells of it yet (`raise_alerts`). An alert never raises another: only connections can.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Q

from connectors.models import Connection
from connectors.ports import HITS_AT_ONCE, INDICATOR_HITS, TENANT
from connectors.services.observe import observe
from core import clock, jobs
from incidents.models import Device, DeviceBinding, Evidence
from remediation.enums import HitKind, IndicatorType
from remediation.indicator_values import clean_value, key_of
from remediation.models import HitsRead, Indicator, IndicatorHit
from remediation.precedence import names_for, winner
from remediation.services.find_indicators import hashes_of, rule_of

# A remote system may tell everything it still has; what is older is history, and nothing to raise an alert for.
OLDEST = timedelta(days=30)
MOST_ALERTS = 1_000
_PREFIXES = {"ip": IndicatorType.IP, "url": IndicatorType.URL, "domain": IndicatorType.DOMAIN}
_DID = {kind.value for kind in HitKind} - {HitKind.NAMED.value}


def alerts_stored(*, alerts: Sequence[int] = (), **_: object) -> None:
    """Listener of `alerts.stored`."""
    note_named(alerts)


def note_named(alert_ids: Sequence[int]) -> int:
    """Note which evidence of these alerts is under an indicator; told twice it does the same as told once."""
    if not alert_ids or not _in_force().exists():
        return 0
    evidence = Evidence.objects.filter(alert__in=list(alert_ids)[:MOST_ALERTS]).select_related(
        "file", "alert", "device"
    )
    named = [(one, names) for one in evidence if (names := names_of(one))]
    keys = {key_of(kind, value) for _, names in named for kind, value in names}
    by_key: dict[str, list[Indicator]] = {}
    for row in _in_force().filter(key__in=keys):
        by_key.setdefault(row.key, []).append(row)
    hits = [hit for one, names in named if (hit := _hit_of(one, names, by_key)) is not None]
    IndicatorHit.objects.bulk_create(hits, ignore_conflicts=True, batch_size=500)
    return len(hits)


def names_of(evidence: Evidence) -> list[tuple[str, str]]:
    """Every (type, value) whose indicator would be about this evidence."""
    if evidence.file is not None:
        return hashes_of(evidence.file)
    kind = _PREFIXES.get(evidence.key.partition(":")[0])
    if kind is None:
        return []
    try:
        return names_for(kind, clean_value(kind, evidence.display))
    except ValidationError:
        return []


def key_of_evidence(evidence: Evidence) -> str:
    """The same for the same thing in the same alert, also when the source sends the alert again."""
    thing = f"{evidence.type}|{evidence.key}|{evidence.display}|{evidence.device_id or ''}"
    return f"alert:{evidence.alert_id}:{sha256(thing.encode()).hexdigest()[:24]}"


def _hit_of(
    evidence: Evidence, names: Iterable[tuple[str, str]], by_key: Mapping[str, list[Indicator]]
) -> IndicatorHit | None:
    """The hit of the indicator that wins on this evidence, on a device of its group."""
    alert, device = evidence.alert, evidence.device
    rows = {row.pk: row for kind, value in names for row in by_key.get(key_of(kind, value), ())}
    fitting = [row for row in rows.values() if row.exercise in {"", alert.exercise}]
    groups: list[int | None] = [device.device_group_id] if device is not None else [*alert.device_group_ids]
    winners = (winner([rule_of(row) for row in fitting], group=group) for group in groups or [None])
    best = next((one for one in winners if one is not None), None)
    if best is None:
        return None
    return IndicatorHit(indicator=rows[best.id], key=key_of_evidence(evidence), kind=HitKind.NAMED,
                        at=alert.last_activity, device=device, alert=alert)  # fmt: skip


def _in_force() -> Any:
    return Indicator.objects.active().filter(Q(expires_at=None) | Q(expires_at__gt=clock.now()))


def hits_told(*, connection_id: int, **_: object) -> None:
    """Listener of `agent.hits`: what devices met is read at once, and not when the list is looked at next."""
    connection = Connection.objects.filter(pk=connection_id, enabled=True).first()
    if connection is not None and read_hits(connection):
        jobs.wake("remediation.tasks.enforce_indicators")


def read_hits(connection: Connection) -> int:
    """Keep what the connection tells since it was read last; answers how many are new. A system that tells of none has
    nothing to read."""
    cursor, _ = HitsRead.objects.get_or_create(connection=connection)
    observed = observe(connection, TENANT, INDICATOR_HITS, cursor.last)
    told = observed.evidence.get("hits") if observed.known else None
    if not isinstance(told, list) or not told:
        return 0
    rows = [row for row in told[:HITS_AT_ONCE] if isinstance(row, dict) and row.get("id")]
    with transaction.atomic():
        before = IndicatorHit.objects.filter(connection=connection).count()
        IndicatorHit.objects.bulk_create(_kept(connection, rows), ignore_conflicts=True)
        if rows:
            HitsRead.objects.filter(pk=cursor.pk).update(last=str(rows[-1]["id"])[:80])
        return IndicatorHit.objects.filter(connection=connection).count() - before


def _kept(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> list[IndicatorHit]:
    """Those that can be understood, of indicators that this connection was told of."""
    known = {row.remote_key: row for row in Indicator.objects.filter(enforcements__connection=connection).distinct()
             if row.remote_key in {str(one.get("indicator")) for one in rows}}  # fmt: skip
    remote = {str(one.get("device"))[:255] for one in rows}
    bound = DeviceBinding.objects.filter(connection=connection, remote_id__in=remote)
    devices = {one.remote_id: one.device for one in bound.select_related("device")}
    found = []
    for row in rows:
        indicator, at, did = known.get(str(row.get("indicator"))), _moment(row.get("at")), row.get("did")
        if indicator is None or at is None or did not in _DID:
            continue
        device = devices.get(str(row.get("device")))
        if device is not None and not _holds_on(indicator, device):
            continue
        key = f"connection:{connection.pk}:{str(row['id'])[:80]}"
        # What nobody can say of which device it was would be an alert about nothing.
        asks = indicator.generate_alert and device is not None
        found.append(IndicatorHit(indicator=indicator, key=key, kind=str(did), at=at, connection=connection,
                                  device=device, wants_alert=asks))  # fmt: skip
    return found


def _holds_on(indicator: Indicator, device: Device) -> bool:
    """Whoever sees a device hears nothing of another group's indicators, whatever the device says that it met."""
    return not indicator.device_group_ids or device.device_group_id in indicator.device_group_ids


def _moment(text: object) -> datetime | None:
    """A time with a zone, not of long ago and not of the future."""
    try:
        moment = datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return None
    now = clock.now()
    if moment is None or moment.tzinfo is None or moment < now - OLDEST:
        return None
    return min(moment, now)
