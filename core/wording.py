"""How the product writes times, durations, counts and names that came from outside.

Pages, exports and documents use the same words, so the rules stand here once and know no HTML.
"""

import re
import unicodedata
from datetime import UTC, datetime, timedelta, tzinfo

COUNT_CAP = 10_000
MINUTE, HOUR, DAY = 60, 3600, 86400
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
NAMES_OF_TODAY = {"day": "Today ", "said": "today "}

# Marks that reorder or hide text; `unicodedata` files most of them under Cf, which also holds harmless joiners.
_DECEIVING = frozenset("\u061c\u200b\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2060\u2066\u2067\u2068\u2069\ufeff")
_STAMP = re.compile(r"\b(\d{4}-\d\d-\d\d)[ T](\d\d:\d\d(?::\d\d)?)(?:\.\d+)?(?: ?UTC\b|Z\b|\+00:00)")
_SCHEME = re.compile(r"^h(?:tt|xx)p(s?)://", re.IGNORECASE)
_HOST = re.compile(r"^(?P<before>(?:[a-z]+://)?(?:[^/@\s]*@)?)(?P<host>[^/:?#\s\[]+)(?P<after>.*)$", re.IGNORECASE)


def count(number: int, cap: int = COUNT_CAP) -> str:
    """Exact up to the cap, `10,000+` above it: a list counts no further than it has to."""
    return f"{cap:,}+" if number > cap else f"{number:,}"


def counted(number: int, noun: str, plural: str = "") -> str:
    """`1 incident`, `2 incidents`; an irregular plural is given."""
    return f"{count(number)} {noun if number == 1 else plural or noun + 's'}"


def duration(value: timedelta | float | None) -> str:
    """At most two units, the second dropped when it is zero: `1 min 49 s`, `6 d 23 h`, `420 ms`."""
    if value is None:
        return ""
    seconds = value.total_seconds() if isinstance(value, timedelta) else float(value)
    if seconds < 0:
        return f"-{duration(-seconds)}"
    if seconds < 0.9995:
        return f"{round(seconds * 1000)} ms" if seconds else "0 s"
    if seconds < 9.95 and round(seconds, 1) != round(seconds):
        return f"{seconds:.1f} s"
    return _two_units(round(seconds))


def remaining(value: timedelta) -> str:
    """What is left of a deadline: whole minutes under one hour, since seconds would only make a reader nervous."""
    seconds = value.total_seconds()
    if seconds <= 0:
        return "0 min"
    if seconds < HOUR:
        return f"{max(1, int(seconds // MINUTE))} min"
    return _two_units(int(seconds // MINUTE) * MINUTE)


def _two_units(seconds: int) -> str:
    for size, name, smaller, smaller_name in (
        (DAY, "d", HOUR, "h"),
        (HOUR, "h", MINUTE, "min"),
        (MINUTE, "min", 1, "s"),
    ):
        if seconds >= size:
            first, rest = divmod(seconds, size)
            second = rest // smaller
            return f"{first} {name} {second} {smaller_name}" if second else f"{first} {name}"
    return f"{seconds} s"


def moment(value: datetime, *, now: datetime, zone: tzinfo, style: str = "short") -> str:
    """Today `09:41`, this year `10 Nov 09:53`, else `10 Nov 2025`.

    Styles: `short`; `day` (names today: `Today 09:41`); `said` (the same within a sentence: `today 09:41`); `seconds`
    (for stories and logs); `full` (the clock also in other years); `date`.
    """
    local, today = value.astimezone(zone), now.astimezone(zone)
    clock = local.strftime("%H:%M:%S" if style == "seconds" else "%H:%M")
    date = f"{local.day} {MONTHS[local.month - 1]}"
    if local.year != today.year:
        return f"{date} {local.year} {clock}" if style in {"seconds", "full"} else f"{date} {local.year}"
    if style == "date":
        return date
    if local.date() == today.date():
        return f"{NAMES_OF_TODAY.get(style, '')}{clock}"
    return f"{date} {clock}"


def utc_stamp(value: datetime) -> str:
    return value.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def told_times(text: str) -> list[str | datetime]:
    """Prose in its parts: words, and the moments that it names in UTC (`2026-11-10 09:41 UTC`)."""
    parts: list[str | datetime] = []
    end = 0
    for match in _STAMP.finditer(text):
        try:
            at = datetime.fromisoformat(f"{match[1]}T{match[2]}+00:00")
        except ValueError:
            continue  # 2026-02-31 25:00 UTC is a word like any other
        parts += [text[end : match.start()], at]
        end = match.end()
    return [*parts, text[end:]]


def unix_lines(text: str) -> str:
    """Line ends as a single LF; browsers send CR LF."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


def visible(text: object) -> str:
    """Text from outside with everything that hides or reorders made readable: `exe\u202efdp` shows `‹U+202E›`.

    CR LF is a line end like any other; a CR alone hides what stands before it and is shown."""
    return "".join(_shown(character) for character in str(text).replace("\r\n", "\n"))


def _shown(character: str) -> str:
    if character in "\n\t":
        return character
    if character in _DECEIVING or unicodedata.category(character) in {"Cc", "Cs"}:
        return f"‹U+{ord(character):04X}›"
    return character


def defang(text: object) -> str:
    """An address nobody follows by accident: `hxxps://evil.example[.]com/x`, `203.0.113[.]77`, `2001:db8[:]:1`."""
    shown = _SCHEME.sub(lambda match: f"hxxp{match[1].lower()}://", visible(text))
    if shown.count(":") > 1 and "//" not in shown and "." not in shown:
        head, _, tail = shown.rpartition(":")
        return f"{head}[:]{tail}"
    match = _HOST.match(shown)
    if match is None or "." not in match["host"]:
        return shown
    head, _, tail = match["host"].rpartition(".")
    return f"{match['before']}{head}[.]{tail}{match['after']}"


def cut_middle(text: str, head: int = 8, tail: int = 6) -> str:
    """The ends tell hashes and paths apart, so the middle goes."""
    return text if len(text) <= head + tail + 1 else f"{text[:head]}…{text[-tail:]}"
