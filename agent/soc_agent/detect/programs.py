"""New programs against YARA rules, when the host has YARA; without it the rest of the detector works all the same."""

import importlib
from pathlib import Path
from typing import Any

MAX_SIZE, TIMEOUT_S = 32 * 1024 * 1024, 5
SEVERITIES = ("informational", "low", "medium", "high")


class Programs:
    """`missing` says why nothing is matched; empty when it is."""

    def __init__(self, folders: tuple[Path, ...]) -> None:
        self._rules: Any = None
        self.missing = ""
        try:
            yara = importlib.import_module("yara")
        except ImportError:
            self.missing = "yara is not installed: programs are not matched against its rules."
            return
        files = {file.stem: str(file) for folder in folders for file in sorted(folder.glob("*.yar"))}
        try:
            self._rules = yara.compile(filepaths=files)
        except Exception as error:  # noqa: BLE001 - its errors share no class that could be named without it
            self.missing = f"YARA refuses the rules: {error}"[:300]

    def match(self, path: str) -> list[dict[str, str]]:
        """Title, severity, category, technique and name of each rule that matches."""
        if self._rules is None:
            return []
        try:
            if Path(path).stat().st_size > MAX_SIZE:
                return []
            found = self._rules.match(path, timeout=TIMEOUT_S)
        except Exception:  # noqa: BLE001 - as above; a file that is gone or takes too long is none
            return []
        return [
            {
                "id": f"yara.{one.rule}", "title": str(one.meta.get("title", one.rule)),
                "severity": str(one.meta.get("severity", "medium")), "attack": str(one.meta.get("attack", "")),
                "category": str(one.meta.get("category", "Malware")),
            }
            for one in found
        ]  # fmt: skip
