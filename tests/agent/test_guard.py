"""Files are blocked by their content, on opening and on running, and a fresh copy of what is to be removed goes."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.agent.needs import in_guarded_mount

Run = Callable[[str], str]
SETUP = """
import os, shutil, signal, subprocess, sys, time, hashlib
from pathlib import Path
from tests.agent.guarded_host import *
from soc_agent.keep_guard import take_away
with GuardedHost(sys.argv[1]) as it:
    it.guard.take = lambda path, digest, why: take_away(it.host, path, digest, why)
"""


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return lambda body: in_guarded_mount(SETUP, body, tmp_path)


def test_blocked_content_neither_runs_nor_opens_under_any_name(run: Run) -> None:
    run("""
bad, digest = it.program("bad")
good, _ = it.program("good")
it.block(digest)
bad.rename(it.disk / "renamed")
os.link(it.disk / "renamed", it.disk / "linked")
assert runs(good)
for path in (it.disk / "renamed", it.disk / "linked"):
    assert not runs(path) and not readable(path)
    assert not runs("/lib64/ld-linux-x86-64.so.2", path, "0") or not Path("/lib64/ld-linux-x86-64.so.2").exists()
(hit, *_) = wait(it.guard.hits.untold)
assert hit["did"] == "blocked" and hit["indicator"] == "key-block" and hit["sha256"] == digest, hit
assert hit["process"]["pid"] and hit["id"] == "000000000001"
it.guard.want("files", {})
wait(lambda: runs(it.disk / "linked"))
""")


@pytest.mark.parametrize("kind", ["sha1", "md5"])
def test_the_other_digests_block_too(run: Run, kind: str) -> None:
    run(f"""
bad, _ = it.program("bad")
it.block(hashlib.{kind}(bad.read_bytes()).hexdigest(), kind="file_{kind}")
assert not runs(bad)
""")


def test_the_stronger_digest_wins_and_stopping_beats_allowing(run: Run) -> None:
    run("""
bad, digest = it.program("bad")
md5 = hashlib.md5(bad.read_bytes()).hexdigest()
it.guard.want("files", {"file_sha256": {digest: ["allow", "a", None, ""]}, "file_md5": {md5: ["block", "b", None, ""]}})
it.ready()
assert not runs(bad)
it.guard.want("files", {"file_sha256": {digest: ["warn", "a", None, ""]}, "file_md5": {md5: ["block", "b", None, ""]}})
it.ready()
assert runs(bad)
assert wait(lambda: [one for one in it.guard.hits.untold() if one["did"] == "warned"])
""")


@pytest.mark.parametrize(("action", "did"), [("audit", "audited"), ("warn", "warned"), ("allow", "")])
def test_what_is_only_watched_runs_and_is_told(run: Run, action: str, did: str) -> None:
    run(f"""
bad, digest = it.program("bad")
it.block(digest, action="{action}")
assert runs(bad)
if "{did}":
    assert wait(it.guard.hits.untold)[0]["did"] == "{did}"
else:
    wait(lambda: it.guard.status()["counts"].get("asked", 0) > 0)
    assert it.guard.hits.untold() == []
""")


def test_a_fresh_copy_is_taken_away_within_seconds(run: Run) -> None:
    run("""
bad, digest = it.program("bad", folder=it.free)
it.block(digest, action="block_and_remediate")
began = time.monotonic()
copy = it.disk / "copy"
subprocess.run(["/bin/cp", bad, copy], check=True)
wait(lambda: not copy.exists())
assert time.monotonic() - began < 30
(item,) = it.host.vault.items()
assert (item.path, item.sha256) == (str(copy), digest)
assert bad.exists()
""")


def test_an_indicator_whose_time_is_over_blocks_nothing(run: Run) -> None:
    run("""
bad, digest = it.program("bad")
it.guard.want("files", {"file_sha256": {digest: ["block", "k", time.time() + 10, ""]}})
it.ready()
assert not runs(bad)
wait(lambda: runs(bad))
""")


def test_a_guard_that_ends_is_told_and_comes_back(run: Run) -> None:
    run("""
bad, digest = it.program("bad")
it.block(digest)
dead = it.pid
os.kill(dead, signal.SIGKILL)
assert "Enforcement lost" in wait(lambda: "lost" in it.guard.why_not() and it.guard.why_not())
wait(lambda: not runs(bad))
wait(lambda: it.guard.why_not() == "")
assert it.pid != dead and it.guard.starts == 2
""")


def test_a_large_file_is_read_beside_the_answers(run: Run) -> None:
    run("""
large = it.disk / "large"
large.write_bytes(os.urandom(1 << 20) * 40)
it.block(hashlib.sha256(large.read_bytes()).hexdigest())
assert not readable(large)
assert it.guard.status()["counts"].get("too_slow", 0) == 0
""")


def test_nothing_of_another_host_is_watched(run: Run) -> None:
    run("""
bad, digest = it.program("bad", folder=it.free)
it.block(digest)
assert it.guard.status()["marks"] == [str(it.disk)]
assert runs(bad)
""")


def test_a_second_listener_is_named_and_both_must_agree(run: Run) -> None:
    run(r"""
bad, digest = it.program("bad")
good, _ = it.program("good")
other = subprocess.Popen([sys.executable, "-c", "import os, select, sys\n"
    "from soc_agent.guard import fanotify as f\n"
    "g = f.Group(); g.mark(sys.argv[1], f.OPEN_PERM); print(1, flush=True)\n"
    "while select.select([g.handle], [], []):\n for e in g.read(): g.answer(e.handle, f.ALLOW), os.close(e.handle)",
    str(it.disk)], stdout=subprocess.PIPE)
other.stdout.readline()
it.block(digest)
assert runs(good) and not runs(bad)
assert it.guard.evidence()["listeners"], it.guard.evidence()
other.kill()
other.wait()
""")


def test_a_container_does_not_watch_the_disks_that_are_lent_to_it(run: Run) -> None:
    run("""
lent = it.root / "lent"
lent.mkdir()
subprocess.run(["/bin/mount", "--bind", it.free, lent], check=True)
part = it.root / "part"
part.mkdir()
(it.disk / "inner").mkdir()
subprocess.run(["/bin/mount", "--bind", it.disk / "inner", part], check=True)
from soc_agent.folders import Folders
from soc_agent.guard.mounts import on_machine, watched
assert not on_machine()
assert watched(it.host.folders) == [str(it.disk)]
assert not set(watched(Folders(Path("/")))) & {"/", "/usr", str(lent)}
""")
