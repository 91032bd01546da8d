"""Keeping an account from this host: new logons are refused, and what runs of it is ended.

New logons are refused by the account's day of expiry in the shadow file, which every way in asks for (also that with a
key). What stood there is noted before it is changed, and comes back when nobody wants it any more, unless somebody has
changed it since. Accounts of a directory have no line there: their sessions are ended, and the rest is told as refused.
"""

import pwd
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from soc_agent.host import Host
from soc_agent.journal import Journal
from soc_agent.processes import Ended, end_politely, of_user
from soc_agent.shadow import EXPIRED, ShadowFailed, ShadowFile
from soc_agent.wanted import NotReached, Seen

NOTE = "accounts"
MAX_ENTRIES, LONGEST_S = 100, 30 * 86400
# Where the host itself does not say so.
UID_MIN, NOBODY = 1000, 65534
ABSENT = "There is no such account here; it is refused as soon as there is."
DIRECTORY = "It is an account of a directory: its sessions here are ended, new logons are for the directory to refuse."
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.@\\-]{0,255}")


@dataclass(slots=True)
class Entry:
    """One account: who it is here, and why it is left alone, if it is."""

    id: str
    name: str
    until: float
    uid: int | None = None
    spared: str = ""
    local: bool = False
    notes: list[str] = field(default_factory=list)


def keeper(host: Host) -> "AccountsKeeper":
    return AccountsKeeper(host.journal, host.folders.root, host.settings.agent_uid)


def _end_user(uid: int) -> Ended:
    return end_politely(lambda: of_user(uid))


class AccountsKeeper:
    """`entries`: `id`, `name`, `until` in seconds since 1970. `root` is where `etc` lies."""

    facet = "accounts"

    def __init__(
        self, journal: Journal, root: Path, agent_uid: int, end: Callable[[int], Ended] = _end_user,
        running: Callable[[int], list[Any]] = of_user,
    ) -> None:  # fmt: skip
        self._journal, self._root, self._agent_uid, self._end, self._running = journal, root, agent_uid, end, running
        self._shadow = ShadowFile(root / "etc")

    def reach(self, wanted: Mapping[str, Any]) -> Seen:
        try:
            entries = self._entries(wanted)
            kept = {one.name for one in entries if one.local and not one.spared}
            self._give_back(kept)
            for one in entries:
                if one.uid is not None and not one.spared:
                    self._keep_out(one)
            return self._seen(entries)
        except ShadowFailed as error:
            raise NotReached("shadow", str(error)) from None

    def look(self, wanted: Mapping[str, Any]) -> Seen:
        try:
            return self._seen(self._entries(wanted))
        except ShadowFailed as error:
            raise NotReached("shadow", str(error)) from None

    def _keep_out(self, entry: Entry) -> None:
        """Noted first: whatever happens in between, what stood there is known."""
        if entry.local and (now := self._shadow.expiry(entry.name)) is not None:
            noted = self._journal.noted(NOTE)
            known = noted.get(entry.name)
            if known is None or now != EXPIRED:
                told = {"before": now, "again": 0} if known is None else {**known, "again": known["again"] + 1}
                self._journal.note(NOTE, {**noted, entry.name: told})
            if now != EXPIRED:
                self._shadow.set_expiry(entry.name, EXPIRED)
        if entry.uid is not None and self._running(entry.uid):
            self._end(entry.uid)

    def _give_back(self, kept: set[str]) -> None:
        """Of those that nobody wants any more; a field that somebody has changed since is theirs."""
        noted = self._journal.noted(NOTE)
        for name in [one for one in noted if one not in kept]:
            if self._shadow.expiry(name) is not None:
                self._shadow.set_expiry(name, str(noted[name]["before"]), only_from=EXPIRED)
            noted.pop(name)
            self._journal.note(NOTE, noted)

    def _entries(self, wanted: Mapping[str, Any]) -> list[Entry]:
        """Those whose time is not over."""
        listed = wanted.get("entries", [])
        if not isinstance(listed, list) or len(listed) > MAX_ENTRIES:
            raise NotReached("bad_wish", f"Accounts are a list of at most {MAX_ENTRIES}.")
        now = time.time()
        return [self._known(one) for one in map(read_entry, listed) if one.until > now]

    def _known(self, entry: Entry) -> Entry:
        """Who it is here. Directories do not mind letter case, hosts do."""
        here = _accounts(self._root / "etc/passwd")
        for name in dict.fromkeys([entry.name, entry.name.lower()]):
            if name in here:
                entry.name, entry.uid = name, here[name]
                entry.local = self._shadow.expiry(name) is not None
                break
        else:
            entry.uid = _of_directory(entry.name) if self._root == Path("/") else None
        entry.spared = "" if entry.uid is None else self._why_spared(entry.uid)
        if entry.uid is None:
            entry.notes.append(ABSENT)
        return entry

    def _why_spared(self, uid: int) -> str:
        if uid == 0:
            return "It is root."
        if uid == self._agent_uid:
            return "The agent itself runs as it."
        if uid < uid_min(self._root / "etc/login.defs") or uid == NOBODY:
            return f"It is an account of the system (number {uid})."
        return ""

    def _seen(self, entries: list[Entry]) -> Seen:
        noted = self._journal.noted(NOTE)
        told = [self._told(one, noted) for one in entries]
        missing = sum(len(one["missing"]) for one in told)
        refused = sum(len(one["refused"]) for one in told)
        stale = sorted(set(noted) - {one.name for one in entries})
        detail = f"{missing} not in force" if missing else f"{refused} refused" if refused else ""
        if stale and not detail:
            detail = f"Not given back yet: {', '.join(stale)}"[:300]
        value = "containing" if any(one["enforced"] for one in told) else "none"
        return Seen(value, not (missing or refused or stale), detail, {"entries": told})

    def _told(self, entry: Entry, noted: Mapping[str, Any]) -> dict[str, Any]:
        told: dict[str, Any] = {"id": entry.id, "until": entry.until, "name": entry.name, "enforced": [],
                                "refused": [], "missing": [], "notes": entry.notes}  # fmt: skip
        if entry.spared:
            return {**told, "refused": [{"value": entry.name, "reason": entry.spared}]}
        if entry.uid is None:
            return {**told, "enforced": [entry.name]}
        missing = [f"process {one.pid}" for one in self._running(entry.uid)[:50]]
        told["again"] = noted.get(entry.name, {}).get("again", 0)
        if not entry.local:
            return {**told, "missing": missing, "refused": [{"value": entry.name, "reason": DIRECTORY}]}
        if self._shadow.expiry(entry.name) == EXPIRED and entry.name in noted:
            return {**told, "missing": missing, "enforced": [entry.name]}
        return {**told, "missing": [entry.name, *missing]}


def read_entry(value: object) -> Entry:
    """Raises `NotReached` for what is no entry."""
    if not isinstance(value, dict) or isinstance(value.get("until"), bool):
        raise NotReached("bad_wish", "An account has an id, a name and an end.")
    name, until = value.get("name"), value.get("until")
    if not isinstance(name, str) or not _NAME.fullmatch(name) or not isinstance(until, int | float):
        raise NotReached("bad_wish", "An account has an id, a name and an end.")
    return Entry(str(value.get("id"))[:80], name, min(float(until), time.time() + LONGEST_S))


def uid_min(login_defs: Path) -> int:
    """The first number of accounts of people; never below 500, whatever the file says."""
    try:
        lines = login_defs.read_text(errors="replace").splitlines()
    except OSError:
        return UID_MIN
    told = [line.split()[1] for line in lines if line.split()[:1] == ["UID_MIN"] and len(line.split()) > 1]
    return max(500, int(told[-1])) if told and told[-1].isdecimal() else UID_MIN


def _accounts(passwd: Path) -> dict[str, int]:
    """The host's own accounts; the first line of a name counts."""
    found: dict[str, int] = {}
    try:
        lines = passwd.read_text(errors="replace").splitlines()
    except OSError:
        return found
    for fields in (line.split(":") for line in lines):
        if len(fields) >= 4 and fields[2].isdecimal():
            found.setdefault(fields[0], int(fields[2]))
    return found


def _of_directory(name: str) -> int | None:
    try:
        return pwd.getpwnam(name).pw_uid
    except (KeyError, ValueError):
        return None


def give_back_all(journal: Journal, root: Path) -> None:
    """This host leaves the portal: nobody is kept from it any more. Raises `ShadowFailed`."""
    AccountsKeeper(journal, root, -1)._give_back(set())
