"""`/metrics`: the portal's figures in the text format of Prometheus, for those the settings name and nobody else."""

import logging
import platform
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import redis
from django.conf import settings
from django.db import DatabaseError, InterfaceError
from django.http import HttpRequest, HttpResponse
from django.utils.crypto import constant_time_compare
from django.views.decorators.http import require_GET
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from core import metrics as counted
from core.client_address import client_address
from core.proxies import as_address, is_within
from soc_portal import measures
from soc_portal.certificates import expires_in_s
from soc_portal.version import version

logger = logging.getLogger(__name__)
KEPT_S = 5.0
Values = float | Mapping[str, float] | None
# name, what it tells, the label that tells its values apart, and who knows it.
Row = tuple[str, str, str, Callable[[], Values]]

DATABASE: tuple[Row, ...] = (
    ("soc_correlation_lag_seconds", "How long alerts wait for their incident.",
     "", measures.correlation_lag_s),
    ("soc_alerts_waiting", "Alerts that have no incident yet; counted up to 100000.", "", measures.alerts_waiting),
    ("soc_outbox_waiting", "Events that are not handed on yet.", "", lambda: measures.outbox_waiting().count),
    ("soc_outbox_lag_seconds", "Age of the oldest event that is not handed on yet.", "",
     lambda: measures.outbox_waiting().oldest_s),
    ("soc_runs_open", "Actions that are not finished, by status.", "status", measures.open_runs),
    ("soc_decisions_pending", "Actions that wait for a decision.", "", lambda: measures.pending_decisions().count),
    ("soc_decision_oldest_pending_seconds", "How long the oldest undecided action waits.", "",
     lambda: measures.pending_decisions().oldest_s),
    ("soc_dead_letters_open", "Items that could not become alerts and that nobody has looked after; up to 100000.", "",
     measures.open_dead_letters),
    ("soc_connections", "Connections that are switched on, by health.", "health", measures.connections_by_health),
    ("soc_agents", "Endpoint agents, by state.", "state", measures.agents_by_state),
    ("soc_agents_connected", "Endpoint agents in service that were heard of late.", "", measures.agents_connected),
    ("soc_agent_orders_open", "Orders to endpoint agents that have not ended, by where they stand.", "state",
     measures.agent_orders),
    ("soc_agent_order_unsigned_seconds", "How long the oldest order to an endpoint agent waits for the signer.", "",
     measures.unsigned_age_s),
    ("soc_backup_age_seconds", "Since the last backup that went well; missing when there was none.", "",
     measures.backup_age_s),
    ("soc_database_size_bytes", "Size of the portal's database.", "", measures.database_size),
    ("soc_database_connections", "Connections to the portal's database, by what they do.", "state",
     measures.database_connections),
    ("soc_database_connections_max", "How many connections the database server takes.", "",
     measures.most_database_connections),
    ("soc_audit_unsealed", "Audit events that the chain does not hold yet.", "",
     lambda: measures.audit_chain().waiting),
    ("soc_audit_chain_whole", "1 when the last check found the audit chain whole, 0 when broken; missing without one.",
     "", measures.chain_whole),
    ("soc_audit_checked_age_seconds", "Since the last check of the audit chain; missing when there was none.", "",
     measures.chain_checked_age_s),
)  # fmt: skip
BROKER: tuple[Row, ...] = (
    ("soc_queue_depth", "Messages that no worker has taken, by queue.", "queue", measures.queue_depths),
    ("soc_messages_in_work", "Messages that workers have taken and not finished.", "", measures.messages_in_work),
    ("soc_heartbeat_age_seconds", "Since the last sign of life of beat and workers; missing after 300 s.", "part",
     measures.heartbeats),
    ("soc_live_streams", "Open pages that hear of changes as they happen.", "", measures.open_streams),
)  # fmt: skip
MACHINE: tuple[Row, ...] = (
    ("soc_data_free_bytes", "Free space where the data folder lies.", "", lambda: measures.disk()[0]),
    ("soc_data_size_bytes", "Whole space where the data folder lies.", "", lambda: measures.disk()[1]),
    ("soc_certificate_expires_seconds", "Until the certificate that the portal presents ends; missing without one.", "",
     lambda: expires_in_s(settings.TLS_CERTIFICATE)),
)  # fmt: skip
# name, what it tells, its labels and under which name the processes add to it.
TALLIES: tuple[tuple[str, str, tuple[str, ...], str], ...] = (
    ("soc_ingest_items", "Items handed in, by format and what became of them.", ("format", "outcome"), "ingest"),
    ("soc_agent_polls", "Polls of endpoint agents, by whether anything was there.", ("answer",), "agent_polls"),
    ("soc_tasks", "Tasks that workers ended, by name and outcome.", ("task", "state"), "tasks"),
)


@require_GET
def metrics(request: HttpRequest) -> HttpResponse:
    if not (settings.METRICS_TOKEN or settings.METRICS_ADDRESSES):
        return HttpResponse("Not found.", status=404, content_type="text/plain")
    if not _may_read(request):
        return HttpResponse("A token is needed.", status=401, content_type="text/plain",
                            headers={"WWW-Authenticate": "Bearer"})  # fmt: skip
    text = generate_latest(counted.of_processes()) + ANSWERS.text()
    return HttpResponse(text, content_type=CONTENT_TYPE_LATEST, headers={"Cache-Control": "no-store"})


metrics.required_permission = "anonymous"  # type: ignore[attr-defined]


def _may_read(request: HttpRequest) -> bool:
    kind, _, token = request.headers.get("Authorization", "").partition(" ")
    if settings.METRICS_TOKEN and kind.lower() == "bearer":
        return constant_time_compare(token.strip(), settings.METRICS_TOKEN)
    return is_within(as_address(client_address(request)), settings.METRICS_ADDRESSES)


class PortalState:
    """Asked anew at each scrape. What cannot be known is left out, and `soc_scrape_failed` says so."""

    def collect(self) -> Iterator[Metric]:
        failed = GaugeMetricFamily("soc_scrape_failed", "1 when a part could not be asked.", labels=["part"])
        for part, ask in (("database", _of_database), ("broker", _of_broker), ("machine", _of_machine)):
            found, why = [], 0.0
            try:
                found = list(ask())
            except (DatabaseError, InterfaceError, redis.RedisError, OSError) as error:
                logger.warning("no figures of the %s: %s", part, type(error).__name__)
                why = 1.0
            failed.add_metric([part], why)
            yield from found
        yield failed
        build = GaugeMetricFamily("soc_build_info", "Always 1; which version runs.", labels=["version", "python"])
        build.add_metric([version(), platform.python_version()], 1)
        yield build


def _of_database() -> Iterator[Metric]:
    with measures.short_questions():
        yield from _gauges(DATABASE)


def _of_broker() -> Iterator[Metric]:
    yield from _gauges(BROKER)
    for name, told, labels, key in TALLIES:
        family = CounterMetricFamily(name, told, labels=labels)
        for joined, number in sorted(counted.tallied(key).items()):
            family.add_metric(joined.split("|"), number)
        yield family


def _of_machine() -> Iterator[Metric]:
    yield from _gauges(MACHINE)


def _gauges(rows: Iterable[Row]) -> Iterator[Metric]:
    for name, told, label, ask in rows:
        found = ask()
        family = GaugeMetricFamily(name, told, labels=[label] if label else [])
        if isinstance(found, Mapping):
            for value, number in sorted(found.items()):
                family.add_metric([value], number)
        elif found is not None:
            family.add_metric([], found)
        yield family


class Answers:
    """Kept for a few seconds: however many scrape at once, the database is asked once."""

    def __init__(self) -> None:
        self._lock, self._text, self._until = threading.Lock(), b"", 0.0
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(PortalState())

    def text(self) -> bytes:
        with self._lock:
            if time.monotonic() >= self._until:
                self._text = generate_latest(self._registry)
                self._until = time.monotonic() + KEPT_S
            return self._text

    def forget(self) -> None:
        self._until = 0.0


ANSWERS = Answers()


def names() -> dict[str, Any]:
    """Every metric by its name in the text, with what it tells; documents and alert rules are checked against it."""
    rows = {name: told for name, told, *_ in (*DATABASE, *BROKER, *MACHINE)}
    tallies = {f"{name}_total": told for name, told, *_ in TALLIES}
    times = [f"soc_http_request_duration_seconds_{part}" for part in ("bucket", "sum", "count")]
    processes = dict.fromkeys(["soc_http_requests_total", *times], "")
    return rows | tallies | processes | {"soc_scrape_failed": "", "soc_build_info": ""}
