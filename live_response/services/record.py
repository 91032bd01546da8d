"""The recording of a session: each line typed and each text shown, in asciicast v2, chained so that nothing can be
changed, added or left out unseen."""

import hashlib
import json
from collections.abc import Iterator
from typing import Any

from core import clock
from live_response.models import LiveSession, RawShell, RecordedLine

TYPED, SHOWN, MARK, SIZE = "i", "o", "m", "r"
WIDTH, HEIGHT = 120, 36
GENESIS = "0" * 64
MOST_SHOWN = 256 * 1024
# Rows that are read at once, and what the page of a recording is sent at once.
SOME, PART, MOST_EVENTS = 20, 1024 * 1024, 2_000


def record_line(session: LiveSession, *, kind: str, data: str, shell: RawShell | None = None) -> None:
    """Add one event; whoever adds holds the session's row, so that no two get the same place. Text is cut at 256 kB:
    the whole output lies with its command."""
    locked = LiveSession.objects.select_for_update(of=("self",)).get(pk=session.pk)
    last = locked.recorded.order_by("-seq").first()
    seq, head = (last.seq + 1, last.digest) if last else (1, GENESIS)
    at = round(max(0.0, (clock.now() - locked.created).total_seconds()), 3)
    text = data[:MOST_SHOWN].replace("\x00", "")
    digest = link(head, seq, at, kind, text)
    RecordedLine.objects.create(session=locked, seq=seq, at=at, kind=kind, data=text, digest=digest, shell=shell)
    LiveSession.objects.filter(pk=locked.pk).update(recording_head=digest)
    session.recording_head = digest


def link(head: str, seq: int, at: float, kind: str, data: str) -> str:
    """The digest of one event, over the one before."""
    told = json.dumps([head, seq, at, kind, data], separators=(",", ":"))
    return hashlib.sha256(told.encode()).hexdigest()


def broken_at(session: LiveSession) -> int | None:
    """The first event that does not fit the chain, or the one behind the last when the end is missing; None when the
    recording is whole."""
    head, seq = GENESIS, 0
    for row in _rows(session):
        seq += 1
        if row.seq != seq or link(head, seq, row.at, row.kind, row.data) != row.digest:
            return seq
        head = row.digest
    return seq + 1 if session.recording_head and head != session.recording_head else None


def events_after(session: LiveSession, seq: int) -> tuple[list[list[Any]], int | None]:
    """The next part of the recording, so much as one answer holds: `at`, kind, text and whether a shell said it; and
    the number of the last when there are more."""
    events: list[list[Any]] = []
    size = 0
    for row in session.recorded.filter(seq__gt=seq).iterator(chunk_size=SOME):
        if events and (size + len(row.data) > PART or len(events) >= MOST_EVENTS):
            return events, seq
        events.append([row.at, row.kind, row.data, row.shell_id is not None])
        size, seq = size + len(row.data), row.seq
    return events, None


def _rows(session: LiveSession) -> Iterator[RecordedLine]:
    """Never all of them at once."""
    return session.recorded.iterator(chunk_size=SOME)


def asciicast(session: LiveSession) -> Iterator[str]:
    """The recording as asciicast v2 plays it; its last line is a marker with the head of the chain."""
    title = f"{session.number} {session.device.display_name}"
    head = {"version": 2, "width": WIDTH, "height": HEIGHT, "timestamp": int(session.created.timestamp()),
            "title": title}  # fmt: skip
    yield json.dumps(head) + "\n"
    last = 0.0
    for row in _rows(session):
        last = row.at
        yield json.dumps([row.at, row.kind, row.data]) + "\n"
    yield json.dumps([last, MARK, f"sha256 {session.recording_head}"]) + "\n"
