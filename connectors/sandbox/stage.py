"""The machine that a sample believes to be on: its folders, decoys, and the words that start it."""

import shutil
from pathlib import Path

from connectors.sandbox import barrier
from connectors.sandbox.jail import PATH
from connectors.sandbox.limits import Limits
from connectors.sandbox.static import interpreter_of

# What the sample may write to. All of it lies on one file system of limited size.
FOLDERS = ("etc", "home", "tmp", "var", "opt", "root", "srv", "run")
HOME = "/home/user"
_DEEPER = ("home/user/Documents", "home/user/.ssh", "etc/cron.d", "etc/systemd/system", "etc/init.d", "var/tmp",
           "var/log", "var/spool/cron/crontabs", "var/lib", "etc/profile.d")  # fmt: skip
_FILES = {
    "etc/passwd": "root:x:0:0:root:/root:/bin/bash\nuser:x:1000:1000:User:/home/user:/bin/bash\n",
    "etc/group": "root:x:0:\nuser:x:1000:\n",
    "etc/hosts": "127.0.0.1 localhost\n10.66.0.2 ws-114\n",
    "etc/hostname": "ws-114\n",
    "etc/resolv.conf": "nameserver 10.66.0.53\noptions timeout:1 attempts:1\n",
    "etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\n",
    "etc/crontab": "SHELL=/bin/sh\n",
    "etc/shadow": "root:*:19000:0:99999:7:::\n",
    "home/user/.bashrc": "export LANG=C\n",
    "home/user/.profile": "umask 022\n",
    "home/user/.ssh/id_ed25519": "decoy\n",
    "home/user/.ssh/authorized_keys": "",
    "home/user/Documents/budget.csv": "month,amount\n1,1200\n2,1340\n" * 40,
    "home/user/Documents/minutes.txt": "Minutes of the meeting\n" * 60,
    "home/user/Documents/contract.txt": "This agreement is made between\n" * 60,
}
_CLOSED = "etc/shadow"
# Mounted from the machine when it is there, to be read alone.
_LENT = ("/etc/ld.so.cache", "/etc/alternatives", "/etc/ssl/certs")


def build(root: Path) -> None:
    """The folders and decoys, below `root`."""
    for name in (*FOLDERS, *_DEEPER):
        (root / name).mkdir(parents=True, exist_ok=True)
    for name, content in _FILES.items():
        (root / name).write_text(content)
    for lent in _LENT:  # else the jail makes them, and they would look like the sample's
        if Path(lent).is_dir():
            (root / lent[1:]).mkdir(parents=True, exist_ok=True)
        elif Path(lent).exists():
            (root / lent[1:]).touch()
    (root / _CLOSED).chmod(0)
    for name in ("tmp", "var/tmp"):
        (root / name).chmod(0o1777)


def start_words(content: bytes, name: str) -> list[str] | None:
    """How the sample is started within; None for what nothing here can run."""
    inside = f"/sample/{name}"
    if content.startswith(b"\x7fELF"):
        return [inside]
    words = interpreter_of(content, name)
    if not words:
        return None
    program = words[0] if words[0].startswith("/") else shutil.which(words[0], path=PATH)
    if program and program.endswith("/env") and len(words) > 1:
        program, words = shutil.which(words[1].rpartition("/")[2], path=PATH), words[1:]
    if not program or not Path(program).exists():
        return None
    return [program, *words[1:], inside]


def words_of(
    root: Path, sample: Path, name: str, started: list[str], limits: Limits, *, status: int, trace: Path
) -> list[str]:
    """The whole command: limits, tracer, jail, sample."""
    barred = barrier.as_descriptor()
    return [
        "prlimit", f"--nproc={limits.processes}", f"--as={limits.process_bytes}", f"--fsize={limits.disk_bytes}",
        f"--cpu={int(limits.run_s) + 10}", "--core=0", "--nofile=256", "--",
        "strace", "-f", "-q", "-ttt", "-s", "256", "--seccomp-bpf", "--decode-pids=pidns",
        "-e", f"trace={','.join(TRACED)}", "-o", str(trace), "--",
        "bwrap", "--unshare-user", "--disable-userns", "--cap-drop", "ALL", "--uid", "1000", "--gid", "1000",
        "--unshare-pid", "--unshare-ipc", "--unshare-uts", "--hostname", "ws-114", "--new-session",
        "--ro-bind", "/usr", "/usr", "--symlink", "usr/bin", "/bin", "--symlink", "usr/sbin", "/sbin",
        "--symlink", "usr/lib", "/lib", "--symlink", "usr/lib64", "/lib64", "--proc", "/proc", "--dev", "/dev",
        *(word for one in FOLDERS for word in ("--bind", str(root / one), f"/{one}")),
        *(word for one in _LENT for word in ("--ro-bind-try", one, one)),
        "--dir", "/sample", "--ro-bind", str(sample), f"/sample/{name}",
        "--clearenv", "--setenv", "PATH", "/usr/bin:/bin:/usr/sbin:/sbin", "--setenv", "HOME", HOME,
        "--setenv", "USER", "user", "--setenv", "LANG", "C", "--setenv", "TERM", "dumb", "--chdir", HOME,
        *(["--seccomp", str(barred)] if barred is not None else []),
        "--json-status-fd", str(status), "--remount-ro", "/", "--", *started,
    ]  # fmt: skip


TRACED = ("%process", "%network", "%file", "memfd_create", "ptrace", "mount", "umount2", "unshare", "setns",
          "init_module", "finit_module", "process_vm_readv", "process_vm_writev", "pivot_root", "fchmod", "ftruncate",
          "setuid", "setreuid", "setresuid")  # fmt: skip


def descriptors_in(words: list[str]) -> list[int]:
    """Those that the jail is handed for its barrier."""
    return [int(words[words.index("--seccomp") + 1])] if "--seccomp" in words else []
