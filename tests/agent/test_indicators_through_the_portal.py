"""From the portal's wish to what the heartbeat tells of it, with both halves as processes."""

import base64
import hashlib
import json
from pathlib import Path
from typing import Any

from soc_agent.folders import Folders
from soc_agent.indicators import INDICATORS
from tests.agent.halves import JoinedHost
from tests.agent.needs import need_root
from tests.agent.small_portal import SmallPortal


def a_list(root: Path) -> str:
    """On the disk already, as after a restart: its digest."""
    entry = {"key": "k", "type": "file_sha256", "value": "a" * 64, "action": "block", "groups": list[int](),
             "expires": None}  # fmt: skip
    domain = {**entry, "key": "d", "type": "domain", "value": "bad.example"}
    payload = json.dumps({"version": 5, "entries": [entry, domain]}).encode()
    digest = hashlib.sha256(payload).hexdigest()
    envelope = {"payloadType": INDICATORS, "payload": base64.b64encode(payload).decode(), "signatures": []}
    (Folders(root).state / f"indicators-{digest}.json").write_text(json.dumps(envelope))
    return digest


def test_the_list_is_taken_up_and_what_is_not_guarded_is_told(portal: SmallPortal, host: JoinedHost) -> None:
    need_root()
    digest = a_list(host.root)
    portal.want(3, {"indicators": {"digest": digest, "groups": []}})

    def taken_up(status: dict[str, Any]) -> bool:
        seen = status["observed"].get("indicators", {})
        return status["generation"] == 3 and "no file system" in seen.get("detail", "")

    seen = portal.status_where(taken_up)["observed"]["indicators"]
    assert not seen["reached"]
    assert (seen["evidence"]["digest"], seen["evidence"]["applied"]["file"]) == (digest, 1)
    assert [one["key"] for one in seen["evidence"]["unsupported"]] == ["d"]
    portal.want(4, {})
    gone = portal.status_where(lambda one: one["generation"] == 4 and one["observed"]["indicators"]["reached"])
    assert gone["health"]["guard"] == ""
    assert gone["observed"]["execution"]["value"] == "unrestricted"
