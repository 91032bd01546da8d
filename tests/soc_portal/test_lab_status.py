"""What `./soc lab status` prints is for people."""

from pathlib import Path
from typing import Any

import pytest

from soc_portal.lab import conductor
from soc_portal.lab.words import lab

WHY = {"device.antivirus_scan": "Nothing that scans is here.", "live.shell": "No terminal.", "of.tomorrow": "Too new."}


def test_what_is_not_possible_stands_there_under_its_label(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    host = {"name": "lab-1", "addresses": ["192.0.2.1"], "device_id": "0" * 32, "unsupported": WHY,
            "agent": {"state": "answers", "observed": {}}}  # fmt: skip
    state: dict[str, Any] = {"running": True, "root": False, "hosts": [host, {**host, "name": "lab-2"}],
                             "portal": {"listens": True}}  # fmt: skip
    monkeypatch.setattr(conductor, "status", lambda _found: state)

    assert lab(["status", "--data", str(tmp_path)]) == 0

    assert capsys.readouterr().out.splitlines()[-4:] == [
        "not possible on them:",
        "  Raw shell: No terminal.",
        "  Run antivirus scan: Nothing that scans is here.",
        "  of.tomorrow: Too new.",
    ]
