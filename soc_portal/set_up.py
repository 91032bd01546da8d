"""Installs what the portal needs into `.venv` and `static/vendor`, once per change of the lock files.

Run as a script by `./soc` with whatever Python was found, so it stands on the standard library alone.
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import venv
from collections.abc import Iterable, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
REQUIREMENTS = ROOT / "requirements"
VENDOR = ROOT / "static" / "vendor"
LOCKED = {"runtime": ["runtime.txt"], "dev": ["runtime.txt", "dev.txt"]}

# npm package -> (folder in static/vendor, {file in the package: name there}). Licences travel with the files.
FRONT_END: dict[str, tuple[str, dict[str, str]]] = {
    "htmx.org": ("htmx", {"dist/htmx.min.js": "htmx.min.js", "LICENSE": "LICENSE"}),
    # `.mjs` is unknown to many servers' lists of media types, hence the other name.
    "cytoscape": ("cytoscape", {"dist/cytoscape.esm.min.mjs": "cytoscape.esm.min.js", "LICENSE": "LICENSE"}),
    "@xterm/xterm": ("xterm", {"lib/xterm.mjs": "xterm.js", "css/xterm.css": "xterm.css", "LICENSE": "LICENSE"}),
    "@xterm/addon-fit": ("xterm_fit", {"lib/addon-fit.mjs": "addon_fit.js", "LICENSE": "LICENSE"}),
    "@fontsource-variable/inter": ("inter", {"index.css": "index.css", "LICENSE": "LICENSE"}),
}
INTER_FILES = "inter-*-wght-normal.woff2"


class SetUpError(Exception):
    """What is missing, and the command that mends it, in one line."""


def main(level: str) -> None:
    """`runtime` and `dev` install everything; `vendor` only copies from a node_modules that is there already."""
    if level == "vendor":
        copy_front_end()
        return
    with (ROOT / ".set-up.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        install_python_packages(level)
        install_front_end()


def install_python_packages(level: str) -> None:
    files = [REQUIREMENTS / name for name in LOCKED[level]]
    stamp = VENV / f".installed-{level}"
    wanted = fingerprint(files)
    if python_of_venv().exists() and read(stamp) == wanted:
        return
    make_venv()
    say(f"installing the locked {level} packages")
    arguments = [argument for file in files for argument in ("-r", str(file))]
    run(
        [python_of_venv(), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--require-hashes"],
        arguments,
        mend="check the connection to the package index, then run ./soc again",
    )
    stamp.write_text(wanted)
    if level == "dev":
        (VENV / ".installed-runtime").write_text(fingerprint([REQUIREMENTS / name for name in LOCKED["runtime"]]))


def make_venv() -> None:
    if python_of_venv().exists() and (VENV / "bin" / "pip").exists():
        return
    say(f"making {VENV}")
    venv.EnvBuilder(with_pip=True, clear=True, symlinks=True).create(VENV)


def python_of_venv() -> Path:
    return VENV / "bin" / "python"


def install_front_end() -> None:
    stamp = VENDOR / ".installed"
    wanted = fingerprint([ROOT / "package.json", ROOT / "package-lock.json", Path(__file__)])
    if read(stamp) == wanted and (ROOT / "node_modules").is_dir():
        return
    say("fetching the front-end files")
    run(
        [*npm(), "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"],
        mend="check the connection to the npm registry, then run ./soc again",
    )
    copy_front_end()
    stamp.write_text(wanted)


def copy_front_end() -> None:
    if VENDOR.exists():
        shutil.rmtree(VENDOR)
    for package, (folder, names) in FRONT_END.items():
        copy_package(ROOT / "node_modules" / package, VENDOR / folder, names)


def copy_package(source: Path, target: Path, names: dict[str, str]) -> None:
    target.mkdir(parents=True, exist_ok=True)
    for name, new_name in names.items():
        shutil.copyfile(source / name, target / new_name)
    fonts = sorted((source / "files").glob(INTER_FILES)) if (source / "files").is_dir() else []
    for font in fonts:
        (target / "files").mkdir(exist_ok=True)
        shutil.copyfile(font, target / "files" / font.name)


def npm() -> list[str | Path]:
    """The npm of the PATH, else the one of a Python package that carries Node."""
    node, found = shutil.which("node"), shutil.which("npm")
    if node and found and node_is_new_enough(node):
        return [found]
    if not (VENV / "bin" / "npm").exists():
        say("no Node 18 or newer with npm on the PATH: installing one into .venv")
        run(
            [python_of_venv(), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--require-hashes"],
            ["-r", str(REQUIREMENTS / "node.txt")],
            mend="install Node 18 or newer with npm (Debian: apt-get install nodejs npm), then run ./soc again",
        )
    return [VENV / "bin" / "npm"]


def node_is_new_enough(node: str) -> bool:
    answer = subprocess.run([node, "--version"], capture_output=True, text=True, check=False)
    major = answer.stdout.strip().lstrip("v").split(".")[0]
    return major.isdigit() and int(major) >= 18


def fingerprint(files: Iterable[Path]) -> str:
    digest = hashlib.sha256()
    for file in files:
        digest.update(file.read_bytes())
    return digest.hexdigest()


def read(stamp: Path) -> str:
    return stamp.read_text() if stamp.exists() else ""


def run(command: Sequence[str | Path], arguments: Sequence[str] = (), *, mend: str) -> None:
    path = f"{VENV / 'bin'}{os.pathsep}{os.environ.get('PATH', '')}"
    words = [*map(str, command), *arguments]
    # npm would keep what it fetched in the home folder.
    chosen = {"npm_config_cache", "NPM_CONFIG_CACHE"} & set(os.environ)
    kept = {} if chosen else {"NPM_CONFIG_CACHE": str(VENV / "npm-cache")}
    # Standard output of `./soc` belongs to the word that was asked for.
    done = subprocess.run(
        words, cwd=ROOT, env={**os.environ, **kept, "PATH": path}, stdin=subprocess.DEVNULL, stdout=2, check=False
    )
    if done.returncode:
        raise SetUpError(f"`{' '.join(words[:4])} ...` failed: {mend}")


def say(text: str) -> None:
    print(f"soc: {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    try:
        main(sys.argv[1])
    except (SetUpError, OSError) as error:
        sys.exit(f"soc: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
