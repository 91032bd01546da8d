"""What changed on a device between two packages of it: programs that run, autostarts, accounts, listeners."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from accounts.models import User
from remediation.models import ActionRun, RunArtefact
from remediation.services.open_package import ZIP, read_part

PACKAGE = "device.collect_package"
MOST = 200
Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Section:
    """One kind of thing. Each entry is a line of text; `missing` says that one of the packages lacks it."""

    title: str
    added: list[str]
    removed: list[str]
    changed: list[str]
    missing: str = ""

    @property
    def number(self) -> int:
        return len(self.added) + len(self.removed) + len(self.changed)


def earlier_packages(run: ActionRun, user: User) -> list[RunArtefact]:
    """Of the same device, before this one, the newest first; those of runs that the person may see."""
    runs = ActionRun.objects.visible_to(user).filter(
        action=PACKAGE, target_kind=run.target_kind, target_id=run.target_id, pk__lt=run.pk
    )
    found = RunArtefact.objects.filter(run__in=runs, blob__media_type=ZIP).select_related("blob", "run")
    return list(found.order_by("-created", "-pk")[:20])


def compare(newer: RunArtefact, older: RunArtefact) -> list[Section]:
    """Raises nothing: what a package lacks is said."""
    return [_section(kind, newer, older) for kind in _KINDS]


@dataclass(frozen=True, slots=True)
class _Kind:
    title: str
    part: str
    key: Callable[[Row], str]
    state: Callable[[Row], str]
    counts: Callable[[Row], bool] = lambda _row: True


def _section(kind: _Kind, newer: RunArtefact, older: RunArtefact) -> Section:
    try:
        now, before = _rows(newer, kind), _rows(older, kind)
    except LookupError as error:
        return Section(kind.title, [], [], [], str(error))
    added = [_line(name, now[name]) for name in sorted(now.keys() - before.keys())]
    removed = [_line(name, before[name]) for name in sorted(before.keys() - now.keys())]
    both = sorted(now.keys() & before.keys())
    changed = [f"{name}: {before[name]} \N{RIGHTWARDS ARROW} {now[name]}" for name in both if now[name] != before[name]]
    return Section(kind.title, added[:MOST], removed[:MOST], changed[:MOST])


def _rows(artefact: RunArtefact, kind: _Kind) -> dict[str, str]:
    """Key -> state of each thing. Raises `LookupError` when the package lacks the part."""
    found = {}
    for line in read_part(artefact, kind.part).splitlines():
        try:
            row = json.loads(line)
        except ValueError:
            continue  # the last line of a part that was cut
        if isinstance(row, Mapping) and kind.counts(row) and (key := kind.key(row)[:300]):
            found[key] = kind.state(row)[:200]
    return found


def _line(name: str, state: str) -> str:
    return f"{name} ({state})" if state else name


def _text(*names: str) -> Callable[[Row], str]:
    return lambda row: " ".join(str(row[name]) for name in names if row.get(name) not in (None, ""))


def _short(name: str) -> Callable[[Row], str]:
    return lambda row: str(row.get(name) or "")[:16]


def _listens(row: Row) -> bool:
    return row.get("status") == "LISTEN"


def _account(row: Row) -> str:
    keys = row.get("authorized_keys")
    number = len(keys) if isinstance(keys, list) else 0
    return f"uid {row.get('uid')}, {row.get('shell')}, {number} keys"


_KINDS = (
    _Kind("Programs that run", "processes.jsonl", _text("exe"), _short("sha256")),
    _Kind("What starts by itself", "autostarts.jsonl", _text("path"), _short("sha256")),
    _Kind("Accounts", "users.jsonl", _text("name"), _account),
    _Kind("Listening", "connections.jsonl", _text("local"), lambda _row: "", _listens),
)
