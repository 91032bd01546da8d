"""What starts a file again is removed together with it, and comes back together with it.

A file that starts one thing (a unit, a desktop entry, a job of at) goes as a whole; of files that many share (crontabs,
profiles, rc files, keys) the lines go that name the file. Of each the original is kept in the store. It is put back
only if nobody changed the place meanwhile.
"""

import os
import re
import secrets
import stat
import subprocess
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from soc_agent.attributes import read_attributes, write_attributes
from soc_agent.host import Host
from soc_agent.journal import State
from soc_agent.orders import Refused
from soc_agent.processes import digest_of
from soc_agent.quarantine import open_without_links, package_of, restore, take
from soc_agent.start_places import BY_LINE, start_places
from soc_agent.vault import Item, Vault, VaultError

NOTE = "persistence"
MOST_KEPT, MOST_FOUND = 500, 200
_SYSTEMCTL = "/usr/bin/systemctl"
_STARTS = re.compile(r"^\s*(?:Exec|TryExec)\w*\s*=")
_BESIDE = (".timer", ".path", ".socket")


@dataclass(frozen=True, slots=True)
class Start:
    """Something that starts `target`: a whole file (`line` 0), or a line of one."""

    kind: str
    path: str
    line: int
    text: str
    target: str


def find(targets: Sequence[str], root: Path = Path("/")) -> list[Start]:
    """Everything in the known places that names one of the paths."""
    patterns = [(target, _pattern(target)) for target in targets]
    found: list[Start] = []
    for place in start_places(root):
        try:
            lines = place.path.read_text(errors="surrogateescape").split("\n")
        except OSError:
            continue
        by_line = place.kind in BY_LINE and "init.d" not in place.path.parts
        for number, line in enumerate(lines, start=1):
            if line.lstrip().startswith("#") or (place.kind == "unit" and not _STARTS.match(line)):
                continue
            target = next((target for target, pattern in patterns if pattern.search(line)), None)
            if target is not None:
                shown = line.encode(errors="replace").decode(errors="replace").strip()[:500]
                found.append(Start(place.kind, str(place.path), number if by_line else 0, shown, target))
                if not by_line:
                    break
        if len(found) >= MOST_FOUND:
            break
    return found


def _pattern(target: str) -> re.Pattern[str]:
    """The path as a whole word, as it is written in shells and in units."""
    forms = {target, target.replace(" ", "\\ "), target.replace(" ", "\\x20"), target.replace(" ", "\\s")}
    return re.compile(rf"(?<![\w./-])(?:{'|'.join(re.escape(one) for one in sorted(forms))})(?![\w./-])")


def removed_with(
    host: Host, state: State, result: dict[str, Any], root: Path = Path("/")
) -> tuple[State, dict[str, Any]]:
    """Remove what starts the files that were taken; added to the outcome of the quarantine."""
    items = {str(one["path"]): str(one["item"]) for one in result.get("taken", ())}
    done, refused = [], []
    store = store_of(host)
    for path, starts in _by_file(find(list(items), root) if items else []):
        try:
            record = _remove_file(path, starts, store) if not starts[0].line else _remove_lines(path, starts, store)
        except (Refused, VaultError, OSError) as error:
            refused.append({"path": path, "code": getattr(error, "code", type(error).__name__), "detail": str(error)})
            continue
        _note(host, items[starts[0].target], record)
        done += [{"kind": one.kind, "path": path, "line": one.line, "text": one.text, "item": record["item"]}
                 for one in starts]  # fmt: skip
    if done:
        _reload([one["path"] for one in done if one["kind"] == "unit"])
    if refused and state is State.SUCCEEDED:
        state = State.PARTIALLY_SUCCEEDED
    return state, {**result, "persistence": done, "persistence_refused": refused}


def restored_with(host: Host, state: State, result: dict[str, Any]) -> tuple[State, dict[str, Any]]:
    """Put back what started the files that were restored."""
    store, noted = store_of(host), host.journal.noted(NOTE)
    done, refused = [], []
    for one in result.get("restored", ()):
        left = []
        for record in noted.get(one["item"], []):
            try:
                _put_back(record, store)
                done.append({name: record[name] for name in ("kind", "path", "item")})
            except (Refused, VaultError, OSError) as error:
                code = getattr(error, "code", type(error).__name__)
                refused.append({"path": record["path"], "item": record["item"], "code": code, "detail": str(error)})
                left.append(record)
        noted[one["item"]] = left
    host.journal.note(NOTE, {item: records for item, records in noted.items() if records})
    if done:
        _reload([])
    if refused and state is State.SUCCEEDED:
        state = State.PARTIALLY_SUCCEEDED
    return state, {**result, "persistence": done, "persistence_refused": refused}


def store_of(host: Host) -> Vault:
    """Beside the quarantined files, so that nobody takes a crontab for one."""
    return Vault(host.folders.vault / "starts")


def _by_file(starts: Iterable[Start]) -> list[tuple[str, list[Start]]]:
    found: dict[str, list[Start]] = {}
    for one in starts:
        found.setdefault(one.path, []).append(one)
    return list(found.items())


def _remove_file(path: str, starts: Sequence[Start], store: Vault) -> dict[str, Any]:
    """The file, what stands beside it under the same name, and the links that made it start."""
    beside = []
    if starts[0].kind == "unit":
        stem = path.rpartition(".")[0]
        beside = [stem + end for end in _BESIDE if Path(stem + end).is_file()]
    # Before the files go: Python 3.11 does not find a link that leads nowhere.
    found = [
        link for one in (path, *beside) if starts[0].kind == "unit"
        for link in Path(one).parent.glob("*.*/" + Path(one).name)
    ]  # fmt: skip
    taken = [_taken(one, store) for one in (path, *beside)]
    links = []
    for link in found:
        with suppress(OSError):
            links.append({"path": str(link), "target": os.readlink(link)})  # noqa: PTH115 - as it is written there
            link.unlink()
    return {"kind": starts[0].kind, "path": path, "item": taken[0], "items": taken, "links": links, "after": "",
            "at": time.time()}  # fmt: skip


def _taken(path: str, store: Vault) -> str:
    handle = open_without_links(path)
    try:
        digest = digest_of(handle)
    finally:
        os.close(handle)
    return take(path, digest, store, reason=NOTE).item


def _remove_lines(path: str, starts: Sequence[Start], store: Vault) -> dict[str, Any]:
    """The original goes into the store, then the file without the lines takes its place in one step."""
    owner = package_of(path) if starts[0].kind == "rc" else ""
    if owner and "rc.local" not in path:
        raise Refused("packaged", f"{path} belongs to the package {owner}.")
    handle = open_without_links(path)
    try:
        seen = os.fstat(handle)
        if not stat.S_ISREG(seen.st_mode):
            raise Refused("no_file", f"{path} is no plain file.")
        content = os.pread(handle, seen.st_size + 1, 0)
        item = Item(secrets.token_hex(12), path, digest_of(handle), seen.st_size, time.time(), read_attributes(handle),
                    NOTE)  # fmt: skip
        store.put(item, handle)
    finally:
        os.close(handle)
    drop = {one.line for one in starts}
    kept = [line for number, line in enumerate(content.split(b"\n"), start=1) if number not in drop]
    after = _write_in_place(path, item.metadata, lambda target: _all(target, b"\n".join(kept)), item.sha256)
    return {"kind": starts[0].kind, "path": path, "item": item.id, "items": [item.id], "links": [], "after": after,
            "at": time.time()}  # fmt: skip


def _all(target: int, content: bytes) -> None:
    view = memoryview(content)
    while view:
        view = view[os.write(target, view) :]


def _write_in_place(path: str, attributes: Mapping[str, Any], fill: Any, expected: str) -> str:
    """Exchange a file for another content with the attributes of the first, if it is still what is expected; the digest
    of the new one. Raises `Refused`."""
    folder, _, name = path.rpartition("/")
    parent = open_without_links(folder or "/", os.O_RDONLY | os.O_DIRECTORY)
    draft = f".{name[:100]}.{secrets.token_hex(6)}"
    try:
        handle = os.open(draft, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600, dir_fd=parent)
        try:
            fill(handle)
            write_attributes(handle, {**attributes, "flags": 0})
            os.fsync(handle)
            digest = digest_of(handle)
            now = open_without_links(path)
            try:
                if digest_of(now) != expected:
                    raise Refused("changed_meanwhile", f"Somebody changed {path} meanwhile; it is left as it is.")
            finally:
                os.close(now)
            os.rename(draft, name, src_dir_fd=parent, dst_dir_fd=parent)
            os.fsync(parent)
        except BaseException:
            with suppress(OSError):
                os.unlink(draft, dir_fd=parent)
            raise
        finally:
            os.close(handle)
    finally:
        os.close(parent)
    return digest


def _put_back(record: Mapping[str, Any], store: Vault) -> None:
    if record["after"]:
        item = store.item(str(record["item"]))
        _write_in_place(item.path, item.metadata, lambda target: store.take(item.id, target), str(record["after"]))
        store.remove(item.id)
        return
    for item_id in record["items"]:
        restore(item_id, store)
    for link in record["links"]:
        with suppress(FileExistsError):
            Path(link["path"]).symlink_to(link["target"])


def _note(host: Host, item: str, record: Mapping[str, Any]) -> None:
    with host.journal.together():  # an order and the guard may take files at the same time
        noted = host.journal.noted(NOTE)
        noted.setdefault(item, []).append(dict(record))
        while len(noted) > MOST_KEPT:
            del noted[next(iter(noted))]
        host.journal.note(NOTE, noted)


def _reload(units: Sequence[str]) -> None:
    """Let the system's manager forget what is gone; without one there is nobody to tell."""
    if not Path("/run/systemd/system").is_dir() or not Path(_SYSTEMCTL).exists():
        return
    names = [Path(one).name for one in units if one.startswith("/etc/systemd/system/")]
    for words in ([_SYSTEMCTL, "stop", "--", *names] if names else [], [_SYSTEMCTL, "daemon-reload"]):
        if words:
            with suppress(OSError, subprocess.TimeoutExpired):
                subprocess.run(words, capture_output=True, timeout=30, check=False)
