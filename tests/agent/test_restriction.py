"""Only known programs run: watched first, then enforced, with an end, and never so that the host is lost."""

import hashlib
import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from soc_agent.restriction import read_wish, why_no_folder
from soc_agent.trusted import build, path_digest
from soc_agent.wanted import NotReached
from tests.agent.needs import in_guarded_mount, need_root

Run = Callable[[str], str]
SETUP = """
import base64, os, signal, subprocess, sys, time, hashlib
from pathlib import Path
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from tests.agent.guarded_host import *
from soc_agent.guard.policy import signed_text
from soc_agent.restriction import ExecutionKeeper
from soc_agent.trusted import Builder
from soc_agent.wanted import NotReached
from soc_agent import restriction
with GuardedHost(sys.argv[1]) as it:
    info = it.free / "info"
    info.mkdir()
    tool, tool_digest = it.program("tool")
    stranger, stranger_digest = it.program("stranger")
    def packaged(*paths, name="a"):
        rows = (f"{hashlib.md5(p.read_bytes()).hexdigest()}  {str(p)[1:]}" for p in paths)
        (info / f"{name}.md5sums").write_text("\\n".join(rows))
    packaged(tool)
    status = it.free / "status"
    status.write_text("")
    told_of = []
    builder = Builder(it.guard.places.trusted, info, status)
    restriction.essential_paths = lambda: {str(tool): "the tool"}
    it.guard.places.folder.mkdir(parents=True)
    keeper = ExecutionKeeper(it.guard, builder, fewest=1, tell=lambda alert: told_of.append(alert))
    def reach(mode, until=60, **more):
        wanted = {"mode": mode, "until": time.time() + until, **more}
        def there():
            try:
                seen = keeper.reach(wanted)
            except NotReached:
                return None
            return seen if seen.reached or (keeper._why and seen.value == "audited") else None
        return wait(there)
"""


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return lambda body: in_guarded_mount(SETUP, body, tmp_path)


def test_audit_counts_and_lets_run_and_enforcing_denies(run: Run) -> None:
    run("""
seen = reach("audit")
assert seen.value == "audited" and seen.evidence["trusted"]["programs"] == 1, seen
assert runs(tool) and runs(stranger)
def told():
    return keeper.look({"mode": "audit", "until": time.time() + 9}).evidence
wait(lambda: told()["would_deny"] == 1)
assert [(one["path"], one["did"]) for one in told()["programs"]] == [(str(stranger), "would_deny")]
seen = reach("enforce")
assert seen.value == "restricted" and "interpreters" in seen.evidence["limit"]
assert runs(tool) and not runs(stranger) and readable(stranger)
twin = it.disk / "twin"
twin.write_bytes(tool.read_bytes())
twin.chmod(0o755)
assert runs(twin)
script = it.disk / "script"
script.write_text("#!/bin/sh\\nexit 0\\n")
script.chmod(0o755)
assert not runs(script) and runs("/bin/sh", script)
wait(lambda: [(one["rule"]["id"], one["file"]["path"]) for one in told_of] == [
    ("restriction:would_deny", str(stranger)), ("restriction:denied", str(stranger)),
    ("restriction:denied", str(script))])
""")


def test_what_was_enforced_can_be_taken_back(run: Run) -> None:
    run("""
reach("enforce")
assert reach("off").value == "unrestricted" and runs(stranger)
wait(lambda: it.guard._process is None)
assert it.guard.lost_since == 0 and reach("audit").value == "audited"
""")


def test_enforcing_ends_by_itself(run: Run) -> None:
    run("""
reach("enforce", until=3)
assert not runs(stranger)
wait(lambda: runs(stranger))
""")


def test_what_the_admin_signed_or_listed_runs(run: Run) -> None:
    run("""
key = Ed25519PrivateKey.generate()
pem = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
signature = key.sign(signed_text(stranger_digest))
Path(f"{stranger}.sig").write_bytes(base64.b64encode(signature) + b"\\n")
other, digest = it.program("other")
os.setxattr(other, "user.soc.signature", key.sign(signed_text(digest))) if it.xattrs() else None
wrong, _ = it.program("wrong")
Path(f"{wrong}.sig").write_bytes(signature)
listed = it.disk / "listed"
listed.mkdir(mode=0o755)
inside, _ = it.program("inside", folder=listed)
seen = reach("enforce", signers=[pem], folders=[str(listed)])
assert runs(stranger) and not runs(wrong)
assert runs(other) or not it.xattrs()
assert runs(inside) and seen.evidence["refused"] == []
""")


def test_what_a_package_brings_meanwhile_runs(run: Run) -> None:
    run("""
reach("enforce")
fresh, _ = it.program("fresh")
assert not runs(fresh)
packaged(fresh, name="b")
assert runs(fresh)
""")


def test_a_host_that_would_be_lost_is_only_watched(run: Run) -> None:
    run("""
restriction.essential_paths = lambda: {str(stranger): "the shell of root"}
seen = reach("enforce")
assert not seen.reached and seen.value == "audited" and "the shell of root" in seen.detail, seen
assert runs(stranger)
restriction.essential_paths = lambda: {}
keeper._fewest = 2
assert "Only 1" in reach("enforce").detail
""")


def test_changed_packaged_programs_are_named_and_too_many_forbid_enforcing(run: Run) -> None:
    run("""
changed, _ = it.program("changed")
packaged(tool, changed)
changed.write_bytes(changed.read_bytes() + b"x")
seen = reach("enforce")
assert seen.evidence["trusted"]["changed"] == [str(changed)]
assert not seen.reached and "verify" in seen.detail
""")


def test_the_set_holds_what_is_unchanged_and_can_run(tmp_path: Path) -> None:
    for name, mode in (("good", 0o755), ("changed", 0o755), ("data", 0o644)):
        (tmp_path / name).write_bytes(name.encode())
        (tmp_path / name).chmod(mode)
    rows = [
        f"{hashlib.md5(name.encode()).hexdigest()}  {str(tmp_path / name)[1:]}" for name in ("good", "changed", "data")
    ]
    (tmp_path / "a.md5sums").write_text("\n".join(rows))
    (tmp_path / "changed").write_bytes(b"other")
    found = build(tmp_path, tmp_path / "status", tmp_path / "trusted.txt")
    assert (found.programs, found.changed) == (1, [str(tmp_path / "changed")])
    assert (tmp_path / "trusted.txt").read_text() == hashlib.sha256(b"good").hexdigest()
    assert path_digest(tmp_path, str(tmp_path / "good"), time.time() + 9) == ""


def test_a_folder_in_which_others_write_is_not_trusted(tmp_path: Path) -> None:
    need_root()
    assert why_no_folder("/usr/bin") == "" or os.path.islink("/usr/bin")  # noqa: PTH114 - merged or not
    for path in ("usr", "/", "/usr/../etc", "/nowhere", "/tmp", str(tmp_path / "x")):
        assert why_no_folder(path)


@pytest.mark.parametrize("wanted", [{"mode": "all", "until": 1}, {"mode": "enforce", "until": "soon"}])
def test_what_is_no_wish_is_refused(wanted: dict[str, object]) -> None:
    with pytest.raises(NotReached):
        read_wish(wanted)


def test_a_wish_whose_time_is_over_is_none() -> None:
    assert read_wish({"mode": "enforce", "until": time.time() - 1}).mode == "off"
    assert read_wish({"mode": "audit", "until": time.time() + 9, "signers": ["x"]}).refused
