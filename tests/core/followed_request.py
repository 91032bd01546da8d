"""One alert handed in at a running portal, and the lines that tell of it."""

import json
import urllib.request
from pathlib import Path
from typing import Any

from soc_portal.up.processes import wait_until
from tests.factories.api import caller
from tests.factories.people import person
from tests.factories.wire import wazuh_alert


def ingest_one(url: str) -> tuple[str, str]:
    """The id of the request and the secret it was sent with."""
    authorization = caller(person("ingrid", "admin")).headers["Authorization"]
    request = urllib.request.Request(
        f"{url}/api/v1/ingest/wazuh",
        data=json.dumps(wazuh_alert()).encode(),
        headers={"Authorization": authorization, "Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=20) as answer:
        return answer.headers["X-Request-ID"], authorization.removeprefix("Bearer ")


def lines_of(log: Path, request_id: str) -> list[dict[str, Any]]:
    """The JSON lines of one request, once there is one that tells of its end."""

    def found() -> list[dict[str, Any]]:
        lines = [json.loads(line) for line in log.read_text().splitlines() if line.startswith("{")]
        return [line for line in lines if line.get("request_id") == request_id]

    assert wait_until(lambda: bool(found()), seconds=20, pause=0.2), log.read_text()[-3000:]
    return found()
