from live_response.models.artefact import LiveArtefact
from live_response.models.command import LiveCommand
from live_response.models.fleet import FleetQuery
from live_response.models.library import LibraryFile
from live_response.models.recording import RecordedLine
from live_response.models.session import LiveSession
from live_response.models.shell import RawShell, ShellInput

__all__ = [
    "FleetQuery",
    "LibraryFile",
    "LiveArtefact",
    "LiveCommand",
    "LiveSession",
    "RawShell",
    "RecordedLine",
    "ShellInput",
]
