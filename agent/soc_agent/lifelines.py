"""Programs without which nobody gets at a host any more: never stopped by a digest, always among the trusted."""

import hashlib
import os
import pwd
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

NAMES = (
    "/bin/sh", "/bin/bash", "/bin/dash", "/bin/login", "/usr/sbin/sshd", "/usr/bin/dpkg", "/usr/bin/apt",
    "/usr/bin/apt-get", "/usr/bin/sudo", "/bin/su", "/usr/sbin/nft", "/lib/systemd/systemd", "/bin/systemctl",
    "/lib64/ld-linux-x86-64.so.2", "/lib/ld-linux-aarch64.so.1", "/lib/x86_64-linux-gnu/libc.so.6",
    "/lib/aarch64-linux-gnu/libc.so.6",
)  # fmt: skip
_known: dict[tuple[str, int, int], dict[str, str]] = {}


def essential_paths() -> dict[str, str]:
    """Where each really is, with what it is; those that are there."""
    found: dict[str, str] = {}
    named = {**dict.fromkeys(NAMES, ""), "/proc/1/exe": "process 1", **own_programs()}
    with suppress(KeyError):
        named[pwd.getpwuid(0).pw_shell] = "the shell of root"
    for path, what in named.items():
        try:
            real = str(Path(path).resolve(strict=True))
        except (OSError, RuntimeError):
            continue
        found.setdefault(real, what or path)
    return found


def own_programs() -> dict[str, str]:
    """What the agent itself runs."""
    return {sys.executable: "the agent's own program", "/proc/self/exe": "the agent's own program"}


def essential_digests() -> Mapping[str, str]:
    """SHA-256, SHA-1 and MD5 of each, with what it is."""
    return {digest: what for path, what in essential_paths().items() for digest in digests_of(path).values()}


def digests_of(path: str) -> dict[str, str]:
    """Once for each file as long as it does not change; empty when it cannot be read."""
    try:
        seen = os.stat(path)  # noqa: PTH116 - follows /proc/1/exe as it is
        key = (path, seen.st_mtime_ns, seen.st_size)
        if key not in _known:
            content = Path(path).read_bytes()
            _known[key] = {
                "file_sha256": hashlib.sha256(content).hexdigest(),
                "file_sha1": hashlib.sha1(content, usedforsecurity=False).hexdigest(),
                "file_md5": hashlib.md5(content, usedforsecurity=False).hexdigest(),
            }
        return _known[key]
    except OSError:
        return {}
