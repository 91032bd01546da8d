"""Text out of bytes that somebody hostile chose: printable, bounded, and no more than that."""

import re

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def shown(value: bytes | str, most: int = 300) -> str:
    """At most `most` characters of it; what cannot be printed becomes a sign."""
    text = value[: most * 4].decode("utf-8", "replace") if isinstance(value, bytes) else value[: most * 4]
    return _CONTROL.sub("\N{REPLACEMENT CHARACTER}", text)[:most]
