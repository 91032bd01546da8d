"""The kept data of the previous version, in a database of today."""

import json
import lzma
import subprocess
from datetime import UTC, datetime, timedelta

from soc_portal.up.backup.database import Address
from soc_portal.up.postgres import binary
from soc_portal.up.servers import Addresses
from tests.upgrade.previous import DUMP, KEYS, told

# What runs against a clock; what is history keeps its time.
_CLOCKS = {
    "remediation_actionrun": ("expires_at", "next_step_at", "queued", "delivered", "started"),
    "connectors_delivery": ("due", "give_up_at", "delivered_at", "started_at", "leased_until"),
    "accounts_apitoken": ("expires_at",),
    "core_blob": ("keep_until",),
}
_SIMULATED_HOURS = 1  # what the simulated company was told to do has had its time


def lay_old_data(url: str) -> None:
    """Fill an empty database, as if the previous version had been stopped a moment ago."""
    address = Address.of(url)
    words = [binary("pg_restore"), "--no-owner", "--no-privileges", "--exit-on-error", address.argument]
    subprocess.run(list(map(str, words)), input=lzma.decompress(DUMP.read_bytes()), env=address.env, check=True)
    age = datetime.now(UTC) - datetime.fromisoformat(told()["at"])
    with address.connect() as connection:
        for table, columns in _CLOCKS.items():
            moved = ", ".join(f"{column} = {column} + %(age)s" for column in columns)
            connection.execute(f"UPDATE {table} SET {moved}".encode(), {"age": age})
        connection.execute("UPDATE connectors_delivery SET due = now() WHERE ended_at IS NULL")
        moment = (datetime.now(UTC) - timedelta(hours=_SIMULATED_HOURS)).isoformat()
        orders = connection.execute("SELECT id, state FROM connectors_connectorstate WHERE object_kind = 'order'")
        for row, state in orders.fetchall():
            state["at"] = dict.fromkeys(state["at"], moment)
            connection.execute(
                "UPDATE connectors_connectorstate SET state = %s WHERE id = %s", [json.dumps(state), row]
            )


def servers_of(pair: Addresses) -> dict[str, str]:
    """The variables of a portal on these servers, with the keys of the old data."""
    return {
        "DATABASE_URL": pair.app_url, "SOC_OWNER_DATABASE_URL": pair.owner_url, "SOC_RUNTIME_ROLE": "soc_app",
        "REDIS_URL": pair.redis_url, **KEYS,
    }  # fmt: skip
