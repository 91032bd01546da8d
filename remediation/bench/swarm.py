"""Many simulated endpoint agents in one process, speaking the real protocol: signed polls over TLS, held by the portal.

`python -m remediation.bench.swarm FILE` reads what to be from a file, tells on standard output what each heard and
when, one JSON line each, and ends when its input is closed.
"""

import asyncio
import base64
import hashlib
import json
import os
import ssl
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

PATH = "/agent/v1/poll"
# So many begin to connect in a second: as after a restart of the portal, when agents come back one by one.
STARTS_PER_S = 60.0
AGAIN_S = 2.0


def key_of(seed: str, number: int) -> Ed25519PrivateKey:
    """The same key for the same number, so that both sides know it."""
    return Ed25519PrivateKey.from_private_bytes(hashlib.sha256(f"{seed}:{number}".encode()).digest())


def public_of(key: Ed25519PrivateKey) -> bytes:
    return key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)


class Simulated:
    """One agent: it polls, obeys what it is told at once and tells so."""

    def __init__(self, key: Ed25519PrivateKey, port: int, context: ssl.SSLContext) -> None:
        self._key, self._port, self._context = key, port, context
        self.device_id = hashlib.sha256(public_of(key)).hexdigest()
        self._sequence, self._generation, self._keys = 0, 0, 0
        self._observed: dict[str, Any] = {"network": _seen("connected")}
        self._results: list[dict[str, Any]] = []

    async def live(self) -> None:
        while True:
            try:
                reader, writer = await asyncio.open_connection("127.0.0.1", self._port, ssl=self._context)
                tell({"at": time.time(), "device": self.device_id, "did": "connected"})
                while True:
                    self._hear(await self._poll(reader, writer))
            except (OSError, EOFError, ValueError) as error:
                tell({"at": time.time(), "device": self.device_id, "did": "lost", "why": f"{error}"[:100]})
                await asyncio.sleep(AGAIN_S)

    async def _poll(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> dict[str, Any]:
        self._sequence += 1
        status = {
            "version": "bench", "sequence": self._sequence, "boot": "bench", "generation": self._generation,
            "observed": self._observed, "keys_version": self._keys, "capabilities": {}, "journal_depth": 0,
            "health": {}, "indicators": "", "results": self._results,
        }  # fmt: skip
        body = json.dumps({"status": status}).encode()
        writer.write(self._head(body) + body)
        await writer.drain()
        head = await reader.readuntil(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 200"):
            raise ValueError(head[:40])
        length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0])
        answer: dict[str, Any] = json.loads(await reader.readexactly(length))
        return answer

    def _head(self, body: bytes) -> bytes:
        moment, nonce = int(time.time()), os.urandom(16).hex()
        signed = "\n".join(("POST", PATH, str(moment), nonce, hashlib.sha256(body).hexdigest())).encode()
        signature = base64.b64encode(self._key.sign(signed)).decode()
        return (
            f"POST {PATH} HTTP/1.1\r\nHost: agents\r\nContent-Type: application/json\r\n"
            f"Authorization: SOC-Agent id={self.device_id},time={moment},nonce={nonce},signature={signature}\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        ).encode()

    def _hear(self, answer: Mapping[str, Any]) -> None:
        done = set(answer.get("acknowledged") or [])
        self._results = [one for one in self._results if one["id"] not in done]
        if answer.get("keys"):
            self._keys = int(_inside(answer["keys"])["version"])
        for envelope in answer.get("commands") or []:
            command, now = _inside(envelope), time.time()
            tell({"at": now, "device": self.device_id, "did": "began", "order": command["id"]})
            self._results.append({"id": command["id"], "state": "succeeded", "result": {}, "began": now, "ended": now})
        if answer.get("desired"):
            self._obey(_inside(answer["desired"]))

    def _obey(self, desired: Mapping[str, Any]) -> None:
        self._generation = int(desired["generation"])
        isolated = bool(desired["facets"].get("network", {}).get("isolated"))
        tell({"at": time.time(), "device": self.device_id, "did": "obeyed", "isolated": isolated})
        self._observed = {name: _seen("on") for name in desired["facets"]}
        self._observed["network"] = _seen("isolated" if isolated else "connected")


def _seen(value: str) -> dict[str, Any]:
    return {"value": value, "reached": True, "detail": "", "evidence": {}}


def _inside(envelope: Mapping[str, Any]) -> dict[str, Any]:
    """What was signed; the real agent verifies it, which is not what is measured here."""
    value: dict[str, Any] = json.loads(base64.b64decode(envelope["payload"]))
    return value


def tell(value: Mapping[str, Any]) -> None:
    sys.stdout.write(json.dumps(value) + "\n")
    sys.stdout.flush()


async def live_all(seed: str, numbers: Sequence[int], port: int, authority: str) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(authority)
    context.check_hostname = False  # it is reached by its address
    tasks = set()
    for number in numbers:
        tasks.add(asyncio.create_task(Simulated(key_of(seed, number), port, context).live()))
        await asyncio.sleep(1 / STARTS_PER_S)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    for task in tasks:
        task.cancel()


if __name__ == "__main__":
    told = json.loads(Path(sys.argv[1]).read_text())
    asyncio.run(live_all(told["seed"], range(told["first"], told["last"]), told["port"], told["authority"]))
