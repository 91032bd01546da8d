"""A small endpoint agent in this process: it opens what was signed for it, does in memory what the real one does on a
host, and answers in the same words. `tests/agent` and `tests/lab` hold the real one to the same protocol."""

import hashlib
from itertools import count
from pathlib import Path
from typing import Any
from unittest import mock

from accounts.models import DeviceGroup
from connectors.enums import AgentState
from connectors.kinds.endpoint_agent import wishes
from connectors.models import Agent, SignedList
from connectors.services.agents.enrol import connection_of_agents
from connectors.services.agents.heartbeat import take_results, take_status, work_for
from connectors.services.agents.orders import LINE
from connectors.services.agents.uploads import begin_upload, take_part
from connectors.signing.envelope import COMMAND, DESIRED, INDICATOR_LIST, opened
from connectors.signing.keys import SignerFolder, ensure_keys, known_keys
from connectors.signing.sign import sign_waiting
from core import clock
from incidents.models import Device
from incidents.services.bindings import bind
from remediation.models import ActionRun
from remediation.services.carry_out import carry_out
from tests.factories.remediation import SETTER, DeviceFactory

_numbers = count(1)
_REACHED = {"audit": "audited", "enforce": "restricted", "off": "unrestricted"}
_NAMES_ONLY = {"domain", "url", "certificate"}


def make_keys(settings: Any, folder: Path) -> None:
    """A root key and a signing key of this test alone."""
    settings.AGENTS_DIR, settings.SIGNER_DIR = folder / "agents", folder / "signer"
    ensure_keys(SignerFolder.of_settings())


def sign_all(*, without_asking: bool = False) -> None:
    """What waits is signed; `without_asking` is for orders that no later room has given."""
    with mock.patch.object(wishes, "_askers", [] if without_asking else wishes._askers):
        while sign_waiting():
            pass


def joined(name: str = "", *, group: DeviceGroup | None = None) -> "SmallAgent":
    """A machine that has joined, was approved and has spoken once."""
    number, now = next(_numbers), clock.real_now()
    agent = Agent.objects.create(
        connection=connection_of_agents(actor=LINE), device_id=hashlib.sha256(f"agent {number}".encode()).hexdigest(),
        public_key="", state=AgentState.APPROVED, name=name or f"host-{number}", decided_at=now, seen_at=now,
        device_group=group or DeviceGroup.objects.get(is_default=True),
    )  # fmt: skip
    small = SmallAgent(agent)
    small.tell()
    return small


def settled(run: ActionRun, *machines: "SmallAgent | tuple[Device, SmallAgent]") -> ActionRun:
    """Worker, signer and devices take turns until nothing is left to do."""
    for _ in range(3):
        carry_out(run)
        sign_all()
        for one in machines:
            (one if isinstance(one, SmallAgent) else one[1]).turn()
    run.refresh_from_db()
    return run


def device_with_agent(**columns: Any) -> "tuple[Device, SmallAgent]":
    """A device that is bound to an agent of its own."""
    device = DeviceFactory.create(**columns)
    small = joined(str(device), group=device.device_group)
    bind(device, connection=small.agent.connection, remote_id=small.id, actor=SETTER)
    return device, small


class SmallAgent:
    """`files` are SHA-256 -> places, `store` items -> (SHA-256, place), `refuses` values that it will not touch."""

    def __init__(self, agent: Agent) -> None:
        self.agent, self.id = agent, agent.device_id
        self.files: dict[str, list[str]] = {}
        self.store: dict[str, tuple[str, str]] = {}
        self.by_itself: dict[str, str] = {}
        self.named: set[str] = set()
        self.notes: dict[str, dict[str, Any]] = {}
        self.wanted: dict[str, Any] = {}
        self.generation = 0
        self.done: list[str] = []
        self.commands: list[dict[str, Any]] = []
        self.refuses: dict[str, str] = {}
        self.spares: dict[str, str] = {}
        self.results: list[dict[str, Any]] = []

    def turn(self) -> None:
        """One poll: what is new is obeyed and told."""
        work = work_for(self.agent.pk, generation=self.generation, keys_version=10**9)
        if work.desired is not None:
            self._obey(opened(work.desired, DESIRED, known_keys()))
        for envelope in work.commands:
            self._carry_out(opened(envelope, COMMAND, known_keys()))
        self.tell()

    def tell(self) -> None:
        """A heartbeat, with what came of commands."""
        status = {
            "version": "1.0", "generation": self.generation, "observed": self.observed(), "keys_version": 1,
            "capabilities": {}, "journal_depth": 0, "boot": "b",
            "health": {"helper": "", "spared": [{"value": a, "reason": b} for a, b in self.spares.items()]},
        }  # fmt: skip
        take_status(self.agent.pk, told=status, inventory=None, actor=LINE)
        take_results(self.agent.pk, self.results)
        self.results = []

    def take_by_itself(self, sha256: str, path: str, indicator: str) -> str:
        """A copy that an indicator has it take away, as the guard does; answers the item."""
        item = f"{len(self.store) + 1:024x}"
        self.store[item], self.by_itself[item] = (sha256, path), indicator
        self.tell()
        return item

    def be_away(self) -> None:
        Agent.objects.filter(pk=self.agent.pk).update(seen_at=None)

    def effects(self, key: str, generation: int | None) -> int:
        return self.done.count(f"generation {generation}" if generation else key)

    def _obey(self, wanted: dict[str, Any]) -> None:
        assert wanted["device"] == self.id
        assert wanted["generation"] > self.generation
        self.wanted, self.generation = wanted["facets"], wanted["generation"]
        self.done.append(f"generation {self.generation}")

    def _carry_out(self, command: dict[str, Any]) -> None:
        assert command["device"] == self.id
        if command["id"] in self.done:
            return
        self.commands.append(command)
        work = getattr(self, "_do_" + command["action"].replace(".", "_"))
        state, result = work(command["id"], command["arguments"])
        self.done.append(command["id"])
        now = clock.real_now().timestamp()
        self.results.append({"id": command["id"], "state": state, "result": result, "began": now, "ended": now})

    def _do_file_quarantine(self, _key: str, told: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        sha256 = told["sha256"]
        self.named.add(sha256)
        taken, refused = [], []
        stored = {path: item for item, (held, path) in self.store.items() if held == sha256}
        for path in dict.fromkeys([*told["paths"], *self.files.get(sha256, [])]):
            if path in self.refuses:
                refused.append({"path": path, "code": "protected", "detail": self.refuses[path]})
            elif path in self.files.get(sha256, []):
                item = f"{len(self.store) + 1:032x}"
                self.store[item] = (sha256, path)
                self.files[sha256].remove(path)
                taken.append({"item": item, "path": path, "sha256": sha256, "size": 3, "already": False, "links": 1,
                              "notes": []})  # fmt: skip
            elif path in stored:
                taken.append({"item": stored[path], "path": path, "sha256": sha256, "size": 3, "already": True,
                              "links": 1, "notes": []})  # fmt: skip
            else:
                refused.append({"path": path, "code": "not_found", "detail": f"There is no {path}."})
        result = {"sha256": sha256, "stopped": [], "still_running": [], "spared": [], "taken": taken,
                  "refused": refused, "persistence": self.notes.get("persistence", {}).get("all", [])}  # fmt: skip
        bad = [one for one in refused if one["code"] != "not_found"]
        if not taken:
            detail = bad[0]["detail"] if bad else "Neither the file nor a process of it is here."
            return "failed", {**result, "code": bad[0]["code"] if bad else "not_found", "detail": detail}
        return ("partially_succeeded" if bad else "succeeded"), result

    def _do_file_restore(self, _key: str, told: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        restored = []
        for item in told["items"]:
            sha256, path = self.store.pop(item)
            self.files.setdefault(sha256, []).append(path)
            restored.append({"item": item, "path": path, "notes": []})
        return ("succeeded" if restored else "failed"), {"restored": restored, "refused": []}

    def _do_file_collect(self, _key: str, told: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        content = f"contents of {told['path']}".encode()
        return "succeeded", {"artefacts": [self._send(content, "collected")], "path": told["path"]}

    def _do_device_collect_package(self, key: str, _told: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        package = self.notes.get("package_content", {"bytes": b"PK", "password": "word"})
        artefact = self._send(package["bytes"], "investigation-package.zip", "application/zip")
        self.notes["package"] = {"order": key, "sha256": artefact["sha256"]}
        return "succeeded", {"artefacts": [artefact], "password": package["password"], "steps": []}

    def _do_device_antivirus_scan(self, key: str, told: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        self.notes["scan"] = {"order": key, "scan_type": told["scan_type"]}
        engines = [{"name": "clamav", "signatures": 4, "version": "1.4", "age_s": 3600}]
        found = self.notes.get("found", {}).get("all", [])
        return "succeeded", {"examined": 12, "found": found, "engines": engines, "seconds": 1}

    def _do_device_sweep(self, _key: str, told: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        """`notes["sweep"]` answers instead; `notes["traces"]` are places by what is looked for."""
        if "sweep" in self.notes:
            return "succeeded", self.notes["sweep"]
        found = []
        held = {path: sha256 for sha256, paths in self.files.items() for path in paths}
        for one in told["indicators"]:
            places = self.files.get(one["value"], []) if one["kind"] == "hash" else []
            places = [*places, *([one["value"]] if one["value"] in held else [])]
            found += [{"id": one["id"], "where": path, "detail": "a file"} for path in places]
            traces = self.notes.get("traces", {}).get(one["value"], [])
            found += [{"id": one["id"], "where": place, "detail": ""} for place in traces]
        kept = [f"quarantine item {item}" for item, (sha256, _) in self.store.items()
                if sha256 in {one["value"] for one in told["indicators"]}]  # fmt: skip
        found += [{"id": "1", "where": place, "detail": ""} for place in kept]
        return "succeeded", {"found": found[: told["limit"]]}

    def _do_device_offboard(self, _key: str, _told: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        return "succeeded", {"undone": ["network", "indicators"]}

    def _send(self, content: bytes, name: str, media_type: str = "application/octet-stream") -> dict[str, Any]:
        sha256 = hashlib.sha256(content).hexdigest()
        begin_upload(self.agent.pk, sha256, {"size": len(content), "name": name, "media_type": media_type})
        take_part(self.agent.pk, sha256, 0, content)
        return {"sha256": sha256, "size": len(content), "name": name, "media_type": media_type}

    def observed(self) -> dict[str, Any]:
        """By facet, as the keepers and views of the real one tell it."""
        facets = ("network", "execution", "contain", "accounts", "indicators")
        found: dict[str, Any] = {one: getattr(self, f"_see_{one}")(self.wanted[one]) for one in facets
                                 if one in self.wanted}  # fmt: skip
        stored = {sha256 for sha256, _ in self.store.values()}
        files = {one: self._see_file(one) for one in {*self.named, *self.files, *stored}}
        own = [{"item": item, "path": self.store[item][1], "sha256": self.store[item][0], "size": 3, "stored": 1.7e9,
                "indicator": told} for item, told in self.by_itself.items() if item in self.store]  # fmt: skip
        scan, package = self.notes.get("scan"), self.notes.get("package")
        return {
            **found,
            "files": _seen("watched" if files else "none", {"files": files, "items": own}),
            "scan": _seen("finished" if scan else "never", scan or {}),
            "package": _seen("collected" if package else "never", package or {}),
        }

    def _see_network(self, wanted: dict[str, Any]) -> dict[str, Any]:
        return _seen("isolated" if wanted["isolated"] else "connected", {})

    def _see_execution(self, wanted: dict[str, Any]) -> dict[str, Any]:
        return _seen(_REACHED[wanted["mode"]], {"mode": wanted["mode"], **self.notes.get("execution", {})})

    def _see_contain(self, wanted: dict[str, Any]) -> dict[str, Any]:
        entries = []
        for one in wanted["entries"]:
            values = [one["name"]] if "name" in one else [*one["addresses"], *one["macs"]]
            refused = [{"value": value, "reason": self.refuses[value]} for value in values if value in self.refuses]
            enforced = [value for value in values if value not in self.refuses]
            entries.append({"id": one["id"], "until": one["until"], "enforced": enforced, "refused": refused,
                            "missing": []})  # fmt: skip
        ok = not any(one["refused"] for one in entries)
        value = "containing" if any(one["enforced"] for one in entries) else "none"
        return {**_seen(value, {"entries": entries}), "reached": ok, "detail": "" if ok else "1 refused"}

    _see_accounts = _see_contain

    def _see_indicators(self, wanted: dict[str, Any]) -> dict[str, Any]:
        kept = SignedList.objects.filter(
            connection=self.agent.connection_id, digest=wanted.get("digest") or "-"
        ).first()
        entries = opened(kept.envelope, INDICATOR_LIST, known_keys())["entries"] if kept else []
        odd = [one for one in entries if one["type"] in _NAMES_ONLY]
        unsupported = [{"key": one["key"], "reason": "A packet filter sees addresses, not names."} for one in odd]
        return _seen("applied" if entries else "none", {
            "digest": wanted.get("digest", ""), "applied": {"file": 0, "ip": len(entries) - len(odd)},
            "unsupported": unsupported, "unsupported_count": len(odd),
            "hits": self.notes.get("hits", {}).get("all", []),
        })  # fmt: skip

    def _see_file(self, sha256: str) -> str:
        if self.files.get(sha256):
            return "present"
        return "quarantined" if sha256 in {one for one, _ in self.store.values()} else "absent"


def _seen(value: str, evidence: dict[str, Any]) -> dict[str, Any]:
    return {"value": value, "reached": True, "detail": "", "evidence": evidence}
