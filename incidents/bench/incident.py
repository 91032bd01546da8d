"""How quickly an incident of a thousand alerts opens, tab by tab, among many others, and what a change of its status
costs.

Its alerts come in through the ordinary door; the others are written by SQL. The limit beside it is the bare SELECT of
the first page of its alerts with their evidence.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from django.db import connection, transaction
from django.urls import reverse

from core import clock
from core.actors import Actor
from core.web_process import settle
from incidents.bench.opening import count_statements, open_often, percentile, timed
from incidents.bench.population import populate, sign_in
from incidents.bench.sample import alerts as sample_alerts
from incidents.correlation.engine import correlate_waiting
from incidents.ingest.accept import accept_alerts
from incidents.models import Alert, Incident
from incidents.services.manage import update_incident
from incidents.services.move_alerts import move_alerts

BENCH = Actor.system("bench")
PANELS = ("tab-story", "tab-alerts", "tab-assets", "tab-evidence", "tab-activities", "graph", "summary", "head", "tabs")
TARGET_P95_MS, TARGET_QUERIES = 300, 20


def run(options: Mapping[str, Any]) -> dict[str, Any]:
    """`size` (default 1,000) alerts in the one incident, among `alerts` (default 100,000) in `incidents` (default a
    tenth of that) others; each address is opened `count` (default 20) times."""
    size, count = int(options.get("size", 1_000)), int(options.get("count", 20))
    alerts = int(options.get("alerts", 100_000))
    incidents = int(options.get("incidents", alerts // 10))
    populate(incidents=incidents, alerts=alerts)
    big, small = _incident_of(size), _incident_of(5)
    client = sign_in("reader")
    settle()
    opened = {name: open_often(client, address, count) for name, address in _addresses(big).items()}
    limit = percentile(timed(lambda: _bare_select(big), count), 50)
    worst = max(one.p95 for one in opened.values())
    writes = {f"status_change_of_{len_}": _status_change(one) for one, len_ in ((small, 5), (big, size))}
    return {
        "alerts": alerts,
        "incidents": incidents,
        "size": size,
        **{name: one.as_json() for name, one in opened.items()},
        **writes,
        "p95_ms": round(worst, 1),
        "target_p95_ms": TARGET_P95_MS,
        "queries_status_change": max(one["queries"] for one in writes.values()),
        "target_queries": TARGET_QUERIES,
        "limit_bare_select_ms": round(limit, 2),
        "ratio_p95_to_bare_select": round(worst / limit, 1),
        "ratio_target_to_p95": round(TARGET_P95_MS / worst, 2),
    }


def _incident_of(size: int) -> Incident:
    """So many alerts taken in, correlated, and then moved into one incident by hand."""
    items = sample_alerts(size, until=clock.now(), prefix=f"bench-{size}", seed=size)
    for start in range(0, size, 500):
        accept_alerts(items[start : start + 500], format="graph", source=f"bench-{size}", actor=BENCH)
    while correlate_waiting().alerts:
        pass
    rows = list(Alert.objects.filter(source=f"bench-{size}").order_by("pk"))
    return _gathered(rows)


def _gathered(rows: Sequence[Alert]) -> Incident:
    target = move_alerts(rows[:1], to=None, actor=BENCH, comment="")
    for start in range(1, len(rows), 1_000):
        move_alerts(rows[start : start + 1_000], to=target, actor=BENCH, comment="")
    return target


def _addresses(incident: Incident) -> dict[str, str]:
    pages = {f"page_{tab}": reverse("incidents:incident", args=[incident.pk, tab]) for tab in ("story", "alerts")}
    return pages | {name: reverse(f"incidents:{name}", args=[incident.pk]) for name in PANELS}


def _status_change(incident: Incident) -> dict[str, Any]:
    """Resolving: the dearest change, because its alerts follow. Undone each time, so that it can be measured again."""

    def resolve() -> None:
        with transaction.atomic():
            fresh = Incident.objects.get(pk=incident.pk)
            update_incident(fresh, changes={"status": "resolved", "classification": "truePositive"}, actor=BENCH)
            transaction.set_rollback(True)

    _, queries = count_statements(resolve)
    return {"queries": queries, "p95_ms": round(percentile(timed(resolve, 10), 95), 1)}


def _bare_select(incident: Incident) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT * FROM (SELECT * FROM incidents_alert WHERE incident_id = %s ORDER BY first_activity, id LIMIT 50)"
            " a JOIN incidents_evidence e ON e.alert_id = a.id",
            [incident.pk],
        )
        cursor.fetchall()
