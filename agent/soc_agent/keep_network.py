"""Keeping the host cut off, or connected, as it is wanted: with an end of its own, a trial, and a way back.

How long rules last counts from when the portal was last heard, not from when they were made, so a restart of the agent
or of the host neither lengthens nor shortens it. When the time is over the host opens and stays open until the portal
is heard again. `expires_s` 0 keeps it cut.
"""

import ipaddress
import logging
import time
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from soc_agent import isolation
from soc_agent.enroll import outward_devices
from soc_agent.flows import end_flows
from soc_agent.host import Host, NotAnswered
from soc_agent.isolation import IsolationFailed, Observed, Plan, read_exclusions
from soc_agent.wanted import NotReached, Seen

logger = logging.getLogger(__name__)
# The time is renewed when less than this share of it is left.
RENEW_BELOW = 0.5
# What the kernel is given at least, so that rules do not end while they are being made.
SHORTEST_S = 5
TRIES, PROBE_WITHIN_S = 3, 6.0
# Rules that cut off the portal itself are not tried again before.
AGAIN_AFTER_S = 600.0
NOTE_HEARD_EVERY_S = 15.0


def keeper(host: Host) -> "NetworkKeeper":
    return NetworkKeeper(host)


class NetworkKeeper:
    """`isolated`, `type` (`full` or `selective`), `exclusions`, `expires_s`."""

    facet = "network"

    def __init__(self, host: Host) -> None:
        self._host = host
        self._portals = tuple((ipaddress.ip_address(address), port) for address, port in host.settings.portals)
        noted = float(host.journal.noted("heard").get("at", 0))
        self._heard = time.monotonic() - max(0.0, time.time() - noted)
        self._noted = -NOTE_HEARD_EVERY_S
        self._rules = ""
        # The network half was away when the rules were made: the trial waits until it is back.
        self._untried = False
        self._let_go_of = False
        self._harmful: tuple[str, int, float] = ("", 0, 0.0)

    def heard(self) -> bool:
        """The portal answered just now; whether the host had opened because it was silent for so long."""
        silent, self._let_go_of = self._let_go_of, False
        self._heard = time.monotonic()
        if self._heard - self._noted > NOTE_HEARD_EVERY_S:
            self._noted = self._heard
            self._host.journal.note("heard", {"at": time.time()})
        return silent

    def reach(self, wanted: Mapping[str, Any]) -> Seen:
        code = self._released_by_code()
        if not wanted.get("isolated") or code:
            self._open()
            return self._by_code(code, wanted) if code and wanted.get("isolated") else self.look(wanted)
        try:
            plan = self._plan(wanted)
            if self._time_is_over(plan):
                return self._let_go(plan)
            seen = isolation.observe()
            if not self._holds(plan, seen):
                self._cut(plan, first=not seen.isolated or seen.digest != plan.digest)
            if self._untried and self._host.news.listeners:
                self._try_out(plan)
        except IsolationFailed as error:
            raise NotReached("nft", str(error), "connected") from None
        return self.look(wanted)

    def look(self, wanted: Mapping[str, Any]) -> Seen:
        try:
            seen = isolation.observe()
        except IsolationFailed as error:
            raise NotReached("nft", str(error)) from None
        value, evidence = "isolated" if seen.isolated else "connected", self._evidence(seen)
        if not wanted.get("isolated"):
            return Seen(value, not seen.isolated and not seen.tables, seen.detail, evidence)
        try:
            same = seen.digest == self._plan(wanted).digest
        except IsolationFailed as error:
            return Seen(value, False, str(error), evidence)
        return Seen(value, seen.isolated and same, seen.detail or ("" if same else "other rules"), evidence)

    def _evidence(self, seen: Observed) -> dict[str, Any]:
        return {**asdict(seen), "portal_unheard_s": round(time.monotonic() - self._heard),
                "trial": self._host.journal.noted("trial")}  # fmt: skip

    def _released_by_code(self) -> str:
        """The id of the code that opened this generation; empty when none did."""
        noted = self._host.journal.noted("released")
        return str(noted["code"]) if noted and noted.get("generation") == self._host.generation() else ""

    def _by_code(self, code: str, wanted: Mapping[str, Any]) -> Seen:
        seen = self.look(wanted)
        return Seen(seen.value, False, "Somebody opened it with a release code.",
                    {**seen.evidence, "code": "released_by_code", "released_by_code": code})  # fmt: skip

    def _open(self) -> None:
        seen = isolation.observe()
        isolation.forget(self._host.folders.isolation)
        self._rules = ""
        if seen.isolated or seen.tables:
            isolation.release()

    def _plan(self, wanted: Mapping[str, Any]) -> Plan:
        exclusions = read_exclusions(wanted.get("exclusions", [])) if wanted.get("type") == "selective" else ()
        expires = wanted.get("expires_s", 3600)
        if not isinstance(expires, int) or isinstance(expires, bool) or not 0 <= expires <= 30 * 86400:
            raise IsolationFailed("An isolation ends within 30 days, or not by itself.")
        return Plan(self._portals, self._host.settings.agent_uid, outward_devices(), exclusions, expires)

    def _left_s(self, plan: Plan) -> int:
        """Of the time since the portal was heard; 0 for rules without an end."""
        if not plan.expires_s:
            return 0
        return max(SHORTEST_S, round(plan.expires_s - (time.monotonic() - self._heard)))

    def _time_is_over(self, plan: Plan) -> bool:
        return bool(plan.expires_s) and time.monotonic() - self._heard >= plan.expires_s

    def _let_go(self, plan: Plan) -> Seen:
        self._let_go_of = True
        self._open()
        seen = isolation.observe()
        return Seen("connected", False, f"The portal was not heard for {plan.expires_s} seconds: the host is open.",
                    {**self._evidence(seen), "code": "expired"})  # fmt: skip

    def _holds(self, plan: Plan, seen: Observed) -> bool:
        """Whether the kernel has these very rules, with enough of their time left."""
        if not seen.isolated or seen.digest != plan.digest or seen.rules != self._rules:
            return False
        left = self._left_s(plan)
        return not left or (seen.left_s or 0) >= plan.expires_s * RENEW_BELOW or (seen.left_s or 0) + 1 >= left

    def _cut(self, plan: Plan, *, first: bool) -> None:
        """Into force, tried, and kept for the next start of the host; raises `NotReached` after a way back."""
        digest, generation, at = self._harmful
        if (digest, generation) == (plan.digest, self._host.generation()) and time.monotonic() - at < AGAIN_AFTER_S:
            raise NotReached("self_test", "These rules cut off the portal itself; they are tried again later.",
                             "connected")  # fmt: skip
        left = self._left_s(plan)
        isolation.apply(plan, left)
        self._untried = self._untried or first
        if first and self._host.news.listeners:
            self._try_out(plan)
        until = time.time() + left if plan.expires_s else 0
        isolation.keep(self._host.folders, plan, left, until)
        self._rules = isolation.observe().rules
        if first:
            end_flows(self._portals)

    def _try_out(self, plan: Plan) -> None:
        """The portal is reached through the rules, or they go: but only when it is there again without them, so
        nobody opens a host by keeping the portal away."""
        after: dict[str, Any] = {}
        for _ in range(TRIES):
            after = self._probe()
            if after.get("portal") or not after:
                break
        self._host.journal.note("trial", {"at": time.time(), **after})
        self._untried = not after
        if not after or after.get("portal"):
            return
        isolation.release()
        if not self._probe().get("portal"):
            isolation.apply(plan, self._left_s(plan))
            return
        self._harmful = (plan.digest, self._host.generation(), time.monotonic())
        isolation.forget(self._host.folders.isolation)
        raise NotReached("self_test", f"With the rules the portal was not reached in {TRIES} tries; without them it "
                         "is. They were taken back.", "connected")  # fmt: skip

    def _probe(self) -> dict[str, Any]:
        """What the network half reaches now; empty when it does not answer."""
        try:
            return self._host.news.wish_from_thread("probe", PROBE_WITHIN_S)
        except (NotAnswered, TimeoutError) as error:
            logger.warning("the trial of the rules has no answer: %s", error)
            return {}
