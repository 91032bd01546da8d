"""One thread that watches: wakes when the kernel notes something about files, and looks at the rest twice a second.

A part that costs more than its share is asked less often, so that a busy host is watched later rather than slowed.
"""

import json
import logging
import select
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from soc_agent.detect.connections import Connections
from soc_agent.detect.connector import Connector
from soc_agent.detect.files import HOMES_EVERY_S, Files
from soc_agent.detect.packaged import Packages
from soc_agent.detect.places import TEMPORARY, Places
from soc_agent.detect.programs import Programs
from soc_agent.detect.rules import Event, Rule, load_rules
from soc_agent.detect.running import Processes, Running
from soc_agent.detect.suspects import Suspects
from soc_agent.detect.telling import Telling
from soc_agent.detect.waiting import Waiting
from soc_agent.detect.writers import listening

logger = logging.getLogger(__name__)
SHIPPED = Path(__file__).parent / "shipped"
LOOK_EVERY_S = 0.4
# A part may take so much of one processor; what takes longer waits longer.
SHARE = 0.02
# Files are told in bundles: a moment's wait saves looking at each write of one file.
GATHER_S = 0.1
# An upgrade writes down its files after it has written them.
PACKAGE_WAIT_S = 2.0


class Detector:
    """`told` is called when an alert was stored."""

    def __init__(self, waiting: Waiting, places: Places, rules: tuple[Path, ...] = (),
                 told: Callable[[], None] = lambda: None) -> None:  # fmt: skip
        self.waiting, self._places, self._told = waiting, places, told
        self._rules, self._wrong = load_rules((SHIPPED, *rules))
        self._programs = Programs((SHIPPED, *rules))
        self.connections = Connections()
        self.processes = Processes(self.connections.stdio_of)
        self.writers = listening()
        self.files = Files(places, self.writers.watch if self.writers else lambda _folder: None)
        self._packages = Packages(self.processes, places.root)
        self._suspects = Suspects(self.processes, self.writers)
        self.telling = Telling(self.processes)
        self._connector = _connector()
        self._due: dict[str, float] = {}
        self._later: list[tuple[float, dict[str, Any]]] = []
        self._stop = threading.Event()
        self.failure = ""

    def also(self, alert: dict[str, Any]) -> None:
        """What another part of the helper found goes the same way."""
        self.waiting.keep(alert)
        self._told()

    def health(self) -> str:
        """Empty when everything is watched."""
        parts = [self.failure, self._programs.missing, *self._wrong]
        if self.files.refused:
            parts.append(f"{self.files.refused} folders are not watched: raise fs.inotify.max_user_watches.")
        if self.files.lost:
            parts.append(f"Notes about files were lost {self.files.lost} times: too many at once.")
        if self.telling.held_back:
            parts.append(f"{self.telling.held_back} alerts were too many and were not told.")
        if self.waiting.dropped:
            parts.append(f"{self.waiting.dropped} alerts were dropped, for they waited too long.")
        return " ".join(part for part in parts if part)

    def run(self) -> None:
        """Until it is stopped."""
        watched = [self.files.fileno(), *([self._connector.fileno()] if self._connector else [])]
        try:
            while not self._stop.is_set():
                if select.select(watched, [], [], LOOK_EVERY_S)[0]:
                    self._stop.wait(GATHER_S)
                self._look_and_go_on()
        except Exception as error:
            logger.exception("the detector ended")
            self.failure = f"The detector ended: {type(error).__name__}: {error}"[:300]
        finally:
            self.close()

    def _look_and_go_on(self) -> None:
        """A journal that takes nothing, on a full disk say, is told and tried again."""
        try:
            self.look()
            self.failure = ""
        except sqlite3.Error as error:
            self.failure = f"Alerts cannot be stored: {error}"[:300]

    def stop(self) -> None:
        self._stop.set()

    def close(self) -> None:
        for one in (self.files, self._connector, self.writers):
            if one is not None:
                one.close()

    def look(self) -> None:
        """Everything that is due, once."""
        if self.writers:
            self.writers.read()
        for event in self._events():
            self._judge(event)
        now = time.monotonic()
        due = [event for at, event in self._later if at <= now]
        self._later = [(at, event) for at, event in self._later if at > now]
        for event in due:
            self._judge(event, again=True)

    def _events(self) -> Iterator[dict[str, Any]]:
        yield from self.files.events()
        self._suspects.look()
        if self._connector:
            for pid in self._connector.begun():
                yield from self.processes.look_at(pid, time.monotonic())
        yield from self._in_turn("processes", LOOK_EVERY_S, lambda: self.processes.look(time.monotonic()))
        yield from self._in_turn("connections", LOOK_EVERY_S, self.connections.look)
        yield from self._in_turn("homes", HOMES_EVERY_S, self._new_homes)

    def _in_turn(self, name: str, every: float, look: Callable[[], Iterator[dict[str, Any]]]) -> list[dict[str, Any]]:
        began = time.monotonic()
        if began < self._due.get(name, 0.0):
            return []
        found = list(look())
        spent = time.monotonic() - began
        self._due[name] = began + max(every * 0.9, spent / SHARE)
        return found

    def _new_homes(self) -> Iterator[dict[str, Any]]:
        self._places = self.files.places = Places(self._places.root, self._places.more, self._places.given_homes)
        self.files.watch_all()
        return iter(())

    def _judge(self, event: dict[str, Any], *, again: bool = False) -> None:
        who = self._complete(event)
        kind = event["kind"]
        if kind == "persistence" and not again and self._packages.busy(time.time()):
            self._later.append((time.monotonic() + PACKAGE_WAIT_S, event))
            return
        for rule in self._rules:
            if rule.fires(event, time.monotonic()):
                self._tell(rule, event, who)
        if kind == "file" and event["action"] in ("created", "rewritten"):
            self._match_program(event)
        elif kind == "process" and self._is_scratch(str(event["process"]["program"])):
            self._match_program({**event, "file": {"path": event["process"]["program"], "executable": True}})

    def _complete(self, event: dict[str, Any]) -> Running | None:
        """What the rules may ask for beyond what was noted; and the process, where it is known already."""
        if event["kind"] == "process":
            return self.processes.known.get(event["process"]["pid"])
        if event["kind"] == "connection":
            pid = event["process"]["pid"]
            if pid and pid not in self.processes.known:
                list(self.processes.look_at(pid, time.monotonic()))
            who = self.processes.by_pid(pid) if pid else None
            event["process"] = self.processes.told(who) if who else {}
            return who
        if event["kind"] == "persistence":
            path = event["file"]["path"]
            event["file"]["packaged"] = self._packages.owns(path) or self._packages.configured(path)
        elif event["action"] == "rewritten" and event["file"]["entropy"] >= 7:
            file = event["file"]
            self._suspects.note(file["area"], file["size"], file.get("by") or file["path"])
            self._suspects.look()
        return None

    def _tell(self, rule: Rule, event: Event, who: Running | None) -> None:
        if event["kind"] in ("file", "persistence"):
            for begun in list(self.processes.look(time.monotonic())):  # it may be younger than the last look
                self._judge(begun)
        if event["kind"] == "file":
            who = self._suspects.who(event["file"]["area"])
        elif event["kind"] == "persistence":
            who = self._suspects.who_wrote(event["file"]["path"])
        if self.telling.is_new(rule.id, event, who):
            self.waiting.keep(self.telling.alert(rule, event, who, time.time()))
            self._told()

    def _match_program(self, event: dict[str, Any]) -> None:
        file = event["file"]
        if not file["executable"] or not (self._is_scratch(file["path"]) or event["kind"] == "file"):
            return
        who = self.processes.known.get(event["process"]["pid"]) if event["kind"] == "process" else None
        for found in self._programs.match(file["path"]):
            attack = (found["attack"],) if found["attack"] else ()
            rule = Rule(found["id"], found["title"], found["severity"], found["category"], attack, event["kind"],
                        lambda _: True, "A program matches a YARA rule.")  # fmt: skip
            if self.telling.is_new(rule.id, {"kind": "file", "file": file}, None):
                self.waiting.keep(self.telling.alert(rule, event, who, time.time()))
                self._told()

    def _is_scratch(self, path: str) -> bool:
        return path.startswith(tuple(f"{self._places.root / name}/" for name in TEMPORARY))


def _connector() -> Connector | None:
    try:
        return Connector()
    except OSError:
        return None


def settings_of(file: Path) -> tuple[str, ...]:
    """Further folders to watch: `{"watch": [path, ...]}`, written by whoever runs the host."""
    try:
        listed = json.loads(file.read_text()).get("watch", [])
    except (OSError, ValueError, AttributeError):
        return ()
    return tuple(str(one) for one in listed if str(one).startswith("/"))[:50] if isinstance(listed, list) else ()
