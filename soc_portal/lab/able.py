"""Whether this machine can hold a lab: tried out, not guessed from versions. What is missing is named with its cure."""

import os
import shutil
import subprocess
from pathlib import Path

_PATH = "/usr/sbin:/sbin:/usr/bin:/bin:/usr/local/sbin:/usr/local/bin"
_TOOLS = {"unshare": "util-linux", "nsenter": "util-linux", "ip": "iproute2", "nft": "nftables"}
_TRIAL = """
ip link add br0 type bridge || exit 11
ip link add v0 type veth peer name v1 || exit 12
nft list ruleset >/dev/null || exit 13
unshare --net --mount --pid --uts --fork --mount-proc true || exit 14
"""
_REASONS = {
    11: "the kernel has no bridges here: load the module with `modprobe bridge`",
    12: "the kernel has no veth pairs here: load the module with `modprobe veth`",
    13: "nft is refused by the kernel: load the module with `modprobe nf_tables`",
    14: "namespaces within namespaces are refused, as in many containers: run it outside of the container",
}
_SWITCHES = {
    "/proc/sys/kernel/unprivileged_userns_clone": ("0", "sysctl kernel.unprivileged_userns_clone=1"),
    "/proc/sys/kernel/apparmor_restrict_unprivileged_userns":
        ("1", "sysctl kernel.apparmor_restrict_unprivileged_userns=0"),
    "/proc/sys/user/max_user_namespaces": ("0", "sysctl user.max_user_namespaces=10000"),
}  # fmt: skip


def isolating(*, root: bool) -> list[str]:
    """The words before the command of the keeper: its namespaces, within a user namespace unless with real root."""
    return ["unshare", *([] if root else ["--user", "--map-root-user"]), "--net", "--mount", "--uts"]


def missing(*, root: bool) -> str:
    """Why this machine cannot, and what mends it; empty when it can."""
    for tool, package in _TOOLS.items():
        if shutil.which(tool, path=_PATH) is None:
            return f"{tool} is not installed: apt-get install {package}"
    try:
        done = subprocess.run(
            [*isolating(root=root), "sh", "-c", _TRIAL], capture_output=True, text=True, timeout=20, check=False,
            env={"PATH": _PATH, "LC_ALL": "C"},
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return "the kernel does not answer when namespaces are made"
    if done.returncode == 0:
        return ""
    if done.returncode in _REASONS:
        return _REASONS[done.returncode]
    return _why_no_namespaces(root, done.stderr.strip()[:200])


def _why_no_namespaces(root: bool, said: str) -> str:
    if root:
        return f"this root may not make namespaces ({said}): run it outside of the container, or give it CAP_SYS_ADMIN"
    for file, (closed, cure) in _SWITCHES.items():
        try:
            if Path(file).read_text().strip() == closed:
                return f"user namespaces are switched off for ordinary users: `{cure}` as root, or run it as root"
        except OSError:
            continue
    return f"user namespaces are refused ({said}): run it as root"


def is_root() -> bool:
    return os.geteuid() == 0
