"""What the registry is given of the guard: the facets that it enforces, and how it is."""

import time
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from soc_agent.guarding import Guarding, guarding
from soc_agent.host import Host
from soc_agent.indicators import IndicatorKeeper
from soc_agent.journal import State
from soc_agent.lifelines import essential_digests
from soc_agent.orders import Refused
from soc_agent.persistence import removed_with
from soc_agent.processes import end_all, running
from soc_agent.quarantine import is_protected, take
from soc_agent.vault import VaultError
from soc_agent.wanted import NotReached, Seen


def indicators(host: Host) -> "GuardedIndicators":
    guard = guarding(host)
    guard.take = lambda path, sha256, reason: take_away(host, path, sha256, reason)
    return GuardedIndicators(host, guard)


def health(host: Host) -> str:
    """Empty when the guard holds what is wanted, or nothing is."""
    return guarding(host).why_not()


def heard(host: Host) -> None:
    """The portal answered: what was told of hits is known there."""
    guarding(host).hits.heard()


def stop(host: Host) -> None:
    """The helper ends in order: so does the guard."""
    guarding(host).stop()


def known_bad(host: Host) -> dict[str, str]:
    """SHA-256 of the files that indicators stop, with their titles."""
    rules = guarding(host).wanted_files().get("file_sha256", {})
    stopped = ("block", "block_and_remediate")
    return {digest: str(rule[3] or rule[1]) for digest, rule in rules.items() if rule[0] in stopped}


class GuardedIndicators:
    """The keeper of the list, and the guard for that part of it which names files."""

    facet = "indicators"

    def __init__(self, host: Host, guard: Guarding) -> None:
        self._guard = guard
        self._list = IndicatorKeeper(host, guard.hits, essential_digests)

    def reach(self, wanted: Mapping[str, Any]) -> Seen:
        problem: NotReached | None = None
        try:
            self._list.reach(wanted)
        except NotReached as error:
            problem = error
        self._guard.want("files", self._list.policy())
        if problem is not None:
            raise problem
        return self.look(wanted)

    def look(self, wanted: Mapping[str, Any]) -> Seen:
        seen = self._list.look(wanted)
        lost = self._guard.why_not() if self._list.policy() else ""
        evidence = {**seen.evidence, "guard": self._guard.evidence() if self._list.policy() else {}}
        return Seen(seen.value, seen.reached and not lost, seen.detail or lost, evidence)


def take_away(host: Host, path: str, sha256: str, reason: str, root: Path = Path("/")) -> dict[str, Any]:
    """End what runs of it, take the file into the store and remove what starts it, as an order would: the originals are
    kept with the file and come back with it."""
    ended = end_all(lambda: [one for one in running(sha256) if one.deleted or not is_protected(one.path)])
    result: dict[str, Any] = {"at": time.time(), "stopped": len(ended.killed), "taken": [], "refused": []}
    try:
        result["taken"].append(asdict(take(path, sha256, host.vault, reason=reason)))
    except (Refused, VaultError, OSError) as error:
        code = getattr(error, "code", type(error).__name__)
        result["refused"].append({"path": path, "code": code, "detail": str(error)})
    return removed_with(host, State.SUCCEEDED, result, root)[1]
