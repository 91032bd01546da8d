"""Everything about a file beside its content: mode, owner, times, extended attributes, flags. Read, and put back.

Access lists and capabilities of programs are extended attributes to the kernel. The order in which they are put back
matters: a change of owner takes away set-uid and capabilities, so the owner comes first; the immutable flag forbids
everything after it, so it comes last.
"""

import base64
import errno
import fcntl
import os
import struct
from typing import Any

_GET_FLAGS, _SET_FLAGS = 0x80086601, 0x40086602
IMMUTABLE, APPEND_ONLY = 0x10, 0x20
# What the kernel itself keeps there is not ours to write.
_NOT_OURS = ("security.selinux", "security.ima", "security.evm", "system.nfs4_acl")


def read_attributes(handle: int) -> dict[str, Any]:
    """Of an open file, as JSON."""
    seen = os.fstat(handle)
    return {
        "mode": seen.st_mode & 0o7777,
        "uid": seen.st_uid,
        "gid": seen.st_gid,
        "mtime_ns": seen.st_mtime_ns,
        "atime_ns": seen.st_atime_ns,
        "links": seen.st_nlink,
        "flags": read_flags(handle) & (IMMUTABLE | APPEND_ONLY),
        "xattrs": _read_xattrs(handle),
    }


def write_attributes(handle: int, attributes: dict[str, Any]) -> list[str]:
    """Put them back on an open file; what could not be put back, in words for people."""
    missed = []
    seen = os.fstat(handle)
    if (seen.st_uid, seen.st_gid) != (attributes["uid"], attributes["gid"]):
        os.fchown(handle, attributes["uid"], attributes["gid"])
    os.fchmod(handle, attributes["mode"])
    for name, value in attributes["xattrs"].items():
        try:
            os.setxattr(handle, name, base64.b64decode(value))
        except OSError as error:
            missed.append(f"{name}: {error.strerror}")
    os.utime(handle, ns=(attributes["atime_ns"], attributes["mtime_ns"]))
    if attributes["flags"]:
        try:
            write_flags(handle, read_flags(handle) | attributes["flags"])
        except OSError as error:
            missed.append(f"flags: {error.strerror}")
    return missed


def read_flags(handle: int) -> int:
    """The flags of the file system, 0 where it has none."""
    space = bytearray(8)
    try:
        fcntl.ioctl(handle, _GET_FLAGS, space)
    except OSError as error:
        if error.errno in (errno.ENOTTY, errno.EOPNOTSUPP, errno.EINVAL, errno.ENOSYS):
            return 0
        raise
    return int(struct.unpack_from("=i", space)[0])


def write_flags(handle: int, flags: int) -> None:
    fcntl.ioctl(handle, _SET_FLAGS, struct.pack("=l", flags))


def _read_xattrs(handle: int) -> dict[str, str]:
    found = {}
    try:
        names = os.listxattr(handle)
    except OSError:
        return {}
    for name in names:
        if name not in _NOT_OURS:
            try:
                found[name] = base64.b64encode(os.getxattr(handle, name)).decode()
            except OSError:
                continue
    return found
