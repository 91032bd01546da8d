"""Clients as they should be: they try again until they have an answer, and count on nothing they were not told."""

import json
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.client import HTTPException
from typing import Any

SOURCE = "crash"
ALERTS_PER_DEVICE = 5
NINE = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=6)
_TRY_AGAIN = frozenset({429, 500, 502, 503, 504})


@dataclass
class Api:
    """One portal, asked until it answers. `stop` ends the asking when the test is over."""

    url: str
    stop: threading.Event
    patience_s: float = 150.0
    retries: int = 0
    statuses: dict[int, int] = field(default_factory=dict)

    def post(self, path: str, body: object, *, token: str) -> tuple[int, Any]:
        """The first answer that is final: a success or the client's own mistake."""
        deadline = time.monotonic() + self.patience_s
        while not self.stop.is_set() and time.monotonic() < deadline:
            answer = self._ask(path, body, token)
            if answer is not None:
                return answer
            self.retries += 1
            self.stop.wait(0.3)
        raise TimeoutError(f"no answer to {path} in {self.patience_s:g} s; statuses {self.statuses}")

    def _ask(self, path: str, body: object, token: str) -> tuple[int, Any] | None:
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        request = urllib.request.Request(f"{self.url}/api/v1{path}", json.dumps(body).encode(), headers)
        try:
            with urllib.request.urlopen(request, timeout=20) as response:
                return self._count(response.status), json.load(response)
        except urllib.error.HTTPError as error:
            with error:
                if self._count(error.code) in _TRY_AGAIN:
                    return None
                return error.code, json.load(error)
        except (OSError, HTTPException, ValueError):
            return None

    def _count(self, status: int) -> int:
        self.statuses[status] = self.statuses.get(status, 0) + 1
        return status


def alert(number: int) -> dict[str, Any]:
    """Five alerts in a row name one device, so that exactly each five become one incident."""
    at = (NINE + timedelta(seconds=number % ALERTS_PER_DEVICE)).isoformat()
    device, kind = number // ALERTS_PER_DEVICE, "#microsoft.graph.security."
    return {
        "id": f"crash-{number:06}", "title": "Service started from a temporary folder", "severity": "medium",
        "category": "Execution", "serviceSource": "microsoftDefenderForEndpoint",
        "firstActivityDateTime": at, "lastActivityDateTime": at,
        "evidence": [
            {"@odata.type": f"{kind}deviceEvidence", "deviceDnsName": f"seen-{device:05}.crash.example"},
            {"@odata.type": f"{kind}registryKeyEvidence", "registryKey": rf"HKLM\Software\{number}"},
        ],
    }  # fmt: skip


class Sensors:
    """Two senders of batches; what they were told stands in `accepted`: provider id -> id of the portal."""

    def __init__(self, api: Api, *, token: str, count: int, batch: int) -> None:
        self.api, self.token = api, token
        self.accepted: dict[str, str] = {}
        self._batches = [range(start, min(start + batch, count)) for start in range(0, count, batch)]

    def send(self, numbers: Iterable[int]) -> None:
        status, told = self.api.post(
            f"/ingest/graph?source={SOURCE}", [alert(number) for number in numbers], token=self.token
        )
        assert (status, told["rejected"]) == (202, []), told
        for entry in told["alerts"]:
            known = self.accepted.setdefault(entry["provider_alert_id"], entry["id"])
            assert known == entry["id"], "the same alert was stored twice"

    def work(self, pool: ThreadPoolExecutor) -> list[Future[None]]:
        return [pool.submit(self.send, numbers) for numbers in self._batches]


class Responders:
    """Ask for an isolation as one and approve it as another; `decided` holds the ids of approved runs."""

    def __init__(self, api: Api, *, tokens: dict[str, str], devices: list[str]) -> None:
        self.api, self.tokens, self.devices = api, tokens, devices
        self.decided: list[str] = []

    def isolate(self, device: str) -> None:
        body = {
            "action": "device.isolate", "target": {"kind": "device", "id": device},
            "arguments": {"isolation_type": "full"}, "comment": "Crash test",
        }  # fmt: skip
        status, told = self.api.post("/actions", body, token=self.tokens["asker"])
        # 409: the answer of an earlier try got lost, and its run is the open one that is linked.
        assert status in {201, 409}, told
        run = told["id"] if status == 201 else told["error"]["link"].rstrip("/").rpartition("/")[2]
        status, told = self.api.post(f"/actions/{run}/approve", {}, token=self.tokens["decider"])
        lost_answer = status == 422 and told["error"]["code"] == "already_decided"
        assert status == 200 or lost_answer, told
        self.decided.append(run)

    def work(self, pool: ThreadPoolExecutor) -> list[Future[None]]:
        return [pool.submit(self.isolate, device) for device in self.devices]


def finished(work: list[Future[None]], *, meanwhile: Callable[[], None]) -> None:
    """Call `meanwhile` until all is done; then raise what went wrong in it."""
    while not all(future.done() for future in work):
        meanwhile()
    for future in work:
        future.result()
