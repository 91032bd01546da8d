"""How quickly the incident queue opens over 100,000 alerts, and with how many queries.

The rows are seeded by SQL. The limit beside it is the bare SELECT of the same 50 rows.
"""

import re
import time
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any
from urllib.parse import unquote

from django.conf import settings
from django.db import connection
from django.test import Client
from django.urls import reverse

from accounts.enums import ScopeKind
from accounts.models import DeviceGroup, Role, User
from core import clock

ALERTS_AN_INCIDENT = 4
GROUPS = 20
TARGET_P95_MS, TARGET_QUERIES = 100, 20
_OLDER = re.compile(rb'rel="next" href="[^"]*cursor=([^"&]+)')
ADDRESSES = {
    "default": "", "by_severity": "sort=severity", "all_time": "window=all", "one_group": "group={group}&window=all",
    "name": "name=kind+77&window=all", "deep": "window=all&cursor={cursor}",
}  # fmt: skip


def run(options: Mapping[str, Any]) -> dict[str, Any]:
    """`alerts` (default 100,000) are seeded; each address is opened `count` (default 40) times by two people."""
    alerts, count = int(options.get("alerts", 100_000)), int(options.get("count", 40))
    groups = _seed(alerts)
    figures: dict[str, Any] = {"alerts": alerts, "incidents": alerts // ALERTS_AN_INCIDENT}
    worst_p95, most_queries = 0.0, 0
    for who, scope in (("everything", []), ("some_groups", groups[:5])):
        client = _sign_in(who, scope)
        for name, query in _addresses(client, groups).items():
            times, queries = _open(client, f"{reverse('incidents:queue')}?{query}", count)
            p95 = _percentile(times, 95)
            figures[f"{who}_{name}"] = {"p50_ms": round(_percentile(times, 50), 1), "p95_ms": round(p95, 1),
                                        "queries": queries}  # fmt: skip
            worst_p95, most_queries = max(worst_p95, p95), max(most_queries, queries)
    limit = _bare_select_ms(count)
    return {
        **figures,
        "p95_ms": round(worst_p95, 1),
        "target_p95_ms": TARGET_P95_MS,
        "queries": most_queries,
        "target_queries": TARGET_QUERIES,
        "limit_bare_select_ms": round(limit, 2),
        "ratio_p95_to_bare_select": round(worst_p95 / limit, 1),
        "ratio_target_to_p95": round(TARGET_P95_MS / worst_p95, 2),
    }


def _seed(alerts: int) -> list[int]:
    """Incidents of the last 90 days with four alerts each, spread over device groups."""
    groups = [
        DeviceGroup.objects.create(name=f"Bench {number}", rank=number + 1, rule={}).pk for number in range(GROUPS)
    ]
    now = clock.now()
    with connection.cursor() as cursor:
        for statement in (_INCIDENTS, _ALERTS):
            cursor.execute(statement, {"n": alerts // ALERTS_AN_INCIDENT, "groups": groups, "now": now,
                                       "each": ALERTS_AN_INCIDENT})  # fmt: skip
        cursor.execute("ANALYZE")
    return groups


_INCIDENTS = """
INSERT INTO incidents_incident (display_name, neutral_name, name_source, description, summary, status, severity,
    severity_rank, severity_source, classification, determination, custom_tags, system_tags, priority_score,
    priority_factors, alert_counts, impacted_assets, categories, mitre_techniques, service_sources, detection_sources,
    sources, device_group_ids, open_to_all, restricted, first_activity, last_activity, created, updated,
    last_modified_by, reopened_count, resolving_comment, version, exercise)
SELECT 'Detection of kind ' || n %% 300 || ' on ws-' || n, 'Execution on 1 device', 'auto', '',
    'Four alerts from one source.',
    (ARRAY['active', 'active', 'inProgress', 'resolved', 'resolved', 'resolved'])[1 + n %% 6],
    (ARRAY['informational', 'low', 'medium', 'high'])[1 + n %% 4], 1 + n %% 4, 'auto', 'unknown', 'unknown', '{}', '{}',
    (n * 7919) %% 101, '[{"key": "severity", "label": "High severity", "points": 40}]',
    '{"total": 4, "active": 4, "high": 1, "medium": 1, "low": 1, "informational": 1, "unknown": 0}',
    '{"devices": 1, "identities": 1, "mailboxes": 0, "files": 1, "total": 2, "names": []}', '{Execution}', '{T1059}',
    '{microsoftDefenderForEndpoint}', '{antivirus}', '{bench}', ARRAY[(%(groups)s::bigint[])[1 + n %% 20]], false,
    false, t, t, t, t, '', 0, '', 1, ''
FROM (SELECT n, %(now)s::timestamptz - n * interval '90 days' / %(n)s AS t FROM generate_series(1, %(n)s) n) s
"""
_ALERTS = """
INSERT INTO incidents_alert (source, provider_alert_id, format, content_digest, detector_id, title, description,
    recommended_actions, severity, status, classification, determination, categories, mitre_techniques, service_source,
    detection_source, product_name, provider_incident_id, custom_tags, actor_display_name, threat_display_name,
    first_activity, last_activity, created, updated, incident_id, correlated, device_group_ids, additional_data, marks,
    source_state, version, exercise)
SELECT 'bench', i.id || '-' || k, 'graph', '\\x00', 'd', i.display_name, '', '', i.severity, 'new', 'unknown',
    'unknown', i.categories, i.mitre_techniques, 'microsoftDefenderForEndpoint', 'antivirus', '', '', '{}', '', '',
    i.first_activity, i.last_activity, i.created, i.updated, i.id, i.created, i.device_group_ids, '{}', '[]', '{}', 1,
    ''
FROM incidents_incident i CROSS JOIN generate_series(1, %(each)s) k
"""


def _sign_in(name: str, groups: Sequence[int]) -> Client:
    user = User.objects.create(
        username=f"bench-{name}", display_name=f"Bench {name}",
        scope_kind=ScopeKind.SELECTED if groups else ScopeKind.ALL,
    )  # fmt: skip
    user.roles.set([Role.objects.get(key="analyst")])
    user.device_groups.set(groups)
    client = Client()
    client.force_login(user, backend=settings.AUTHENTICATION_BACKENDS[-1])
    return client


def _addresses(client: Client, groups: Sequence[int]) -> dict[str, str]:
    """The deep page is forty pages down, found as a person finds it: by leafing."""
    cursor = ""
    for _ in range(40):
        page = client.get(reverse("incidents:queue"), {"window": "all", "cursor": cursor})
        found = _OLDER.search(page.content)
        if found is None:
            raise RuntimeError("The page has no link to older incidents.")
        cursor = unquote(found[1].decode())
    return {name: query.format(group=groups[0], cursor=cursor) for name, query in ADDRESSES.items()}


def _open(client: Client, address: str, count: int) -> tuple[list[float], int]:
    statements: list[str] = []

    def note(execute: Any, sql: str, *rest: Any) -> Any:
        statements.append(sql)
        return execute(sql, *rest)

    with connection.execute_wrapper(note):
        page = client.get(address)
    if page.status_code != 200:
        raise RuntimeError(f"{address} answers {page.status_code}")
    times = []
    for _ in range(count):
        begun = time.perf_counter()
        client.get(address)
        times.append((time.perf_counter() - begun) * 1000)
    return times, len(statements)


def _bare_select_ms(count: int) -> float:
    times = []
    with connection.cursor() as cursor:
        for _ in range(count):
            begun = time.perf_counter()
            cursor.execute(
                "SELECT * FROM incidents_incident WHERE status IN ('active', 'inProgress') AND last_activity > %s "
                "ORDER BY priority_score DESC, last_activity DESC, id DESC LIMIT 50",
                [clock.now() - timedelta(days=7)],
            )
            cursor.fetchall()
            times.append((time.perf_counter() - begun) * 1000)
    return _percentile(times, 50)


def _percentile(values: Sequence[float], percent: int) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, round(percent / 100 * (len(ordered) - 1)))]
