"""YARA rules of the analysis host's admin, over a sample and what lies packed in it."""

from pathlib import Path
from typing import Any

FOLDER = Path("/etc/soc-analysis/yara")
MOST_MATCHES, MATCH_S = 60, 5


class Rules:
    """Every file of the folder for itself: one that is wrong does not cost the others. `missing` says why there are
    none; `wrong` names files that cannot be used."""

    def __init__(self, folder: Path = FOLDER) -> None:
        self.count, self.missing = 0, ""
        self.wrong: list[str] = []
        self._sets: list[Any] = []
        self._error: type[Exception] = OSError
        try:
            import yara
        except ImportError:
            self.missing = "YARA is not installed on the analysis host (yara-python)."
            return
        self._error = yara.Error
        for file in sorted([*folder.glob("*.yar"), *folder.glob("*.yara")]):
            try:
                rules = yara.compile(source=file.read_text(), includes=False)
            except (yara.Error, OSError, UnicodeDecodeError) as error:
                self.wrong.append(f"{file.name}: {error}"[:200])
                continue
            self._sets.append(rules)
            self.count += sum(1 for _ in rules)
        if not self.count:
            self.missing = f"There are no rules in {folder} on the analysis host."

    def matching(self, content: bytes) -> list[str]:
        """Names of rules that match; a rule that takes too long matches nothing."""
        found: list[str] = []
        for rules in self._sets:
            try:
                found += [str(one.rule) for one in rules.match(data=content, timeout=MATCH_S)]
            except self._error:
                continue
        return list(dict.fromkeys(found))[:MOST_MATCHES]
