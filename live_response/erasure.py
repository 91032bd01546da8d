"""What live response says of a person who is erased. Commands are sealed and recordings are chained: what they hold
stays until the retention of sessions ends, and that is said."""

from core import erasure
from live_response.models import FleetQuery, LiveCommand, LiveSession

KINDS = ("user", "identity", "mailbox")
STAYS = "Recordings of live-response sessions may name them, until the retention of sessions ends."


def declare_parts() -> None:
    for kind in KINDS:
        erasure.part(kind, "words of live response", _words)
        erasure.keeps(kind, _recordings)


def _words(person: erasure.Person) -> int:
    columns = {LiveSession: ("reason", "state_detail"), FleetQuery: ("reason",),
               LiveCommand: ("detail", "output", "table", "result")}  # fmt: skip
    return sum(erasure.scrub_naming(model, named, person) for model, named in columns.items())


def _recordings(_person: int) -> list[str]:
    return [STAYS] if LiveSession.objects.exists() else []
