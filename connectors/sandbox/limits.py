"""How far a sample may go. Everything that it can make larger has an end here."""

from dataclasses import asdict, dataclass
from typing import Any

MEBI = 1024 * 1024
# Of a sample, as the portal keeps files.
MAX_SAMPLE = 64 * MEBI
# Of a report as JSON.
MAX_REPORT = 768 * 1024


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds that the sample runs, and that what it left running goes on after it; bytes of memory of one process and
    of all together, of the file system that it writes to, of its trace; how many processes it may have."""

    run_s: float = 30
    linger_s: float = 4
    static_s: float = 30
    process_bytes: int = 512 * MEBI
    all_bytes: int = 768 * MEBI
    disk_bytes: int = 128 * MEBI
    trace_bytes: int = 24 * MEBI
    processes: int = 64
    files: int = 200
    connections: int = 200
    behaviours: int = 120
    strings: int = 200

    @property
    def total_s(self) -> float:
        """After which the whole is given up from outside."""
        return self.static_s + self.run_s + self.linger_s + 45

    def as_json(self) -> dict[str, Any]:
        return asdict(self)
