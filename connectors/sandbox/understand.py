"""From calls to processes and deeds."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from connectors.sandbox.behaviours import KINDS
from connectors.sandbox.text import shown
from connectors.sandbox.trace import Call

_KEYS = re.compile(
    r"/\.ssh/id_|/\.aws/credentials|/\.docker/config|/\.kube/config|/\.netrc|/\.pgpass|\.kdbx$|/\.gnupg/"
)
_WROTE = (
    ("cron", re.compile(r"^/etc/cron|^/var/spool/cron")),
    ("service", re.compile(r"^/(etc|usr/lib|lib|run)/systemd/|/\.config/systemd/")),
    ("shell_start", re.compile(r"/\.(bashrc|bash_profile|profile|zshrc|bash_login)$|^/etc/(profile|bash\.bashrc)")),
    ("autostart", re.compile(r"/autostart/")),
    ("boot_script", re.compile(r"^/etc/(init\.d/|rc\.local)")),
    ("authorized_keys", re.compile(r"/authorized_keys$")),
    ("preload", re.compile(r"^/etc/ld\.so\.preload$")),
    ("accounts_changed", re.compile(r"^/etc/(passwd|shadow|group|sudoers)")),
)
_TRACES = re.compile(r"^/var/log/|history$")
_VIRTUAL = re.compile(r"^/sys/(class/dmi|hypervisor|devices/virtual/dmi)|^/proc/scsi|/vboxguest|/qemu")
_TOOLS = {
    "looks_at_system": {
        "uname",
        "hostname",
        "lscpu",
        "lsb_release",
        "hostnamectl",
        "dmidecode",
        "df",
        "free",
        "uptime",
    },
    "looks_at_accounts": {"id", "whoami", "who", "w", "last", "groups", "users"},
    "looks_at_processes": {"ps", "top", "pgrep", "pstree", "pidof"},
    "looks_at_network": {"ip", "ifconfig", "route", "arp", "netstat", "ss"},
    "downloads": {"curl", "wget", "ftp", "tftp", "scp", "nc", "ncat", "socat"},
    "python": {"python3", "python"},
}
_SHELLS = {"sh", "bash", "dash", "zsh", "busybox"}
_MOVES = {"rename", "renameat", "renameat2", "link", "linkat", "symlink", "symlinkat"}
_OPENS = {"open", "openat", "openat2", "creat"}
_ADDRESS4 = re.compile(r"\d+, \{sa_family=AF_INET, sin_port=htons\((\d+)\), sin_addr=inet_addr\(\"([0-9.]+)\"\)\}")
_ADDRESS6 = re.compile(
    r"\d+, \{sa_family=AF_INET6, sin6_port=htons\((\d+)\),.{0,60}?inet_pton\(AF_INET6, \"([0-9a-fA-F:.]+)\""
)
_COMMENT = re.compile(r" ?/\*[^*]{0,80}\*/")
_MODE = re.compile(r", 0?([0-7]{3,5})$")
MOST_PROCESSES = 200


@dataclass(slots=True)
class Story:
    """What the calls told, in the order of time."""

    limit: int
    processes: dict[int, dict[str, Any]] = field(default_factory=dict)
    deeds: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    connections: dict[tuple[str, int], dict[str, Any]] = field(default_factory=dict)
    dropped: set[str] = field(default_factory=set)
    began: float = 0.0
    more_processes: int = 0
    more_deeds: int = 0

    def deed(self, key: str, detail: str, call: Call | None = None, *, worked: bool | None = None) -> None:
        """One more of it; the same again is counted."""
        found = self.deeds.get((key, detail))
        if found is not None:
            found["times"] += 1
            return
        if len(self.deeds) >= self.limit:
            self.more_deeds += 1
            return
        kind = KINDS[key]
        self.deeds[(key, detail)] = {
            "key": key, "title": kind.title, "severity": kind.severity, "techniques": list(kind.techniques),
            "detail": shown(detail, 300), "pid": call.pid if call else 0, "times": 1,
            "at": round(call.at - self.began, 3) if call else None,
            "worked": worked if worked is not None else (call.worked if call else None),
        }  # fmt: skip


def read_story(calls: Iterable[Call], started: str, limit: int) -> Story:
    """Everything from the sample's own start on; what its jail did before is not its doing."""
    story = Story(limit)
    parents: dict[int, int] = {}
    for call in calls:
        if call.child:
            parents[call.child] = call.pid
        if not story.began:
            if call.name == "execve" and call.worked and call.texts[:1] == (started,):
                story.began = call.at
                _ran(story, call, parents)
            continue
        if call.pid in story.processes or parents.get(call.pid) in story.processes:
            _take(story, call, parents)
    return story


def _take(story: Story, call: Call, parents: dict[int, int]) -> None:
    _known(story, call.pid, parents, call.at)
    if call.child:
        _known(story, call.child, parents, call.at)
    if call.name in {"execve", "execveat"}:
        _ran(story, call, parents)
    elif call.name == "exit" and call.pid in story.processes:
        process = story.processes[call.pid]
        process["ended"] = round(call.at - story.began, 3)
        process["exit"] = call.arguments or str(call.result)
    elif call.name in {"clone", "clone3", "fork", "vfork"} and call.error == "EAGAIN":
        story.deed("process_limit", "no further process was allowed", call)
    else:
        _looked(story, call)
        _did(story, call)


def _known(story: Story, pid: int, parents: dict[int, int], at: float) -> None:
    if pid in story.processes:
        return
    if len(story.processes) >= MOST_PROCESSES:
        story.more_processes += 1
        return
    above = parents.get(pid, 0)
    parent = story.processes.get(above, {})
    story.processes[pid] = {"pid": pid, "parent": above if parent else 0, "path": parent.get("path", ""),
                            "command": parent.get("command", ""), "began": round(at - story.began, 3), "ended": None,
                            "exit": ""}  # fmt: skip


def _ran(story: Story, call: Call, parents: dict[int, int]) -> None:
    path, words = (call.texts[0] if call.texts else ""), list(call.texts[1:])
    command = " ".join(words) or path
    _known(story, call.pid, parents, call.at)
    if call.worked and call.pid in story.processes:
        story.processes[call.pid] |= {"path": shown(path, 300), "command": shown(command, 600)}
    if call.at == story.began:
        return
    tool = path.rpartition("/")[2]
    if path.startswith(("/proc/self/fd/", "/dev/fd/")) or not path:
        story.deed("runs_memory_file", path or "by descriptor", call)
    elif path in story.dropped:
        story.deed("runs_dropped", path, call)
    elif call.worked:
        for key, names in _TOOLS.items():
            if tool in names:
                story.deed(key, shown(command, 200), call)
        if tool in _SHELLS:
            story.deed("shell", shown(command, 200), call)


def _looked(story: Story, call: Call) -> None:
    """Calls about a path."""
    path = call.texts[0] if call.texts else ""
    if call.name in _OPENS:
        writes = call.name == "creat" or bool(re.search(r"O_(WRONLY|RDWR|CREAT|TRUNC)", call.arguments))
        if writes:
            _wrote(story, path, call)
        elif path == "/etc/shadow":
            story.deed("reads_accounts", path, call)
        elif _KEYS.search(path):
            story.deed("reads_keys", path, call)
        elif _VIRTUAL.search(path):
            story.deed("looks_for_sandbox", path, call)
    elif call.name in _MOVES and call.texts:
        _wrote(story, call.texts[-1], call)
    elif call.name in {"unlink", "unlinkat"}:
        if path.startswith("/sample/"):
            story.deed("deletes_itself", path, call)
        elif _TRACES.search(path):
            story.deed("deletes_traces", path, call)
    elif call.name in {"chmod", "fchmodat", "fchmodat2", "fchmod"}:
        _marked(story, path, call)


def _marked(story: Story, path: str, call: Call) -> None:
    found = _MODE.search(call.arguments.removesuffix(", 0"))
    mode = int(found[1], 8) if found else 0
    if mode & 0o6000:
        story.deed("set_id", path or "by descriptor", call)
    elif mode & 0o111:
        story.deed("makes_runnable", path or "by descriptor", call)


def _wrote(story: Story, path: str, call: Call) -> None:
    if call.worked and path.startswith("/") and not path.startswith(("/dev/", "/proc/")):
        story.dropped.add(path)
    for key, pattern in _WROTE:
        if pattern.search(path):
            story.deed(key, path, call)
            return
    if call.worked and "/." in path and "O_CREAT" in call.arguments:
        story.deed("hidden", path, call)


def _did(story: Story, call: Call) -> None:
    """Calls about other processes, the kernel and the network."""
    what = shown(_COMMENT.sub("", call.arguments), 160)
    if call.name in {"mount", "umount2", "pivot_root"}:
        story.deed("mounts", f"{call.name}({what})", call)
    elif call.name in {"unshare", "setns"} or (call.name in {"clone", "clone3"} and "CLONE_NEW" in call.arguments):
        story.deed("namespaces", f"{call.name}({what})", call)
    elif call.name == "ptrace":
        key = "traced_by_parent" if "PTRACE_TRACEME" in call.arguments else "traces_others"
        story.deed(key, f"ptrace({what})", call)
    elif call.name.startswith("process_vm_"):
        story.deed("injects", f"{call.name}({what})", call)
    elif call.name == "memfd_create":
        story.deed("memory_file", call.texts[0] if call.texts else "", call)
    elif call.name in {"init_module", "finit_module"}:
        story.deed("kernel_module", f"{call.name}({what})", call)
    elif call.name == "listen":
        story.deed("listens", "a socket of its own", call)
    elif call.name in {"connect", "sendto", "bind"}:
        _reached(story, call)


def _reached(story: Story, call: Call) -> None:
    found = _ADDRESS4.match(call.arguments) or _ADDRESS6.match(call.arguments)
    if found is None or call.name == "bind":
        return
    address, port = found[2], int(found[1])
    if port == 0 or address in {"10.66.0.53", "0.0.0.0", "::"}:  # noqa: S104 - compared with, not listened on
        return
    row = story.connections.setdefault(
        (address, port), {"address": address, "port": port, "times": 0, "at": round(call.at - story.began, 3)}
    )
    row["times"] += 1
    if len(story.connections) > 500:
        story.connections.popitem()
