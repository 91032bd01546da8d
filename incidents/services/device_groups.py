"""Which group a device belongs to, and keeping the scope of alerts and incidents true when that changes."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from django.db import connection, transaction

from accounts.models import DeviceGroup
from core import audit
from core.actors import Actor
from incidents.models import Device
from incidents.services.facts import DeviceFacts

REMATCH_LOCK = 0x50C_68077
CHUNK = 1_000

_OPERATORS: dict[str, Callable[[str, str], bool]] = {
    "equals": lambda text, value: text == value,
    "startswith": lambda text, value: text.startswith(value),
    "endswith": lambda text, value: text.endswith(value),
    "contains": lambda text, value: value in text,
}


class GroupMatcher:
    """The rules in order of rank, read when the first device asks: most batches bring no new device.

    Groups of an exercise take devices of that exercise only, the others take every device.
    """

    def __init__(self, exercise: str) -> None:
        self._exercise = exercise
        self._groups: list[DeviceGroup] | None = None

    def group_of(self, facts: DeviceFacts) -> int:
        """The id of the matching group of the highest rank, else of the default group."""
        properties = {
            "name": [facts.full_name, facts.bare_name, facts.display.lower()],
            "domain": [facts.domain.lower() or facts.full_name.partition(".")[2]],
            "tag": [tag.lower() for tag in facts.tags],
            "os": [f"{facts.os_platform} {facts.os_version}".strip().lower(), facts.os_platform.lower()],
        }
        return self.match(properties)

    def match(self, properties: Mapping[str, Sequence[str]]) -> int:
        for group in self._all():
            if group.is_default or (group.exercise in ("", self._exercise) and _holds(group.rule, properties)):
                return group.pk
        raise LookupError("There is no default device group.")

    def _all(self) -> list[DeviceGroup]:
        if self._groups is None:
            self._groups = sorted(DeviceGroup.objects.all(), key=lambda group: (group.is_default, group.rank))
        return self._groups


def match_group(facts: DeviceFacts, *, exercise: str = "") -> int:
    """The id of the group that a device with these facts belongs to."""
    return GroupMatcher(exercise).group_of(facts)


def _holds(rule: Mapping[str, Any], properties: Mapping[str, Sequence[str]]) -> bool:
    """Every property must match one of its values; an empty rule matches nothing."""
    return bool(rule) and all(
        any(
            _OPERATORS[condition["operator"]](text, str(value).lower())
            for text in properties.get(name, ())
            if text
            for value in condition["values"]
        )
        for name, condition in rule.items()
    )


def rule_holds(rule: Mapping[str, Any], device: Device) -> bool:
    """Whether a rule alone, whatever the ranks say, matches a device as it is known now."""
    return _holds(rule, _properties(
        device.key, device.host_name, device.display_name, device.domain, device.tags, device.os_platform,
        device.os_version,
    ))  # fmt: skip


def _properties(
    key: str, host: str, shown: str, domain: str, tags: Sequence[str], platform: str, version: str
) -> dict[str, list[str]]:
    return {
        "name": [key, host.lower(), shown.lower()],
        "domain": [domain.lower() or key.partition(".")[2]],
        "tag": [tag.lower() for tag in tags],
        "os": [f"{platform} {version}".strip().lower(), platform.lower()],
    }


def rematch_devices(actor: Actor) -> int:
    """Match every device anew after groups changed; returns how many moved. Idempotent, one at a time."""
    moved = 0
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [REMATCH_LOCK])
        changes = _changes(cursor)
        for start in range(0, len(changes), CHUNK):
            part = changes[start : start + CHUNK]
            ids, groups = [device for device, _, _ in part], [group for _, _, group in part]
            cursor.execute(
                "UPDATE incidents_device d SET device_group_id = v.grp FROM unnest(%s::bigint[], %s::bigint[]) "
                "AS v(id, grp) WHERE d.id = v.id",
                [ids, groups],
            )
            _keep_scopes_true(cursor, ids)
            audit.record_many(
                [audit.Entry("device.group_changed", f"device:{device}", changes={"device_group": (before, after)})
                 for device, before, after in part],
                actor=actor,
            )  # fmt: skip
            moved += len(part)
    return moved


def rematch_after_change(**_payload: Any) -> None:
    """Listener of `device_groups.changed`."""
    rematch_devices(Actor.system("device groups"))


def _changes(cursor: Any) -> list[tuple[int, int, int]]:
    """(device, group now, group by the rules) of every device that is in the wrong group."""
    matchers: dict[str, GroupMatcher] = {}
    cursor.execute(
        "SELECT d.id, d.key, d.host_name, d.display_name, d.domain, d.tags, d.os_platform, d.os_version, d.exercise, "
        "d.device_group_id FROM incidents_device d JOIN accounts_devicegroup g ON g.id = d.device_group_id "
        "WHERE g.retired OR NOT d.group_fixed ORDER BY d.id"
    )
    changes = []
    for pk, key, host, shown, domain, tags, platform, version, exercise, group in cursor.fetchall():
        matcher = matchers.setdefault(exercise, GroupMatcher(exercise))
        wanted = matcher.match(_properties(key, host, shown, domain, tags, platform, version))
        if wanted != group:
            changes.append((pk, group, wanted))
    return changes


def _keep_scopes_true(cursor: Any, device_ids: list[int]) -> None:
    """The group lists of the alerts that name these devices, and of those alerts' incidents."""
    cursor.execute(
        """
        WITH touched AS (SELECT DISTINCT alert_id FROM incidents_evidence WHERE device_id = ANY(%s)),
        groups AS (
            SELECT e.alert_id, array_agg(DISTINCT d.device_group_id ORDER BY d.device_group_id) AS ids
            FROM incidents_evidence e JOIN incidents_device d ON d.id = e.device_id
            WHERE e.alert_id IN (SELECT alert_id FROM touched) GROUP BY e.alert_id
        )
        UPDATE incidents_alert a SET device_group_ids = g.ids FROM groups g
        WHERE a.id = g.alert_id AND a.device_group_ids <> g.ids RETURNING a.incident_id
        """,
        [device_ids],
    )
    incidents = sorted({row[0] for row in cursor.fetchall() if row[0] is not None})
    keep_incident_scopes_true(incidents)


def keep_incident_scopes_true(incident_ids: Sequence[int]) -> None:
    """`device_group_ids` and `open_to_all` of the incidents, from their alerts."""
    if not incident_ids:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE incidents_incident i SET device_group_ids = s.ids, open_to_all = s.open
            FROM (
                SELECT a.incident_id, bool_or(a.device_group_ids = '{}') AS open,
                       coalesce(array_agg(DISTINCT g ORDER BY g) FILTER (WHERE g IS NOT NULL), '{}') AS ids
                FROM incidents_alert a LEFT JOIN LATERAL unnest(a.device_group_ids) g ON true
                WHERE a.incident_id = ANY(%s) GROUP BY a.incident_id
            ) s
            WHERE i.id = s.incident_id AND (i.device_group_ids, i.open_to_all) IS DISTINCT FROM (s.ids, s.open)
            """,
            [list(incident_ids)],
        )
