"""The words of times, durations, counts and hostile names."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from core import wording

NOW = datetime(2026, 11, 22, 9, 41, 7, tzinfo=UTC)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0 s"),
        (0.42, "420 ms"),
        (1.4, "1.4 s"),
        (49, "49 s"),
        (109, "1 min 49 s"),
        (360, "6 min"),
        (5640, "1 h 34 min"),
        (100_800, "1 d 4 h"),
        (259_200, "3 d"),
        (-109, "-1 min 49 s"),
    ],
)
def test_a_duration_has_two_units_at_most(seconds: float, words: str) -> None:
    assert wording.duration(seconds) == words
    assert wording.duration(timedelta(seconds=seconds)) == words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(-5, "0 min"), (20, "1 min"), (725, "12 min"), (3599, "59 min"), (3600, "1 h"), (604_710, "6 d 23 h")],
)
def test_what_is_left_under_an_hour_is_whole_minutes(seconds: float, words: str) -> None:
    assert wording.remaining(timedelta(seconds=seconds)) == words


@pytest.mark.parametrize(
    ("at", "style", "words"),
    [
        (NOW, "short", "10:41"),
        (NOW, "day", "Today 10:41"),
        (NOW, "said", "today 10:41"),
        (NOW, "seconds", "10:41:07"),
        (NOW - timedelta(days=12), "short", "10 Nov 10:41"),
        (NOW - timedelta(days=12), "date", "10 Nov"),
        (NOW - timedelta(days=377), "short", "10 Nov 2025"),
        (NOW - timedelta(days=377), "seconds", "10 Nov 2025 10:41:07"),
        (NOW.replace(hour=23) - timedelta(days=1), "short", "00:41"),
    ],
)
def test_a_time_says_no_more_than_the_reader_needs(at: datetime, style: str, words: str) -> None:
    assert wording.moment(at, now=NOW, zone=ZoneInfo("Europe/Vienna"), style=style) == words


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("203.0.113.77", "203.0.113[.]77"),
        ("http://evil.example.com/a.b?c=d.e", "hxxp://evil.example[.]com/a.b?c=d.e"),
        ("HTTPS://1.2.3.4:8080/x", "hxxps://1.2.3[.]4:8080/x"),
        ("2001:db8::1", "2001:db8:[:]1"),
        ("ap@harbour.example", "ap@harbour[.]example"),
        ("FILE-SRV-02", "FILE-SRV-02"),
        ("", ""),
    ],
)
def test_a_defanged_address_cannot_be_followed_by_accident(address: str, shown: str) -> None:
    assert wording.defang(address) == shown


def test_what_hides_or_reorders_text_becomes_visible() -> None:
    assert wording.visible("invoice\u202efdp.exe\x00\ud800") == "invoice‹U+202E›fdp.exe‹U+0000›‹U+D800›"
    assert wording.visible("two\nlines\tand Ünïcode") == "two\nlines\tand Ünïcode"
    assert wording.visible("one\r\ntwo\rover") == "one\ntwo‹U+000D›over"


@pytest.mark.parametrize(
    "text", ["2026-11-10 09:41 UTC", "2026-11-10 09:41:00 UTC", "2026-11-10T09:41:00Z", "2026-11-10T09:41:00.123+00:00"]
)
def test_times_in_prose_are_found(text: str) -> None:
    assert wording.told_times(f"Begun {text}, over") == ["Begun ", datetime(2026, 11, 10, 9, 41, tzinfo=UTC), ", over"]


@pytest.mark.parametrize("text", ["2026-02-31 09:41 UTC", "2026-11-10 09:41", "2026-11-10", "12026-11-10 09:41 UTC"])
def test_what_is_no_time_in_utc_stays_as_it_was_written(text: str) -> None:
    assert wording.told_times(text) == [text]


def test_counts_are_exact_to_ten_thousand() -> None:
    assert wording.count(9999) == "9,999"
    assert wording.count(10_000) == "10,000"
    assert wording.count(10_001) == "10,000+"
    assert wording.counted(1, "incident") == "1 incident"
    assert wording.counted(0, "entity", "entities") == "0 entities"


def test_the_middle_of_a_hash_is_cut() -> None:
    assert wording.cut_middle("3fa9c1d2" + "0" * 50 + "7be204") == "3fa9c1d2…7be204"
    assert wording.cut_middle("short") == "short"
