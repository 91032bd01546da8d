"""System calls that a sample has no business with: ways around what is watched, and the kernel's least tried doors."""

import os
import platform
import struct

# audit architecture, and the numbers of the calls there
_ARCHITECTURES: dict[str, tuple[int, dict[str, int]]] = {
    "x86_64": (0xC000003E, {
        "io_uring_setup": 425, "io_uring_enter": 426, "io_uring_register": 427, "bpf": 321, "keyctl": 250,
        "add_key": 248, "request_key": 249, "perf_event_open": 298, "userfaultfd": 323, "kexec_load": 246,
        "kexec_file_load": 320, "open_by_handle_at": 304, "name_to_handle_at": 303, "fanotify_init": 300,
    }),
    "aarch64": (0xC00000B7, {
        "io_uring_setup": 425, "io_uring_enter": 426, "io_uring_register": 427, "bpf": 280, "keyctl": 219,
        "add_key": 217, "request_key": 218, "perf_event_open": 241, "userfaultfd": 282, "kexec_load": 104,
        "kexec_file_load": 294, "open_by_handle_at": 265, "name_to_handle_at": 264, "fanotify_init": 262,
    }),
}  # fmt: skip
_LOAD, _EQUALS, _AT_LEAST, _RETURN = 0x20, 0x15, 0x35, 0x06
_ALLOW, _ERRNO, _ENOSYS = 0x7FFF0000, 0x00050000, 38
_OTHER_TABLE = 0x40000000  # x32, which has the same architecture and other numbers


def _step(code: int, yes: int, no: int, value: int) -> bytes:
    return struct.pack("=HBBI", code, yes, no, value)


def program() -> bytes:
    """For the kernel: these calls are unknown here, and so is every other architecture's way of calling. Empty where
    nobody has written the numbers down."""
    known = _ARCHITECTURES.get(platform.machine())
    if known is None:
        return b""
    architecture, numbers = known
    closed = sorted(numbers.values())
    steps = [
        _step(_LOAD, 0, 0, 4),
        _step(_EQUALS, 0, len(closed) + 3, architecture),
        _step(_LOAD, 0, 0, 0),
        _step(_AT_LEAST, len(closed) + 1, 0, _OTHER_TABLE),
        *(_step(_EQUALS, len(closed) - at, 0, number) for at, number in enumerate(closed)),
        _step(_RETURN, 0, 0, _ALLOW),
        _step(_RETURN, 0, 0, _ERRNO | _ENOSYS),
    ]
    return b"".join(steps)


def as_descriptor() -> int | None:
    """The program in a file that only this descriptor reaches, to be handed on."""
    steps = program()
    if not steps:
        return None
    descriptor = os.memfd_create("barrier", 0)
    os.write(descriptor, steps)
    os.lseek(descriptor, 0, os.SEEK_SET)
    return descriptor
