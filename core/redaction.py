"""Takes secrets out of what is about to be written down: by the name beside them, their shape, and their value."""

import os
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from django.conf import settings

HIDDEN = "[redacted]"
LONGEST = 64_000
_SHORTEST_SECRET = 8
_NAMES = (
    r"passw(?:or)?d|pass_?phrase|secret|token|api[_-]?key|private_?key|encryption_?keys?|authorization|cookie|dsn|csrf"
    r"|credential"
)
_NAME = re.compile(_NAMES, re.IGNORECASE)
_PATTERNS: tuple[tuple[re.Pattern[str], str], ...] = (
    (
        re.compile(r"(?s)-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----.*?(?:-----END [A-Z ]{0,30}PRIVATE KEY-----|\Z)"),
        HIDDEN,
    ),
    # Headers: all that stands behind the name belongs to them.
    (
        re.compile(r"(?i)\b((?:proxy-)?authorization|(?:set-)?cookie)(['\"]?\s*[:=]\s*['\"]?)[^\r\n'\"]+"),
        rf"\1\2{HIDDEN}",
    ),
    (re.compile(r"(?i)\b(bearer|basic)\s+[a-z0-9._~+/=-]{6,}"), rf"\1 {HIDDEN}"),
    (re.compile(r"(?i)\b([a-z][a-z0-9+.-]{0,20}://)[^\s/@'\"]{1,500}@"), rf"\1{HIDDEN}@"),
    (re.compile(r"\bsoc_[A-Za-z0-9_-]{20,}"), HIDDEN),
    (
        re.compile(
            rf"(?i)([\w-]{{0,40}}(?:{_NAMES})[\w-]{{0,40}}['\"]?\s{{0,3}}[=:]\s{{0,3}})(?!\[redacted\])"
            r"(?:b?'[^'\n]*'|b?\"[^\"\n]*\"|[^\s,;&)}\]'\"]+)"
        ),
        rf"\1{HIDDEN}",
    ),
)


def redact(text: str) -> str:
    """The same text without what looks like a secret; cut where it is longer than anybody reads."""
    if len(text) > LONGEST:
        text = f"{text[:LONGEST]} [cut]"
    for secret in _known():
        if secret in text:
            text = text.replace(secret, HIDDEN)
    for pattern, instead in _PATTERNS:
        text = pattern.sub(instead, text)
    return text


def redact_tree(value: Any, *, depth: int = 6) -> Any:
    """A value of lists and mappings, whatever hides in it. Numbers, truths and nothing stay."""
    if value is None or isinstance(value, bool | int | float):
        return value
    if depth == 0:
        return HIDDEN
    if isinstance(value, Mapping):
        return {
            str(key): HIDDEN if _NAME.search(str(key)) and entry else redact_tree(entry, depth=depth - 1)
            for key, entry in value.items()
        }
    if isinstance(value, list | tuple | set | frozenset):
        return [redact_tree(entry, depth=depth - 1) for entry in value]
    return redact(value if isinstance(value, str) else repr(value))


@lru_cache(maxsize=1)
def _known() -> tuple[str, ...]:
    """The secrets this process itself runs with."""
    database = settings.DATABASES["default"]
    broker = re.match(r"\w+://[^/@]*:([^/@]+)@", settings.REDIS_URL)
    named = [settings.SECRET_KEY, *settings.ENCRYPTION_KEYS, str(database.get("PASSWORD") or "")]
    named += [str(getattr(settings, name, "")) for name in ("METRICS_TOKEN", "SMTP_PASSWORD")]
    named += [value for name, value in os.environ.items() if name.startswith("SOC_") and _NAME.search(name)]
    named += [broker[1]] if broker else []
    return tuple(sorted({secret for secret in named if len(secret) >= _SHORTEST_SECRET}, key=len, reverse=True))
