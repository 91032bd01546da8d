"""What a host of the lab sees as its file system: programs of this machine, everything that may change its own.

Nothing that a host writes reaches the machine. With real root programs lie in an overlay, so that what is decided about
a whole file system (who may open which file) is decided for this host alone.
"""

import contextlib
import os
import shlex
import shutil
import sys
from pathlib import Path

from soc_portal.lab import kernel
from soc_portal.lab.plan import BRIDGE4, COMMANDS, DOMAIN, PORTAL_NAME, ROOT, HostPlan, LabPlan, agent_half

_PROGRAMS = ("usr", "bin", "sbin", "lib", "lib32", "lib64", "libx32", "opt", "nix")
_DEVICES = ("null", "zero", "full", "random", "urandom", "tty")
_OWN = ("root", "home/lab", "tmp", "run/soc-agent", "srv", "mnt", "var/tmp", "var/log", "var/lib/dpkg",
        "var/lib/soc-agent", "var/spool/cron/crontabs", "var/cache", "etc", "proc", "sys", "dev")  # fmt: skip
_SIZE = "size=512m,mode=755"


def furnish(host: HostPlan, lab: LabPlan) -> None:
    """Build the host's file system and make it this process's root. Needs own mount and pid namespaces."""
    kernel.mount("", Path("/"), flags=kernel.MS_REC | kernel.MS_PRIVATE)
    base = Path(lab.folder) / "root"  # mounted over in this namespace alone
    base.mkdir(exist_ok=True)
    kernel.mount("soc-lab", base, "tmpfs", options=_SIZE)
    new, layers = base / "new", base / "layers"
    for folder in (new, layers):
        folder.mkdir()
    # A file system of its own and not a part of one: what only the host has is what its agent watches.
    kernel.mount("soc-lab", new, "tmpfs", options=_SIZE)
    for name in _OWN:
        (new / name).mkdir(parents=True, exist_ok=True)
    for name in ("tmp", "var/tmp"):
        (new / name).chmod(0o1777)
    _programs(new, layers, lab)
    _copy_settings(Path("/etc"), new / "etc")
    _name_it(new / "etc", host, lab)
    _show(Path("/var/lib/dpkg"), new / "var/lib/dpkg", layers, lab)
    _own_state(host, new)
    _commands(new)
    _devices(new / "dev")
    kernel.mount("proc", new / "proc", "proc")
    with contextlib.suppress(OSError):  # some containers do not allow it; the host goes without
        kernel.mount("sysfs", new / "sys", "sysfs", kernel.MS_RDONLY)
    kernel.change_root(new)


def _programs(new: Path, layers: Path, lab: LabPlan) -> None:
    for name in _PROGRAMS:
        source = Path("/", name)
        if source.is_symlink():
            (new / name).symlink_to(source.readlink())
        elif source.is_dir():
            _show(source, new / name, layers, lab)
    for source in kept_folders():
        _show(source, new / str(source).lstrip("/"), layers, lab)


def _commands(new: Path) -> None:
    """The agent's commands by the names that its package gives them."""
    folder = new / COMMANDS.lstrip("/")
    folder.mkdir(parents=True)
    for name, module in (("soc-agent", "network"), ("soc-agentctl", "control")):
        words = shlex.join(agent_half(module))
        (folder / name).write_text(f'#!/bin/sh\nPYTHONPATH={shlex.quote(str(ROOT / "agent"))} exec {words} "$@"\n')
        (folder / name).chmod(0o755)


def kept_folders() -> list[Path]:
    """Where this Python, the agent and the lab itself lie, as far as they are not among the programs."""
    wanted = {ROOT / "agent", ROOT / "soc_portal", Path(sys.prefix), Path(sys.base_prefix)}
    programs = tuple(f"/{name}/" for name in _PROGRAMS)
    return sorted(one for one in wanted if not f"{one}/".startswith(programs))


def _show(source: Path, target: Path, layers: Path, lab: LabPlan) -> None:
    """A folder of the machine, changeable without changing it where the kernel allows, read-only otherwise."""
    if not source.is_dir():
        return
    target.mkdir(parents=True, exist_ok=True)
    if lab.root:
        own = layers / str(source).strip("/").replace("/", "-")
        for name in ("up", "work"):
            (own / name).mkdir(parents=True)
        options = f"lowerdir={source},upperdir={own / 'up'},workdir={own / 'work'}"
        with contextlib.suppress(OSError):
            kernel.mount("soc-lab", target, "overlay", options=options)
            return
    kernel.bind(source, target, read_only=True)


def _copy_settings(source: Path, target: Path) -> None:
    """The machine's settings as far as this user may read them: a host changes its own copy."""

    def copied(one: str, other: str) -> str:
        with contextlib.suppress(OSError):
            shutil.copy2(one, other, follow_symlinks=False)
        return other

    with contextlib.suppress(shutil.Error, OSError):
        shutil.copytree(source, target, symlinks=True, copy_function=copied, dirs_exist_ok=True, ignore=_special)


def _special(folder: str, names: list[str]) -> list[str]:
    """What is neither file nor folder nor link, what is unreadable, and what belongs to an agent of the machine."""
    left = []
    for name in names:
        path = Path(folder, name)
        plain = path.is_symlink() or path.is_file() or (path.is_dir() and os.access(path, os.R_OK | os.X_OK))
        if not plain or path == Path("/etc/soc-agent"):
            left.append(name)
    return left


def _name_it(etc: Path, host: HostPlan, lab: LabPlan) -> None:
    lines = ["127.0.0.1 localhost", "::1 localhost ip6-localhost", f"{BRIDGE4} {PORTAL_NAME}"]
    for one in lab.hosts:
        lines += [f"{address} {one.name}.{DOMAIN} {one.name}" for address in (one.address4, one.address6)]
    texts = {"hosts": "\n".join(lines), "hostname": host.name, "machine-id": host.machine_id, "resolv.conf": ""}
    for name, text in texts.items():
        (etc / name).unlink(missing_ok=True)
        (etc / name).write_text(f"{text}\n")
    for name in ("cron.d", "systemd/system", "soc-agent"):
        (etc / name).mkdir(parents=True, exist_ok=True)


def _own_state(host: HostPlan, new: Path) -> None:
    """Who the host is outlives a stop of the lab, as on a host that is started again."""
    for name, place in (("etc", "etc/soc-agent"), ("state", "var/lib/soc-agent")):
        source = Path(host.folder, name)
        source.mkdir(mode=0o700, parents=True, exist_ok=True)
        kernel.bind(source, new / place)


def _devices(dev: Path) -> None:
    kernel.mount("soc-lab", dev, "tmpfs", options="size=64k,mode=755")
    for name in _DEVICES:
        (dev / name).touch()
        kernel.bind(Path("/dev", name), dev / name)
    for name in ("pts", "shm"):
        (dev / name).mkdir()
    kernel.mount("soc-lab", dev / "shm", "tmpfs", options="size=64m,mode=1777")
    with contextlib.suppress(OSError):
        kernel.mount("devpts", dev / "pts", "devpts", options="newinstance,ptmxmode=0666")
    links = {"ptmx": "pts/ptmx", "fd": "/proc/self/fd", "stdin": "/proc/self/fd/0", "stdout": "/proc/self/fd/1",
             "stderr": "/proc/self/fd/2"}  # fmt: skip
    for name, target in links.items():
        (dev / name).symlink_to(target)
