"""`./soc build agent`: the endpoint agent as a wheel and as a Debian package, from the folder `agent/` as it is."""

import argparse
import base64
import gzip
import hashlib
import importlib.metadata
import importlib.util
import shutil
import subprocess
import tempfile
import tomllib
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from soc_portal.up.data_folder import ROOT
from soc_portal.up.errors import UpError

AGENT = ROOT / "agent"
# Made twice it is the same file: nothing in it tells when.
MOMENT = (1980, 1, 1, 0, 0, 0)
# Debian has no package of it; it is plain Python and stands on python3-pycryptodome.
CARRIED = "pyzipper"
WRAPPER = """#!/usr/bin/python3 -I
import sys

sys.path.insert(0, "/usr/lib/soc-agent")
from {module} import {function}

sys.exit({function}())
"""


def build(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="./soc build", description="Build what is installed on other machines.")
    parser.add_argument("what", choices=["agent"], help="the endpoint agent: a wheel and a Debian package")
    parser.add_argument("--out", type=Path, default=ROOT / "dist", help="folder for the files (default ./dist)")
    options = parser.parse_args(arguments)
    for path in build_agent(options.out):
        print(path)
    return 0


def build_agent(out: Path) -> list[Path]:
    """The files that were made; without `dpkg-deb` the wheel alone."""
    project = tomllib.loads((AGENT / "pyproject.toml").read_text())["project"]
    out.mkdir(parents=True, exist_ok=True)
    made = [_wheel(project, out)]
    if shutil.which("dpkg-deb"):
        made.append(_deb(project, out))
    else:
        print("dpkg-deb is not installed: no Debian package was made")
    return made


def _program() -> Iterator[tuple[str, Path]]:
    """Every file of the package, by its name below it."""
    for path in sorted((AGENT / "soc_agent").rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            yield path.relative_to(AGENT).as_posix(), path


def _wheel(project: dict[str, Any], out: Path) -> Path:
    name, version = str(project["name"]).replace("-", "_"), str(project["version"])
    info, target = f"{name}-{version}.dist-info", out / f"{name}-{version}-py3-none-any.whl"
    files = {inside: path.read_bytes() for inside, path in _program()}
    scripts = "".join(f"{word} = {where}\n" for word, where in project["scripts"].items())
    needs = "".join(f"Requires-Dist: {one}\n" for one in project["dependencies"])
    files[f"{info}/METADATA"] = (
        f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {version}\nSummary: {project['description']}\n"
        f"Requires-Python: {project['requires-python']}\n{needs}"
    ).encode()
    files[f"{info}/WHEEL"] = b"Wheel-Version: 1.0\nGenerator: soc\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    files[f"{info}/entry_points.txt"] = f"[console_scripts]\n{scripts}".encode()
    record = "".join(f"{inside},sha256={_digest(content)},{len(content)}\n" for inside, content in files.items())
    files[f"{info}/RECORD"] = f"{record}{info}/RECORD,,\n".encode()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for inside, content in files.items():
            entry = zipfile.ZipInfo(inside, MOMENT)
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, content, zipfile.ZIP_DEFLATED)
    return target


def _digest(content: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(content).digest()).decode().rstrip("=")


def _deb(project: dict[str, Any], out: Path) -> Path:
    version = str(project["version"])
    target = out / f"soc-agent_{version}_all.deb"
    with tempfile.TemporaryDirectory(prefix="soc-agent-deb-") as folder:
        root = Path(folder) / "root"
        _fill(root, project)
        size = sum(path.stat().st_size for path in root.rglob("*") if path.is_file()) // 1024
        _put_control(root / "DEBIAN", {"@VERSION@": version, "@SIZE@": str(size)})
        done = subprocess.run(
            ["dpkg-deb", "--root-owner-group", "-Zxz", "--build", root, target],  # noqa: S607 - of the system
            capture_output=True, text=True, check=False,
        )  # fmt: skip
    if done.returncode:
        raise UpError(f"dpkg-deb failed: {done.stderr.strip()[:400]}")
    return target


def _fill(root: Path, project: dict[str, Any]) -> None:
    library = root / "usr/lib/soc-agent"
    for inside, path in _program():
        _put(library / inside, path.read_bytes())
    carried = importlib.util.find_spec(CARRIED)
    if carried is None or carried.origin is None:
        raise UpError(f"{CARRIED} is not installed here; run ./soc doctor")
    for path in sorted(Path(carried.origin).parent.glob("*.py")):
        _put(library / CARRIED / path.name, path.read_bytes())
    for word, where in project["scripts"].items():
        module, _, function = where.partition(":")
        _put(root / "usr/bin" / word, WRAPPER.format(module=module, function=function).encode(), 0o755)
    for unit in sorted((AGENT / "packaging").glob("*.service")):
        _put(root / "usr/lib/systemd/system" / unit.name, unit.read_bytes())
    documents = root / "usr/share/doc/soc-agent"
    _put(documents / "agent.md", (ROOT / "docs/agent.md").read_bytes())
    _put(documents / "copyright", (AGENT / "packaging/debian/copyright").read_bytes())
    for licence in importlib.metadata.files(CARRIED) or []:
        if "licenses" in licence.parts and "LICENSE" in licence.name.upper():
            _put(documents / f"{CARRIED}-{licence.name}", licence.read_binary())
    changes = f"soc-agent ({project['version']}) stable; urgency=medium\n\n  * See CHANGELOG.md of the portal.\n"
    _put(documents / "changelog.gz", gzip.compress(changes.encode(), mtime=0))


def _put_control(folder: Path, words: dict[str, str]) -> None:
    for path in sorted((AGENT / "packaging/debian").iterdir()):
        if path.name == "copyright":
            continue
        text = path.read_text()
        for word, value in words.items():
            text = text.replace(word, value)
        _put(folder / path.name, text.encode(), 0o644 if path.name == "control" else 0o755)


def _put(path: Path, content: bytes, mode: int = 0o644) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o755)
    path.write_bytes(content)
    path.chmod(mode)
