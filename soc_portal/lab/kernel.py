"""The few calls to the kernel that Python has no words for."""

import ctypes
import os
import platform
from pathlib import Path

MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC = 1, 2, 4, 8
MS_REMOUNT, MS_BIND, MS_REC, MS_PRIVATE = 32, 4096, 16384, 1 << 18
_MNT_DETACH = 2
_PIVOT_ROOT = {"x86_64": 155, "aarch64": 41, "riscv64": 41, "ppc64le": 203, "s390x": 217}
_KEPT = {os.ST_NOSUID: MS_NOSUID, os.ST_NODEV: MS_NODEV, os.ST_NOEXEC: MS_NOEXEC}
_libc = ctypes.CDLL(None, use_errno=True)


def mount(source: str, target: Path, kind: str = "", flags: int = 0, options: str = "") -> None:
    """Raises `OSError`."""
    words = [text.encode() or None for text in (source, str(target), kind)]
    _check(_libc.mount(*words, ctypes.c_ulong(flags), options.encode() or None), str(target))


def bind(source: Path, target: Path, *, read_only: bool = False) -> None:
    """With everything mounted below; read-only only at the top, as the kernel does it."""
    mount(str(source), target, flags=MS_BIND | MS_REC)
    if read_only:
        now = os.statvfs(target).f_flag
        kept = sum(flag for seen, flag in _KEPT.items() if now & seen)
        mount("", target, flags=MS_BIND | MS_REMOUNT | MS_RDONLY | kept)


def change_root(root: Path) -> None:
    """Make `root` what this namespace calls `/`, and let go of what was there."""
    number = _PIVOT_ROOT.get(platform.machine())
    if number is None:
        raise OSError(f"The lab does not know how to change the root on {platform.machine()}.")
    os.chdir(root)
    _check(_libc.syscall(ctypes.c_long(number), b".", b"."), "pivot_root")
    _check(_libc.umount2(b".", _MNT_DETACH), "umount")
    os.chdir("/")


def _check(answer: int, what: str) -> None:
    if answer < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), what)
