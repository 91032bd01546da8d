"""Gives a test run its own servers, and each of its processes its own broker database.

Loaded by pytest before Django's settings. The servers are started once, by the process that was called; parallel
workers inherit their addresses.
"""

import atexit
import contextlib
import os
import tempfile
from pathlib import Path

from soc_portal.up.environment import placeholders
from soc_portal.up.servers import scratch_servers

_stack = contextlib.ExitStack()


def start_servers() -> None:
    servers = _stack.enter_context(scratch_servers())
    os.environ.update(
        DATABASE_URL=servers.owner_url,
        SOC_TEST_APP_DATABASE_URL=servers.app_url,
        REDIS_URL=servers.redis_url,
        SOC_DATA_DIR=_stack.enter_context(tempfile.TemporaryDirectory(prefix="soc-test-data-")),
        **{name: value for name, value in placeholders().items() if name.startswith("SOC_")},
    )
    atexit.register(_stack.close)


def take_own_broker_database() -> None:
    """`gw3` of a parallel run uses broker database 4; a single process uses 0."""
    worker = os.environ["PYTEST_XDIST_WORKER"].removeprefix("gw")
    address = os.environ["REDIS_URL"].partition("?")[0]
    os.environ["REDIS_URL"] = f"{address}?db={int(worker) + 1}"
    folder = Path(os.environ["SOC_DATA_DIR"]) / worker
    folder.mkdir(exist_ok=True)
    os.environ["SOC_DATA_DIR"] = str(folder)


if "PYTEST_XDIST_WORKER" in os.environ:
    take_own_broker_database()
else:
    start_servers()
