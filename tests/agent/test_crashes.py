"""The agent is killed at each step of a command: no effect is repeated, none is lost, and no half state stays."""

import hashlib
import os
from pathlib import Path

import pytest

from soc_agent.folders import Folders
from soc_agent.vault import Vault
from tests.agent.halves import JoinedHost

# Where the helper dies, before or after what is named there.
STEPS = [
    ("journal.Journal.begin", "before"), ("remembered.remember_begin", "after"), ("vault.Vault.put", "before"),
    ("vault.Vault.put", "after"), ("quarantine._unlink_same", "after"), ("journal.Journal.end", "before"),
    ("remembered.remember_end", "after"),
]  # fmt: skip


def crash(step: str, when: str) -> str:
    """Code that makes the helper die there, once."""
    module, _, name = step.partition(".")
    owner, _, attribute = f"m.{name}".rpartition(".")
    body = "os._exit(9)" if when == "before" else "(real(*a, **k), os._exit(9))"
    lines = [f"import os, soc_agent.{module} as m, soc_agent.carry_out as c", f"real = {owner}.{attribute}",
             f"dead = lambda *a, **k: {body}", f"{owner}.{attribute} = dead"]  # fmt: skip
    if module == "remembered":
        lines.append(f"c.{attribute} = dead")
    return "\n".join(lines)


@pytest.mark.parametrize(("step", "when"), STEPS)
def test_a_crash_at_any_step_repeats_nothing_and_loses_nothing(
    host: JoinedHost, tmp_path: Path, step: str, when: str
) -> None:
    path = tmp_path / "thing"
    path.write_bytes(content := os.urandom(1000))
    digest = hashlib.sha256(content).hexdigest()
    host.portal.status_where(lambda one: one["observed"])
    host.kill("helper")
    host.start("helper", before=crash(step, when))
    order = [host.portal.order("q1", "file.quarantine", {"sha256": digest, "paths": [str(path)]})]
    assert host.ended("helper") == 9
    host.start("helper")
    host.portal.again(order)
    answer = host.portal.result("q1")
    assert answer["state"] in {"unknown", "succeeded"}
    host.sees_file(digest, "present" if path.exists() else "quarantined")
    if answer["state"] == "succeeded":
        assert not path.exists()
    vault = Vault(Folders(host.root).vault)
    assert path.exists() or [item.sha256 for item in vault.items()] == [digest]
    assert not path.exists() or path.read_bytes() == content


def test_what_only_reads_is_read_again_after_a_crash(host: JoinedHost, tmp_path: Path) -> None:
    (tmp_path / "notes").write_text("x")
    host.portal.status_where(lambda one: one["observed"])
    host.kill("helper")
    host.start("helper", before=crash("journal.Journal.end", "before"))
    order = [host.portal.order("c1", "file.collect", {"path": str(tmp_path / "notes")}, effect="collect")]
    assert host.ended("helper") == 9
    host.start("helper")
    host.portal.again(order)
    assert host.portal.result("c1")["state"] == "succeeded"


@pytest.mark.parametrize("step", ["portal.Portal.ask", "reports.Reports.deliver", "portal.Portal.upload"])
def test_a_network_half_that_dies_in_the_middle_costs_a_delay(host: JoinedHost, tmp_path: Path, step: str) -> None:
    (tmp_path / "notes").write_bytes(content := os.urandom(3000))
    host.portal.status_where(lambda one: one["observed"])
    host.kill("network")
    order = [host.portal.order("c1", "file.collect", {"path": str(tmp_path / "notes")}, effect="collect")]
    host.start("network", "run", before=crash(step, "after"))
    host.portal.again(order)
    assert host.ended("network") == 9
    host.start("network", "run")
    host.portal.again(order)
    (artefact,) = host.portal.result("c1")["result"]["artefacts"]
    assert bytes(host.portal.files[artefact["sha256"]]) == content
