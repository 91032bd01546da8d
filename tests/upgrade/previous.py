"""What the kept data of the previous version needs to be read."""

import json
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
DUMP = HERE / "previous.dump.xz"
# Kept apart from the rest of a token, so that nobody who looks for leaked ones stumbles over these.
PREFIX = "soc_"
# Of the test alone; they protect nothing.
KEYS = {
    "SOC_SECRET_KEY": "upgrade-test-upgrade-test-upgrade-test-upgrade-test-upgrade",
    "SOC_ENCRYPTION_KEYS": "dXBncmFkZS10ZXN0LXVwZ3JhZGUtdGVzdC11cGdyYWQ=",
}


def told() -> dict[str, Any]:
    """What `make_previous.py` noted beside the dump."""
    found: dict[str, Any] = json.loads((HERE / "previous.json").read_text())
    found["tokens"] = {name: PREFIX + rest for name, rest in found["tokens"].items()}
    return found
