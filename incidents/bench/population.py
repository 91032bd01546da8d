"""A company's months of incidents, written by SQL in a minute or two: what page measurements open.

Columns that a measurement does not care about get the default of their field, so that a new column needs no edit here.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import connection
from django.db.models import Field, JSONField, Model
from django.test import Client

from accounts.enums import ScopeKind
from accounts.models import DeviceGroup, Role, User
from core import clock
from incidents.models import Alert, Device, Evidence, Identity, Incident

GROUPS, DEVICES, PEOPLE = 20, 3_000, 40

_INCIDENT = {
    "display_name": "'Detection of kind ' || n % 300 || ' on ws-' || n % %(devices)s",
    "neutral_name": "'Execution on 1 device'",
    "name_source": "'auto'",
    "summary": "'Alerts from one source.'",
    "status": "(ARRAY['active', 'active', 'inProgress', 'resolved', 'resolved', 'resolved'])[1 + n % 6]",
    "severity": "(ARRAY['informational', 'low', 'medium', 'high'])[1 + n % 4]",
    "severity_rank": "1 + n % 4",
    "classification": "CASE WHEN n % 6 > 2 THEN (ARRAY['truePositive', 'falsePositive'])[1 + n % 2] ELSE 'unknown' END",
    "assigned_to_id": "CASE WHEN n % 3 = 0 THEN NULL ELSE (%(people)s::bigint[])[1 + n % %(persons)s] END",
    "custom_tags": "CASE WHEN n % 50 = 0 THEN ARRAY['vip'] ELSE '{}' END",
    "priority_score": "(n * 7919) % 101",
    "priority_factors": """'[{"key": "severity", "label": "High severity", "points": 40}]'::jsonb""",
    "alert_counts": """jsonb_build_object('total', %(each)s, 'active', %(each)s, 'high', 1, 'medium', 1, 'low', 1,
        'informational', 1, 'unknown', 0)""",
    "impacted_assets": """'{"devices": 1, "identities": 0, "mailboxes": 0, "files": 0, "total": 1, "names": []}'""",
    "categories": "ARRAY[(ARRAY['Execution', 'CredentialAccess', 'Discovery'])[1 + n % 3]]",
    "mitre_techniques": "'{T1059}'",
    "service_sources": "ARRAY[(ARRAY['microsoftDefenderForEndpoint', 'microsoftSentinel'])[1 + n % 2]]",
    "detection_sources": "'{antivirus}'",
    "sources": "'{bench}'",
    "device_group_ids": "ARRAY[(%(groups)s::bigint[])[1 + n % %(group_count)s]]",
    "open_to_all": "false",
    "first_activity": "t",
    "last_activity": "t",
    "created": "t",
    "updated": "t",
    "acknowledged": "CASE WHEN n % 6 > 1 THEN t + interval '20 minutes' END",
    "resolved": "CASE WHEN n % 6 > 2 THEN t + interval '5 hours' END",
}
_ALERT = {
    "source": "'bench'",
    "provider_alert_id": "i.id || '-' || k",
    "format": "'graph'",
    "content_digest": r"'\x00'",
    "detector_id": "'detector-' || i.id % 300",
    "title": "i.display_name",
    "severity": "i.severity",
    "status": "CASE i.status WHEN 'resolved' THEN 'resolved' ELSE 'new' END",
    "categories": "i.categories",
    "mitre_techniques": "i.mitre_techniques",
    "service_source": "i.service_sources[1]",
    "detection_source": "'antivirus'",
    "first_activity": "i.first_activity",
    "last_activity": "i.last_activity",
    "created": "i.created",
    "updated": "i.updated",
    "incident_id": "i.id",
    "correlated": "i.created",
    "device_group_ids": "i.device_group_ids",
}
_DEVICE = {
    "key": "'ws-' || n || '.bench.example'",
    "display_name": "'ws-' || n",
    "host_name": "'ws-' || n",
    "device_group_id": "(%(groups)s::bigint[])[1 + n % %(group_count)s]",
}
_IDENTITY = {
    "key": "'person-' || n || '@bench.example'",
    "display_name": "'Person ' || n",
    "account_name": "'person-' || n",
}
# Every third alert names an account, the others a device.
_EVIDENCE = {
    "alert_id": "a.id",
    "type": "CASE WHEN a.id % 3 = 0 THEN 'user' ELSE 'device' END",
    "roles": "'{source}'",
    "verdict": "'suspicious'",
    "display": "CASE WHEN a.id % 3 = 0 THEN 'Person ' ELSE 'ws-' END || a.incident_id % %(devices)s",
    "device_id": "CASE WHEN a.id % 3 > 0 THEN %(first_device)s + a.incident_id % %(devices)s END",
    "identity_id": "CASE WHEN a.id % 3 = 0 THEN %(first_identity)s + a.incident_id % %(devices)s END",
    "created": "a.created",
}
_SPREAD = """(SELECT n, %(now)s::timestamptz - n * interval '90 days' / %(n)s AS t
    FROM generate_series(1, %(n)s) n) s"""


def populate(*, incidents: int, alerts: int) -> list[int]:
    """Incidents of the last 90 days, with their share of the alerts, over device groups; answers the keys of these."""
    groups = [
        DeviceGroup.objects.create(name=f"Bench {number}", rank=number + 1, rule={}).pk for number in range(GROUPS)
    ]
    people = [
        User.objects.create(username=f"owner-{number}", display_name=f"Owner {number}").pk for number in range(PEOPLE)
    ]
    values = {"n": incidents, "each": max(1, alerts // incidents), "now": clock.now(), "groups": groups,
              "group_count": GROUPS, "people": people, "persons": PEOPLE, "devices": DEVICES}  # fmt: skip
    _insert(Device, _DEVICE, f"generate_series(0, {DEVICES - 1}) n", values)
    _insert(Identity, _IDENTITY, f"generate_series(0, {DEVICES - 1}) n", values)
    values["first_device"] = Device.objects.order_by("pk").values_list("pk", flat=True)[0]
    values["first_identity"] = Identity.objects.order_by("pk").values_list("pk", flat=True)[0]
    _insert(Incident, _INCIDENT, _SPREAD, values)
    _insert(Alert, _ALERT, "incidents_incident i CROSS JOIN generate_series(1, %(each)s) k", values)
    _insert(Evidence, _EVIDENCE, "incidents_alert a", values)
    with connection.cursor() as cursor:
        cursor.execute("VACUUM (ANALYZE)")
    return groups


def _insert(model: type[Model], columns: Mapping[str, str], origin: str, values: dict[str, Any]) -> None:
    given = {name: text.replace(" % ", " %% ") for name, text in columns.items()}
    rest = {str(field.column): field for field in _written(model) if field.column not in columns}
    values = {**values, **{f"default_{name}": _default(field) for name, field in rest.items()}}
    given |= {name: f"%(default_{name})s::{field.db_type(connection)}" for name, field in rest.items()}
    names, texts = ", ".join(given), ", ".join(given.values())
    with connection.cursor() as cursor:
        cursor.execute(f"INSERT INTO {model._meta.db_table} ({names}) SELECT {texts} FROM {origin}", values)


def _written(model: type[Model]) -> list["Field[Any, Any]"]:
    return [field for field in model._meta.concrete_fields if not field.primary_key]


def _default(field: "Field[Any, Any]") -> Any:
    if isinstance(field, JSONField | ArrayField) or not field.null or field.has_default():
        return field.get_db_prep_save(field.get_default(), connection)
    return None


def sign_in(name: str, groups: Sequence[int] = ()) -> Client:
    """An analyst who sees everything, or only these groups."""
    user = User.objects.create(
        username=f"bench-{name}", display_name=f"Bench {name}",
        scope_kind=ScopeKind.SELECTED if groups else ScopeKind.ALL,
    )  # fmt: skip
    user.roles.set([Role.objects.get(key="analyst")])
    user.device_groups.set(groups)
    client = Client()
    client.force_login(user, backend=settings.AUTHENTICATION_BACKENDS[-1])
    return client
