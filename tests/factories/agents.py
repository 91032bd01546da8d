"""Endpoint agents that have joined, the keys of a signer, and what a device would send."""

import base64
import hashlib
import json
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.conf import settings

from accounts.models import DeviceGroup
from connectors.enums import AgentState
from connectors.models import Agent, EnrolmentToken
from connectors.services.agents.decide import decide_agent
from connectors.services.agents.enrol import connection_of_agents, enrol
from connectors.services.agents.release import make_release_code
from connectors.signing.envelope import fingerprint, opened, raw_public
from connectors.signing.keys import SignerFolder, ensure_keys, known_keys
from core import clock
from core.actors import Actor
from incidents.models import Device

SETTER = Actor.system("test set-up")
SYSTEM = {"host_name": "web-1", "dns_name": "web-1.example", "os": "Debian GNU/Linux", "os_version": "12"}
INVENTORY = {
    "system": SYSTEM,
    "interfaces": [{"name": "eth0", "up": True, "mac": "02:00:00:00:00:01", "addresses": ["192.0.2.11"]}],
    "users": [{"name": "m.okafor", "uid": 1000, "home": "/home/m.okafor", "may_log_in": True}],
    "packages": [{"name": "openssl", "version": "3.0.15", "source": "openssl", "source_version": "3.0.15"}],
    "listening": [{"protocol": "tcp", "address": "0.0.0.0", "port": 80, "program": "nginx"}],
}


def give_keys(settings: Any, folder: Path) -> SignerFolder:
    """Keys of a signer in this folder, known to this process."""
    settings.SIGNER_DIR, settings.AGENTS_DIR = folder / "signer", folder / "agents"
    ensure_keys(SignerFolder.of_settings())
    return SignerFolder.of_settings()


@dataclass
class Machine:
    """A machine with a key of its own."""

    key: Ed25519PrivateKey = field(default_factory=Ed25519PrivateKey.generate)
    sequence: int = 0

    @property
    def device_id(self) -> str:
        return fingerprint(self.key.public_key())

    @property
    def public(self) -> str:
        return base64.b64encode(raw_public(self.key.public_key())).decode()

    def proof(self, secret: str) -> str:
        return base64.b64encode(self.key.sign(b"soc-agent enrol " + hashlib.sha256(secret.encode()).digest())).decode()

    def joins(self, secret: str, inventory: Mapping[str, Any] | None = None) -> Agent:
        told = INVENTORY if inventory is None else inventory
        return enrol(secret=secret, public_key=self.public, proof=self.proof(secret), inventory=told)

    def header(self, method: str, path: str, body: bytes = b"", **other: Any) -> str:
        """As the agent signs each request; `other` puts something else in."""
        at, nonce = other.get("moment", int(time.time())), other.get("nonce", secrets.token_hex(16))
        text = "\n".join((method, path, str(at), nonce, hashlib.sha256(body).hexdigest()))
        signature = base64.b64encode(self.key.sign(text.encode())).decode()
        return f"SOC-Agent id={other.get('device_id', self.device_id)},time={at},nonce={nonce},signature={signature}"

    def status(self, **told: Any) -> dict[str, Any]:
        self.sequence += 1
        return {"version": "1.0", "sequence": self.sequence, "boot": "b", "generation": 0, "observed": {},
                "keys_version": 10**9, "capabilities": {}, "health": {}, "results": [], **told}  # fmt: skip


def token(group: DeviceGroup | None = None, **fields: Any) -> tuple[EnrolmentToken, str]:
    """An enrolment token and its secret."""
    secret = "soce_" + secrets.token_urlsafe(16)
    values: dict[str, Any] = {
        "name": "web servers", "device_group": group or DeviceGroup.objects.get(is_default=True),
        "expires": clock.real_now() + timedelta(hours=1), "made_by": SETTER.as_json(), **fields,
    }  # fmt: skip
    return EnrolmentToken.objects.create(secret_sha256=hashlib.sha256(secret.encode()).hexdigest(), **values), secret


def joined(machine: Machine | None = None, *, group: DeviceGroup | None = None, approved: bool = True) -> Agent:
    """An agent that was heard of just now."""
    agent = (machine or Machine()).joins(token(group)[1])
    if approved:
        decide_agent(agent, to=AgentState.APPROVED, actor=SETTER, reason="Known machine")
    return agent


def plain_agent(group: DeviceGroup, **fields: Any) -> Agent:
    """A row, as of an agent that has joined."""
    device_id = secrets.token_hex(32)
    connection = fields.pop("connection", None) or connection_of_agents(actor=SETTER)
    values: dict[str, Any] = {
        "connection": connection, "device_id": device_id, "public_key": Machine().public, "name": "web-1",
        "state": AgentState.APPROVED, "inventory": INVENTORY, "seen_at": clock.real_now(), "device_group": group,
    }  # fmt: skip
    return Agent.objects.create(**{**values, **fields})


def words_of_agents(device: Device) -> dict[str, Any]:
    """For the stage of all pages: an agent on this device, an enrolment token, a release code that is not signed."""
    group, binding = device.device_group, device.bindings.get()
    told = {
        "capabilities": {"device.restrict_execution": "The kernel lacks fanotify.", "device.isolate": ""},
        "health": {"helper": "", "clock": 40.0},
        "observed": {"network": {"value": "connected", "reached": False}},
    }
    agent = plain_agent(
        group, name="ws-14", connection=binding.connection, device_id=binding.remote_id, version="1.0", status=told,
    )  # fmt: skip
    plain_agent(group, name="ws-15", state=AgentState.PENDING)
    order = make_release_code(agent, actor=SETTER, reason="It hears nothing")
    pages = ("agent", "agent_state", "agent_inventory", "believe_agent", "insist_on_agent", "new_agent_key",
             "release_agent")  # fmt: skip
    return {
        **{f"connectors:{page}.pk": agent.pk for page in (*pages, "release_code")},
        "connectors:release_code.order_id": order.pk, "connectors:decide_agents.way": "revoke",
        "connectors:decide_agents?": f"?id={agent.pk}", "connectors:withdraw_agent_token.pk": token(group)[0].pk,
        "connectors:edit_agent_policy.pk": group.pk, "remediation:agent_card.device_id": device.pk,
    }  # fmt: skip


def inside(envelope: Mapping[str, Any], payload_type: str) -> dict[str, Any]:
    """What was signed, believed by the keys that devices would believe."""
    return opened(envelope, payload_type, known_keys())


def as_json(body: bytes) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(body)
    return found


def give_authority() -> None:
    """A certificate where the portal looks for the one that devices pin."""
    Path(settings.AGENTS_DIR).mkdir(parents=True, exist_ok=True)
    body = base64.encodebytes(b"a certificate").decode()
    (Path(settings.AGENTS_DIR) / "ca.pem").write_text(f"-----BEGIN CERTIFICATE-----\n{body}-----END CERTIFICATE-----\n")
