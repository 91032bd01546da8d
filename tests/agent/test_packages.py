"""What is installed on other machines: the wheel, the Debian package, the units."""

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from soc_portal.up.agent_package import AGENT, build_agent
from tests.agent.needs import need_program, need_root

UNITS = sorted((AGENT / "packaging").glob("*.service"))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    need_program("dpkg-deb", "dpkg")
    return {path.suffix: path for path in build_agent(tmp_path_factory.mktemp("dist"))}


def said(*words: str | Path) -> str:
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_wheel_installs_and_its_words_run(made: dict[str, Path], tmp_path: Path) -> None:
    said(sys.executable, "-m", "venv", "--system-site-packages", "--without-pip", tmp_path / "venv")
    python = tmp_path / "venv/bin/python"
    places = [path for path in sys.path if path.endswith("site-packages")]
    folder = Path(said(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))").strip())
    (folder / "rest.pth").write_text("\n".join(places))
    said(sys.executable, "-m", "pip", "--python", python, "install", "--no-deps", "--no-index", made[".whl"])
    assert "enroll" in said(tmp_path / "venv/bin/soc-agent", "--help")
    assert "release" in said(tmp_path / "venv/bin/soc-agentctl", "--help")
    assert str(tmp_path) in said(python, "-c", "import soc_agent; print(soc_agent.__file__)")


def test_the_wheel_made_twice_is_the_same(made: dict[str, Path], tmp_path: Path) -> None:
    (again,) = [path for path in build_agent(tmp_path) if path.suffix == ".whl"]
    assert again.read_bytes() == made[".whl"].read_bytes()
    with zipfile.ZipFile(again) as archive:
        assert not [name for name in archive.namelist() if "__pycache__" in name or name.startswith("tests")]


def test_the_debian_package_says_what_it_needs_and_holds_everything(made: dict[str, Path]) -> None:
    info, held = said("dpkg-deb", "--info", made[".deb"]), said("dpkg-deb", "--contents", made[".deb"])
    for word in ("python3 (>= 3.11)", "python3-cryptography", "nftables", "conntrack"):
        assert word in info
    for path in ("/usr/bin/soc-agentctl", "/usr/lib/soc-agent/soc_agent/helper.py", "/usr/lib/soc-agent/pyzipper/",
                 "/usr/share/doc/soc-agent/agent.md", *(f"/system/{unit.name}" for unit in UNITS)):  # fmt: skip
        assert path in held
    assert not [line for line in held.splitlines() if " root/root " not in line]
    assert not [line for line in held.splitlines() if line[5] == "w" or line[8] == "w"]


def test_the_debian_package_installs_with_folders_closed_to_others(made: dict[str, Path], tmp_path: Path) -> None:
    need_root()
    root = tmp_path / "root"
    for folder in ("var/lib/dpkg/info", "var/lib/dpkg/updates", "var/lib/dpkg/triggers"):
        (root / folder).mkdir(parents=True)
    (root / "var/lib/dpkg/status").touch()
    said("dpkg", "--root", root, "--force-depends", "--no-triggers", "--log=/dev/null", "--force-script-chrootless",
         "--unpack", made[".deb"])  # fmt: skip
    assert "Status: install ok unpacked" in (root / "var/lib/dpkg/status").read_text()
    script = (root / "usr/bin/soc-agentctl").read_text().replace("/usr/lib/soc-agent", f"{root}/usr/lib/soc-agent")
    (tmp_path / "ctl.py").write_text(script)
    assert "doctor" in said(sys.executable, tmp_path / "ctl.py", "--help")
    for name in ("postinst", "prerm", "postrm"):
        said("sh", "-n", root / f"var/lib/dpkg/info/soc-agent.{name}")


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_a_unit_is_sound(unit: Path, tmp_path: Path) -> None:
    need_program("systemd-analyze", "systemd")
    for other in UNITS:
        text = other.read_text()
        start = next(line for line in text.splitlines() if line.startswith("ExecStart="))
        (tmp_path / other.name).write_text(
            text.replace(start, "ExecStart=/bin/true").replace("file:///usr/", "https://")
        )
    done = subprocess.run(["systemd-analyze", "verify", "--man=no", tmp_path / unit.name], capture_output=True,
                          text=True, check=False)  # fmt: skip
    ours = [line for line in done.stderr.splitlines() if unit.name in line]
    assert (done.returncode, ours) == (0, []), done.stderr


@pytest.mark.parametrize(
    ("unit", "most"), [("soc-agent.service", 16), ("soc-agent-isolation.service", 28), ("soc-agent-helper.service", 60)]
)
def test_a_unit_is_open_to_no_more_than_it_needs(unit: str, most: int) -> None:
    """In tenths of the figure that systemd gives; the helper has rights, that is what it is for."""
    need_program("systemd-analyze", "systemd")
    done = subprocess.run(["systemd-analyze", "security", "--offline=true", f"--threshold={most}",
                           AGENT / "packaging" / unit], capture_output=True, text=True, check=False)  # fmt: skip
    assert done.returncode == 0, done.stdout[-300:] + done.stderr


def test_without_the_tool_the_wheel_alone_is_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None)
    assert [path.suffix for path in build_agent(tmp_path)] == [".whl"]
