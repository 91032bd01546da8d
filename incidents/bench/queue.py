"""How quickly the incident queue opens over many alerts, and with how many queries.

The limit beside it is the bare SELECT of the same 50 rows.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any
from urllib.parse import unquote

from django.db import connection
from django.test import Client
from django.urls import reverse

from core import clock
from core.web_process import settle
from incidents.bench.opening import open_often, percentile, timed
from incidents.bench.population import populate, sign_in

ALERTS_AN_INCIDENT = 4
TARGET_P95_MS, TARGET_QUERIES = 100, 20
_OLDER = re.compile(rb'rel="next" href="[^"]*cursor=([^"&]+)')
ADDRESSES = {
    "default": "", "by_severity": "sort=severity", "all_time": "window=all", "one_group": "group={group}&window=all",
    "name": "name=kind+77&window=all", "deep": "window=all&cursor={cursor}", "asset": "entity=ws-1234&window=all",
    "owner": "owner=me&owner=nobody&window=all", "tag": "tag=vip&window=all", "source": "source=microsoftSentinel",
    "classification": "classification=falsePositive&window=all", "category": "category=Discovery&band=top",
}  # fmt: skip


def run(options: Mapping[str, Any]) -> dict[str, Any]:
    """`alerts` (default 100,000) in `incidents` (default a quarter of that) are seeded; each address is opened `count`
    (default 40) times by somebody who sees everything and by somebody of five groups."""
    alerts, count = int(options.get("alerts", 100_000)), int(options.get("count", 40))
    incidents = int(options.get("incidents", alerts // ALERTS_AN_INCIDENT))
    groups = populate(incidents=incidents, alerts=alerts)
    settle()
    figures: dict[str, Any] = {"alerts": alerts, "incidents": incidents}
    worst_p95, most_queries = 0.0, 0
    for who, scope in (("everything", []), ("some_groups", groups[:5])):
        client = sign_in(who, scope)
        for name, query in _addresses(client, groups).items():
            opened = open_often(client, f"{reverse('incidents:queue')}?{query}", count)
            figures[f"{who}_{name}"] = opened.as_json()
            worst_p95, most_queries = max(worst_p95, opened.p95), max(most_queries, opened.queries)
    limit = percentile(timed(_bare_select, count), 50)
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


def _bare_select() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT * FROM incidents_incident WHERE status IN ('active', 'inProgress') AND last_activity > %s "
            "ORDER BY priority_score DESC, last_activity DESC, id DESC LIMIT 50",
            [clock.now() - timedelta(days=7)],
        )
        cursor.fetchall()
