"""What the database of a portal says in the end, read beside the product's own code."""

import contextlib
from collections import Counter
from collections.abc import Iterator
from typing import Any

import environ
import psycopg

from soc_portal.up.data_folder import DataFolder
from tests.started_portal import StartedPortal

OPEN = ["waiting", "queued", "delivered", "started"]


class Ledger:
    def __init__(self, portal: StartedPortal) -> None:
        self._portal = portal

    def rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        with self._connection() as connection:
            return connection.execute(query.encode(), values).fetchall()

    def value(self, query: str, *values: object) -> Any:
        return self.rows(query, *values)[0][0]

    def is_settled(self) -> bool:
        """Nothing waits for correlation, and no decided run is under way."""
        with contextlib.suppress(psycopg.OperationalError):
            waiting = self.value("SELECT count(*) FROM incidents_alert WHERE incident_id IS NULL OR correlated IS NULL")
            return not waiting and not self.value(
                "SELECT count(*) FROM remediation_actionrun WHERE status = ANY(%s)", OPEN
            )
        return False

    def unsettled(self) -> str:
        """What is still under way, for the one who reads a failure."""
        waiting = self.value("SELECT count(*) FROM incidents_alert WHERE incident_id IS NULL OR correlated IS NULL")
        deliveries = self.rows(
            "SELECT state, count(*), min(due - now())::text, max(due - now())::text, max(leased_until - now())::text,"
            " max(attempts), min(error) FROM connectors_delivery WHERE state IN ('queued', 'delivered', 'started')"
            " GROUP BY state"
        )
        return f"{waiting} alerts uncorrelated; runs {dict(self.run_statuses())}; deliveries {deliveries}"

    def run_statuses(self) -> Counter[str]:
        return Counter(dict(self.rows("SELECT status, count(*) FROM remediation_actionrun GROUP BY status")))

    @contextlib.contextmanager
    def _connection(self) -> Iterator[psycopg.Connection]:
        instance = DataFolder(self._portal.data).read_instance()
        assert instance is not None
        told = environ.Env.db_url_config(instance.owner_database_url)
        with psycopg.connect(
            host=told["HOST"], user=told["USER"], password=told["PASSWORD"], dbname=told["NAME"], connect_timeout=5
        ) as connection:
            yield connection
