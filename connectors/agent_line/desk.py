"""What the line does for a request, in a thread: each calls one service and turns its refusals into answers."""

from collections.abc import Mapping
from typing import Any

from django.core.exceptions import ValidationError

from connectors.agent_line.http import Streamed
from connectors.agent_line.knocking import NotAdmitted
from connectors.models import Agent, SignedList
from connectors.services.agents import library as files
from connectors.services.agents import uploads
from connectors.services.agents.alerts import take_alerts
from connectors.services.agents.enrol import EnrolmentRefused
from connectors.services.agents.enrol import enrol as join
from connectors.services.agents.orders import LINE
from connectors.services.agents.rotate import RotationRefused
from connectors.services.agents.rotate import rotate as take_new_key
from connectors.services.agents.tokens import authority as certificate
from connectors.services.agents.uploads import UploadRefused
from connectors.signing.keys import NoKeys, key_list, root_key_text
from core import blobs
from core.encryption import Unreadable

__all__ = ["authority", "begin_upload", "enrol", "indicators", "library", "rotate", "take_alerts", "take_part"]


def authority() -> bytes:
    try:
        return certificate().encode()
    except ValidationError as error:
        raise NotAdmitted(503, "not_ready", error.messages[0]) from None


def enrol(told: Mapping[str, Any]) -> dict[str, Any]:
    inventory = told.get("inventory")
    try:
        agent = join(
            secret=str(told.get("token", ""))[:200], public_key=str(told.get("public_key", ""))[:100],
            proof=str(told.get("proof", ""))[:200], inventory=inventory if isinstance(inventory, dict) else {},
        )  # fmt: skip
        return {"state": agent.state, "device_id": agent.device_id, "root_key": root_key_text(), "keys": key_list()}
    except EnrolmentRefused as no:
        raise NotAdmitted(403, "refused", str(no)) from None
    except NoKeys as error:
        raise NotAdmitted(503, "not_ready", str(error)) from None


def rotate(agent_id: int, told: Mapping[str, Any]) -> None:
    try:
        take_new_key(agent_id, told=told, actor=LINE)
    except RotationRefused as no:
        raise NotAdmitted(403, "refused", str(no)) from None


def begin_upload(agent_id: int, sha256: str, told: Mapping[str, Any], proof: Mapping[str, Any]) -> int:
    try:
        return uploads.begin_upload(agent_id, sha256, told, proof=proof)
    except UploadRefused as no:
        raise NotAdmitted(400, no.code, no.message) from None


def take_part(agent_id: int, sha256: str, offset: int, content: bytes) -> int:
    try:
        return uploads.take_part(agent_id, sha256, offset, content)
    except UploadRefused as no:
        raise NotAdmitted(400, no.code, no.message) from None


def indicators(agent_id: int, digest: str) -> dict[str, Any]:
    kept = SignedList.objects.filter(connection__agents=agent_id, digest=digest).first()
    if kept is None or not kept.envelope:
        raise NotAdmitted(404, "not_found", "There is no such list now.")
    envelope: dict[str, Any] = kept.envelope
    return envelope


def library(agent_id: int, sha256: str) -> Streamed:
    """Only what an order that was handed to this very device names."""
    found = files.file_for(Agent.objects.get(pk=agent_id), sha256)
    if found is None:
        raise NotAdmitted(404, "not_found", "No order of this device names such a file.")
    try:
        return Streamed(found.size, blobs.opened(found))
    except Unreadable:
        raise NotAdmitted(404, "not_found", "The file cannot be read.") from None
