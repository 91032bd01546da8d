"""The analysis host: asks the portal for samples, runs them here, sends the reports back.

It needs the portal's address and a token that can do nothing else; no database, no broker, no key of the portal.
Only this package, pyelftools and pefile have to be on the machine.
"""

import argparse
import hashlib
import json
import logging
import signal
import socket
import ssl
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from connectors.sandbox.able import missing
from connectors.sandbox.limits import MAX_SAMPLE, Limits
from connectors.sandbox.run import AnalysisFailed, analyse

logger = logging.getLogger("soc-analysis")
ASK_EVERY_S, WAIT_AFTER_ERROR_S, TIMEOUT_S = 5.0, 30.0, 60.0
MAX_ANSWER = 1024 * 1024


class PortalAway(Exception):
    """The portal did not answer as it should; the message says how."""


@dataclass(frozen=True, slots=True)
class Portal:
    """Where the portal is. Certificates are checked; `ca` names a further authority."""

    url: str
    token: str
    ca: Path | None = None

    def ask(self, path: str, body: dict[str, Any], most: int = MAX_ANSWER) -> bytes:
        """Raises `PortalAway`."""
        request = urllib.request.Request(  # noqa: S310 - the address is the operator's, checked in `main`
            f"{self.url}/api/v1/analyses/{path}", data=json.dumps(body).encode(), method="POST",
            headers={"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"},
        )  # fmt: skip
        context = ssl.create_default_context(cafile=self.ca) if self.url.startswith("https:") else None
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT_S, context=context) as answer:  # noqa: S310 - as above
                content: bytes = answer.read(most + 1)
        except urllib.error.HTTPError as error:
            raise PortalAway(f"{path}: {error.code} {error.read(300).decode('utf-8', 'replace')}") from None
        except OSError as error:
            raise PortalAway(f"{path}: {error}") from None
        if len(content) > most:
            raise PortalAway(f"{path}: the answer is too long")
        return content


def work_once(portal: Portal, host: str) -> bool:
    """One sample from start to end; whether there was one. Raises `PortalAway`."""
    order = json.loads(portal.ask("claim", {"host": host}))
    if not order.get("id"):
        return False
    number, lease = str(int(order["id"])), str(order["lease"])
    content = portal.ask(f"{number}/sample", {"lease": lease}, MAX_SAMPLE)
    portal.ask(f"{number}/result", {"lease": lease, **_outcome(content, order)})
    return True


def _outcome(content: bytes, order: dict[str, Any]) -> dict[str, Any]:
    if hashlib.sha256(content).hexdigest() != order.get("sha256"):
        return {"error_code": "other_content", "error_message": "The sample that came is not the one that was named."}
    try:
        return {"report": analyse(content, str(order.get("name", "sample")), Limits(run_s=int(order["run_s"])))}
    except AnalysisFailed as failed:
        return {"error_code": failed.code, "error_message": failed.message[:300]}


def serve(portal: Portal, host: str, end: threading.Event) -> None:
    """Until it is told to end; what is under way is finished first."""
    while not end.is_set():
        try:
            pause = 0.0 if work_once(portal, host) else ASK_EVERY_S
        except (PortalAway, ValueError, KeyError, TypeError) as error:
            logger.warning("%s; asking again in %g s", error, WAIT_AFTER_ERROR_S)
            pause = WAIT_AFTER_ERROR_S
        end.wait(pause)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m connectors.sandbox.worker", description=__doc__)
    parser.add_argument("--url", required=True, help="the portal, such as https://portal.example.org")
    parser.add_argument("--token-file", type=Path, required=True, help="a token of the role 'analysis'")
    parser.add_argument("--ca", type=Path, help="the authority of the portal's certificate, in PEM")
    parser.add_argument("--host", default=socket.gethostname(), help="what the portal is to call this host")
    parser.add_argument("--once", action="store_true", help="analyse what waits, then end")
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    logging.Formatter.converter = time.gmtime
    if not options.url.startswith(("https://", "http://127.0.0.1", "http://localhost")):
        parser.error("the portal is reached by https")
    if reason := missing():
        logger.error("this host cannot run samples: %s", reason)
        return 1
    portal = Portal(options.url.rstrip("/"), options.token_file.read_text().strip(), options.ca)
    if options.once:
        while work_once(portal, options.host):
            pass
        return 0
    end = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: end.set())
    serve(portal, options.host, end)
    return 0


if __name__ == "__main__":
    sys.exit(main())
