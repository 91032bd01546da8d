"""What a backup says of itself."""

import json
import tomllib
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any, Self

from soc_portal.up.backup.archive import FORMAT, MANIFEST, PARTS, Damaged, Opened, Part
from soc_portal.up.data_folder import ROOT
from soc_portal.up.errors import UpError


def version() -> str:
    found: str = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    return found


@dataclass(frozen=True, slots=True)
class Manifest:
    """`migrations` are the applied ones by app. `counts` are rows by table, all in one snapshot. `head` is the last
    seal of the audit chain in it, empty when nothing was sealed yet."""

    taken_at: str
    version: str
    server: int
    database_bytes: int
    migrations: dict[str, list[str]]
    counts: dict[str, int]
    sealed: int
    head: str
    parts: dict[str, dict[str, Any]] = field(default_factory=dict)
    format: int = FORMAT

    def as_bytes(self) -> bytes:
        return json.dumps(asdict(self), indent=1).encode()

    @property
    def taken(self) -> datetime:
        return datetime.fromisoformat(self.taken_at)

    @classmethod
    def read(cls, opened: Opened) -> Self:
        """Of an opened backup. A format of a later program is refused before its fields are looked at."""
        try:
            told = json.loads(opened.small(MANIFEST))
            found = int(told["format"])
            if found > FORMAT:
                raise UpError(
                    f"{opened.path} was made by a newer version ({told['version']}) in a format that this one "
                    f"({version()}) does not know: use that version"
                )
            return cls(**told)
        except (ValueError, KeyError, TypeError) as error:
            raise Damaged(f"{opened.path} is damaged: its manifest cannot be read") from error

    def check(self, opened: Opened, told: Any = None) -> None:
        """Decrypt every part and compare its hash. Raises `Damaged`."""
        for name in dict.fromkeys([*PARTS, *self.parts]):
            found = opened.copy(name, told=told if name == PARTS[-1] else None)
            self.compare(name, found, opened)

    def compare(self, name: str, found: Part, opened: Opened) -> None:
        if self.parts.get(name) != found.as_json():
            raise Damaged(f"{opened.path} is damaged: {name} is not what was written")

    def unknown(self, known: dict[str, list[str]]) -> list[str]:
        """The migrations of the backup that a program does not have: it is then older than the backup."""
        return [
            f"{app}.{name}"
            for app, names in sorted(self.migrations.items())
            for name in names
            if name not in known.get(app, [])
        ]
