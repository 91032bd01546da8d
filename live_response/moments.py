"""What this room adds to the story of an incident: who worked on which device, and what was fetched from it."""

from collections.abc import Iterator
from typing import Any

from django.db.models import Count, F

from core.wording import counted, duration
from incidents.models import Incident
from incidents.moments import Moment
from live_response.enums import SessionState
from live_response.models import LiveArtefact, LiveSession


def of_sessions(incident: Incident) -> Iterator[Moment]:
    """Each session that was opened for the incident, and its end."""
    sessions = LiveSession.objects.filter(incident=incident).select_related("device")
    rows: Any = sessions.annotate(typed=Count("commands"))
    for one in rows:
        yield Moment(one.started or one.created, "us", f"Live response on {one.device}: {one.number}",
                     f"{one.opener.name}: {one.reason}")  # fmt: skip
        if one.ended:
            failed = one.state == SessionState.FAILED
            said = one.state_detail if failed else f"{counted(one.typed, 'command')} in {duration(one.duration)}"
            word = "failed" if failed else "ended"
            text = f"Live response on {one.device} {word}: {one.number}"
            yield Moment(one.ended, "other" if failed else "us", text, said)


def of_files(incident: Incident) -> Iterator[Moment]:
    """Each file that a session brought."""
    rows = LiveArtefact.objects.filter(command__session__incident=incident)
    digest = F("blob__sha256")  # the content itself stays where it is
    for one in rows.select_related("command__device", "command__session").annotate(digest=digest):
        session = one.command.session
        who = session.opener.name if session else ""
        yield Moment(one.created, "us", f"File fetched from {one.command.device}: {one.path or one.name}",
                     f"{who}, SHA-256 {one.digest}")  # fmt: skip
