"""The portal's indicators in the words of agents."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

TYPES = {
    "fileSha256": "file_sha256", "fileSha1": "file_sha1", "fileMd5": "file_md5", "ipAddress": "ip",
    "domainName": "domain", "url": "url", "certificateThumbprint": "certificate",
}  # fmt: skip
ACTIONS = {
    "allowed": "allow", "audit": "audit", "warn": "warn", "block": "block", "blockAndRemediate": "block_and_remediate",
}  # fmt: skip
_OF_PORTAL = {word: name for name, word in ACTIONS.items()}


def entry_of(told: Mapping[str, Any]) -> dict[str, Any]:
    """As agents read it, with the portal's own digest to compare. A word that is not known stays as it is: the agent
    says that it cannot read it."""
    expires = told.get("expires_at")
    return {
        "key": told["key"], "type": TYPES.get(told["type"], told["type"]), "value": told["value"],
        "action": ACTIONS.get(told["action"], told["action"]), "title": told.get("title", ""),
        "groups": [int(one) for one in told.get("device_group_ids", [])],
        "expires": datetime.fromisoformat(str(expires)).timestamp() if expires else None,
        "generate_alert": bool(told.get("generate_alert")), "digest": told.get("digest", ""),
    }  # fmt: skip


def action_of_portal(entry: Mapping[str, Any]) -> str:
    """The action of an entry in the portal's word."""
    return _OF_PORTAL.get(str(entry.get("action")), str(entry.get("action")))
