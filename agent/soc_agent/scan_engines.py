"""What looks for malware here: ClamAV's daemon over its socket, YARA rules of the admin, digests of the indicators.

Each says with how many signatures of which age it looked: nothing found by four signatures is not clean.
"""

import json
import re
import socket
import struct
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from soc_agent.folders import Folders
from soc_agent.processes import digest_of, processes

SOCKETS = ("/run/clamav/clamd.ctl", "/var/run/clamd.scan/clamd.sock", "/run/clamd/clamd.sock")
DATABASE = "/var/lib/clamav"
_ANSWER_S, MOST_ANSWER = 120.0, 65_536
_FOUND = re.compile(r": (.{1,200}) FOUND$")
_TEXT_SIGNATURES = (".hsb", ".hdb", ".hdu", ".hsu", ".ndb", ".ndu", ".ldb", ".ldu", ".msb", ".mdb", ".fp", ".sfp")


class EngineFailed(Exception):
    """It could not look at the file; the message says why."""


@dataclass(frozen=True, slots=True)
class About:
    """`signatures` and `age_s` are None when nobody can say; `missing` says why the engine does not look at all."""

    name: str
    signatures: int | None = None
    version: str = ""
    age_s: int | None = None
    missing: str = ""


class Engine(Protocol):
    about: About

    def scan(self, handle: int, path: str) -> list[str]: ...


def engines(folders: Folders, known_bad: Mapping[str, str]) -> list[Engine]:
    """All of them, those that are missing with the reason."""
    settings = _settings(folders)
    return [
        Clamd([settings["clamd_socket"]] if "clamd_socket" in settings else list(SOCKETS),
              Path(settings.get("clamd_database", DATABASE))),
        Yara(folders.settings.parent / "yara"), Digests(known_bad),
    ]  # fmt: skip


def _settings(folders: Folders) -> dict[str, str]:
    try:
        value = json.loads((folders.settings.parent / "antivirus.json").read_text())
        return {str(name): str(one) for name, one in value.items()}
    except (OSError, ValueError, AttributeError):
        return {}


class Digests:
    """The list of the portal's indicators that stop a file."""

    def __init__(self, known_bad: Mapping[str, str]) -> None:
        self._bad = known_bad
        missing = "" if known_bad else "No indicator names a file."
        self.about = About("indicators", len(known_bad), "", 0, missing)

    def scan(self, handle: int, path: str) -> list[str]:
        name = self._bad.get(digest_of(handle))
        return [name] if name is not None else []


class Yara:
    """Rules of the admin, every file of the folder for itself: one that is wrong does not cost the others."""

    def __init__(self, folder: Path) -> None:
        self._rules: list[Any] = []
        self._error: type[Exception] = OSError
        self._wrong: list[str] = []
        try:
            import yara
        except ImportError:
            self.about = About("yara", missing="YARA is not installed (package python3-yara).")
            return
        self._error = yara.Error
        files = [one for end in ("*.yar", "*.yara") for one in sorted(folder.glob(end))]
        newest, count = 0.0, 0
        for one in files:
            try:
                rules = yara.compile(source=one.read_text(), includes=False)
            except (yara.Error, OSError, UnicodeDecodeError) as error:
                self._wrong.append(f"{one.name}: {error}"[:200])
                continue
            self._rules.append(rules)
            count += sum(1 for _ in rules)
            newest = max(newest, one.stat().st_mtime)
        wrong = f" {'; '.join(self._wrong)}" if self._wrong else ""
        missing = "" if count else f"There are no rules in {folder}.{wrong}"
        age = int(time.time() - newest) if count else None
        self.about = About("yara", count, f"{yara.YARA_VERSION}{wrong}", age, missing)

    def scan(self, handle: int, path: str) -> list[str]:
        found = []
        for rules in self._rules:
            try:
                found += [str(one.rule) for one in rules.match(f"/proc/self/fd/{handle}", timeout=60)]
            except self._error as error:
                raise EngineFailed(f"YARA: {error}") from None
        return found


class Clamd:
    """The daemon is handed the open file, so it needs no right to it of its own and sees what was opened."""

    def __init__(self, sockets: list[str], database: Path) -> None:
        self._socket = next((path for path in sockets if Path(path).is_socket()), "")
        if not self._socket:
            self.about = About("clamav", missing="clamd does not run here (package clamav-daemon): there is no socket.")
            return
        try:
            version = self._ask(b"zVERSION\0")
        except EngineFailed as error:
            self.about = About("clamav", missing=str(error))
            return
        count, age = database_of(database)
        self.about = About("clamav", count, version, age)

    def scan(self, handle: int, path: str) -> list[str]:
        answer = self._ask(b"zFILDES\0", handle)
        if answer.endswith(" ERROR"):
            raise EngineFailed(f"clamd: {answer[:200]}")
        found = _FOUND.search(answer)
        return [found[1]] if found else []

    @property
    def pid(self) -> int:
        """Of the daemon, so that what it uses counts."""
        with suppress(OSError), socket.socket(socket.AF_UNIX) as line:
            line.connect(self._socket)
            return int(struct.unpack("3i", line.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))[0])
        return 0

    def _ask(self, question: bytes, handle: int | None = None) -> str:
        try:
            with socket.socket(socket.AF_UNIX) as line:
                line.settimeout(_ANSWER_S)
                line.connect(self._socket)
                line.sendall(question)
                if handle is not None:
                    socket.send_fds(line, [b"\0"], [handle])
                answer = b""
                while len(answer) < MOST_ANSWER and not answer.endswith(b"\0") and (part := line.recv(4096)):
                    answer += part
        except OSError as error:
            raise EngineFailed(f"clamd does not answer: {error}") from None
        if not answer:
            raise EngineFailed("clamd hung up.")
        return answer.rstrip(b"\0\n").decode(errors="replace")


def database_of(folder: Path) -> tuple[int | None, int | None]:
    """How many signatures the files of a database hold, and the age of the newest in seconds."""
    count, newest = 0, 0.0
    try:
        files = [one for one in folder.iterdir() if one.is_file()]
        for one in files:
            held = _signatures_in(one)
            count += held
            newest = max(newest, one.stat().st_mtime) if held else newest
    except OSError:
        return None, None
    return (count, int(time.time() - newest)) if count else (None, None)


def _signatures_in(one: Path) -> int:
    if one.suffix in (".cvd", ".cld"):
        with one.open("rb") as file:
            fields = file.read(512).split(b":")
        return int(fields[3]) if len(fields) > 3 and fields[3].isdigit() else 0
    if one.suffix in _TEXT_SIGNATURES:
        with one.open("rb") as file:
            return sum(1 for line in file if line.strip() and not line.startswith(b"#"))
    if one.suffix in (".yar", ".yara"):
        return len(re.findall(rb"^\s*(?:private\s+|global\s+)*rule\s", one.read_bytes(), re.MULTILINE))
    return 0


def others() -> list[str]:
    """Scanners of somebody else that work on this host; ours looks beside them."""
    names = {"wdavdaemon", "mdatp", "savd", "savscand", "falcon-sensor", "falcon-sensor-b", "kesl", "xagt", "clamonacc",
             "oaeventd", "cbagentd", "sentinelone-age", "ds_agent", "fapolicyd"}  # fmt: skip
    found = set()
    for pid in processes():
        with suppress(OSError):
            found.add(Path(f"/proc/{pid}/comm").read_text().strip())
    return sorted(found & names)
