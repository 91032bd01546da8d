"""Files of the library on this host: put into a folder of the session, or run from there."""

import asyncio
import os
import re
import secrets
import shutil
import signal
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from soc_agent.folders import Folders
from soc_agent.journal import State
from soc_agent.live.answer import MAX_ANSWER, Answer, keep_bytes
from soc_agent.orders import Refused

_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,99}")
_SESSION = re.compile(r"[A-Z]{2}-[0-9]{1,18}")
_ENVIRONMENT = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8",
                "HOME": "/root", "TERM": "dumb"}  # fmt: skip
MAX_KEPT = 16 * 1024**2
MAX_PARAMETERS = 200
ENDS_WITHIN_S = 5.0
_LINE = 1_500


def boot_id() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def session_folder(arguments: Any, folders: Folders, *, keep: bool = False) -> Path:
    """Of this session alone. What is not to be kept lies below the name of this boot, and goes with it. Raises
    `Refused`."""
    session = str(arguments.get("session", ""))
    if not _SESSION.fullmatch(session):
        raise Refused("bad_arguments", "A session has a number.")
    live = folders.state / "live"
    forget_earlier_boots(folders)
    folder = live / ("kept" if keep else f"boot-{boot_id()}") / session
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


def forget_earlier_boots(folders: Folders) -> None:
    """What was put there before the host was started anew."""
    live, now = folders.state / "live", f"boot-{boot_id()}"
    for one in live.glob("boot-*"):
        if one.name != now:
            shutil.rmtree(one, ignore_errors=True)


def name_in(arguments: Any) -> str:
    name = arguments.get("name")
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise Refused("bad_arguments", "A file of the library has a plain name.")
    return name


def put_file(source: Path, arguments: Any, folders: Folders) -> Answer:
    """Nothing that is there is followed or written over by accident."""
    name = name_in(arguments)
    folder = session_folder(arguments, folders, keep=arguments.get("keep") is True)
    target, draft = folder / name, folder / f".{secrets.token_hex(8)}"
    if os.path.lexists(target) and arguments.get("overwrite") is not True:
        raise Refused("exists", f"{target} is there already; -overwrite replaces it.")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(handle, "wb") as file, source.open("rb") as content:
            shutil.copyfileobj(content, file)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(target)
    finally:
        draft.unlink(missing_ok=True)
    return Answer(text=f"{target}: {target.stat().st_size:,} bytes", facts={"path": str(target)})


async def run_script(source: Path, arguments: Any, folders: Folders, say: Callable[..., None]) -> Answer:
    """In a group of its own: when it is cancelled, or its time is over, all that it started ends with it."""
    name, words = name_in(arguments), arguments.get("parameters", [])
    if not isinstance(words, list) or len(words) > MAX_PARAMETERS or not all(isinstance(one, str) for one in words):
        raise Refused("bad_arguments", "Parameters are a list of words.")
    script = session_folder(arguments, folders) / f"run-{secrets.token_hex(6)}-{name}"
    handle = os.open(script, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o700)
    try:
        with os.fdopen(handle, "wb") as file, source.open("rb") as content:
            shutil.copyfileobj(content, file)
        return await _ran([*_interpreter(script), str(script), *words], _folder(arguments), folders, say)
    finally:
        script.unlink(missing_ok=True)


def _interpreter(script: Path) -> list[str]:
    """What begins with #! names its own; everything else that is text is Bash."""
    with script.open("rb") as file:
        head = file.read(4)
    if head.startswith((b"#!", b"\x7fELF")):
        return []
    if not Path("/bin/bash").exists():
        raise Refused("cannot", "There is no Bash on this host; a script that begins with #! names what runs it.")
    return ["/bin/bash"]


def _folder(arguments: Any) -> str:
    folder = str(arguments.get("folder", "/"))
    return folder if folder.startswith("/") and Path(folder).is_dir() else "/"


async def _ran(words: list[str], folder: str, folders: Folders, say: Callable[..., None]) -> Answer:
    started = await asyncio.create_subprocess_exec(
        *words, cwd=folder, env=_ENVIRONMENT, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT, start_new_session=True, umask=0o022,
    )  # fmt: skip
    output, cut = bytearray(), False
    try:
        while started.stdout is not None and (part := await started.stdout.read(64 * 1024)):
            say(*(line[:_LINE] for line in part.decode(errors="replace").splitlines()))
            cut = cut or len(output) + len(part) > MAX_KEPT
            output += part[: MAX_KEPT - len(output)]
        code = await started.wait()
    finally:
        await _end_group(started)
    return _told(bytes(output), code, cut, folders)


async def _end_group(started: asyncio.subprocess.Process) -> None:
    """Everything that it started and that did not leave the group."""
    with suppress(ProcessLookupError):
        os.killpg(started.pid, signal.SIGKILL)
    if started.returncode is None:
        try:
            await asyncio.wait_for(asyncio.shield(started.wait()), ENDS_WITHIN_S)
        except TimeoutError:
            return


def _told(output: bytes, code: int, cut: bool, folders: Folders) -> Answer:
    text = output.decode(errors="replace")
    long = len(text) > MAX_ANSWER
    kept = [dict(keep_bytes(output, "output.txt", folders))] if long else []
    return Answer(text=text[:MAX_ANSWER], facts={"exit_code": code}, artefacts=kept, truncated=cut or long,
                  state=State.SUCCEEDED if code == 0 else State.FAILED)  # fmt: skip
