"""What the beginning of a file says: whether it reads like noise, and whether noise is what such files hold."""

import math
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

SAMPLE = 4096
# Below that many bytes even noise does not look like it.
SMALLEST = 256
_PACKED = (
    b"\x1f\x8b", b"PK\x03\x04", b"PK\x05\x06", b"\xfd7zXZ", b"BZh", b"\x28\xb5\x2f\xfd", b"7z\xbc\xaf", b"Rar!",
    b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"RIFF", b"%PDF", b"\x04\x22\x4d\x18", b"\x1f\x9d", b"PACK",
    b"x\x01", b"x\x9c", b"x\xda", b"OggS", b"ID3", b"fLaC", b"\x1aE\xdf\xa3", b"\x00\x00\x01\x00", b"wOF2", b"wOFF",
    b"age-encryption", b"BORG", b"-----BEGIN", b"!<arch>", b"SQLite format 3", b"\x7fELF",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Content:
    """`entropy` in bits a byte; `packed` when the file says what it is, and that is compressed or sealed."""

    size: int
    entropy: float
    packed: bool
    executable: bool


def look(path: str) -> Content | None:
    """None when there is no plain file."""
    file = Path(path)
    try:
        seen = file.lstat()
        if seen.st_mode & 0o170000 != 0o100000:
            return None
        with file.open("rb") as opened:
            sample = opened.read(SAMPLE)
    except OSError:
        return None
    packed = sample.startswith(_PACKED) or sample[4:8] == b"ftyp" or sample[257:262] == b"ustar"
    executable = bool(seen.st_mode & 0o111) or sample.startswith((b"\x7fELF", b"#!"))
    return Content(seen.st_size, entropy(sample), packed, executable)


def entropy(sample: bytes) -> float:
    """Of a short sample it is counted against what noise of that length would have, so that 8 means noise."""
    size = len(sample)
    if size < SMALLEST:
        return 0.0
    found = -sum(count / size * math.log2(count / size) for count in Counter(sample).values())
    # Noise of n bytes falls short of eight bits by about 255 / (2 n ln 2).
    return min(8.0, found + 255 / (2 * size * math.log(2)))
