"""Joining a portal: a token that works once, a key that is made here, an authority that is checked before it is
believed.

The token is `<secret>.<digest of the authority>.<digest of the root key>`, so whoever copies the command from the
portal's page carries over whom to believe. Nothing else that is said before that check is.
"""

import base64
import fcntl
import hashlib
import hmac
import json
import os
import pwd
import re
import socket
import ssl
import struct
from dataclasses import dataclass
from http.client import HTTPSConnection
from typing import Any
from urllib.parse import urlsplit

from soc_agent.folders import Folders
from soc_agent.identity import Identity, fingerprint, load_identity, make_identity
from soc_agent.inventory import read_inventory
from soc_agent.portal import Portal, PortalError, Signer
from soc_agent.settings import BadSettings, load_settings
from soc_agent.trust import public_key

USER = "soc-agent"
# SIOCGIFFLAGS and IFF_RUNNING of the kernel.
_GET_FLAGS, _RUNNING = 0x8913, 0x40
_TOKEN = re.compile(r"(soce_[A-Za-z0-9_-]{20,80})\.([0-9a-f]{64})\.([0-9a-f]{64})")


class EnrolmentFailed(Exception):
    """The message says what to do."""


@dataclass(frozen=True, slots=True)
class Token:
    """`authority` and `root` are SHA-256 digests, of the certificate and of the public key."""

    secret: str
    authority: str
    root: str


def read_token(text: str) -> Token:
    found = _TOKEN.fullmatch(text.strip())
    if found is None:
        raise EnrolmentFailed("That is no token of a portal: copy the whole command from its page.")
    return Token(*found.groups())


def enroll(url: str, token: Token, folders: Folders) -> dict[str, Any]:
    """What the portal answered (`state` is `pending` or `approved`); the settings are written. Raises
    `EnrolmentFailed`. Running it again on an enrolled host changes nothing but asks again."""
    parts = urlsplit(url)
    if parts.scheme != "https" or not parts.hostname:
        raise EnrolmentFailed("The portal's address begins with https://.")
    uid = agent_uid()
    folders.prepare(uid)
    addresses = addresses_of(parts.hostname, parts.port or 443)
    folders.write(folders.authority, _fetch_authority(addresses, token), 0o644)
    identity = _identity(folders)
    folders.give(folders.identity, uid)
    portal = Portal(url, addresses, folders.authority, Signer(identity))
    try:
        answer = portal.ask("POST", "/agent/v1/enrol", {
            "token": token.secret, "public_key": identity.public, "proof": proof_of(identity, token.secret),
            "inventory": read_inventory(),
        })  # fmt: skip
    except PortalError as error:
        raise EnrolmentFailed(f"The portal did not take this host: {error}") from None
    finally:
        portal.close()
    root = str(answer.get("root_key", ""))
    if fingerprint(public_key(root)) != token.root:
        raise EnrolmentFailed("The portal's root key is not the one that the token names.")
    settings = {
        "url": url, "device_id": identity.device_id, "root_key": root, "portals": addresses,
        "agent_uid": uid, "devices": outward_devices(),
    }  # fmt: skip
    folders.write(folders.keys, json.dumps(answer.get("keys")).encode())
    folders.write(folders.settings, json.dumps(settings, indent=2).encode(), 0o644)
    return answer


def proof_of(identity: Identity, secret: str) -> str:
    """That who sends the token has the key: without it a stolen public key could be enrolled by somebody else."""
    return base64.b64encode(identity.key.sign(b"soc-agent enrol " + hashlib.sha256(secret.encode()).digest())).decode()


def _identity(folders: Folders) -> Identity:
    """The key that is there, with the name it is known by, or a new one."""
    path = folders.identity
    try:
        return load_identity(path, _known_as(folders)) if path.exists() else make_identity(path)
    except (OSError, ValueError) as error:
        raise EnrolmentFailed(f"The key of this host cannot be read: {error}") from None


def _known_as(folders: Folders) -> str:
    try:
        return load_settings(folders.settings).device_id
    except BadSettings:
        return ""


def addresses_of(host: str, port: int) -> tuple[tuple[str, int], ...]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError as error:
        raise EnrolmentFailed(f"{host} is not found: {error}") from None
    return tuple(dict.fromkeys((str(entry[4][0]), port) for entry in found))


def _fetch_authority(addresses: tuple[tuple[str, int], ...], token: Token) -> bytes:
    """The certificate of the portal's authority. It is asked for without being believed, and believed only when its
    digest is the one in the token."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    address, port = addresses[0]
    connection = HTTPSConnection(address, port, timeout=20, context=context)
    try:
        connection.request("GET", "/agent/v1/authority")
        content = connection.getresponse().read(65_536)
        digest = hashlib.sha256(ssl.PEM_cert_to_DER_cert(content.decode("ascii").strip() + "\n")).hexdigest()
    except (OSError, ValueError) as error:
        raise EnrolmentFailed(f"The portal did not show its authority: {error}") from None
    finally:
        connection.close()
    if not hmac.compare_digest(digest, token.authority):
        raise EnrolmentFailed("What answers there is not the portal that made this token. Nothing was sent to it.")
    return content


def agent_uid() -> int:
    """The user of the network half; whoever runs this where there is none, as in a lab."""
    try:
        return pwd.getpwnam(USER).pw_uid
    except KeyError:
        return os.geteuid()


def outward_devices() -> tuple[str, ...]:
    """Interfaces by which frames leave the host. The helper may make no socket of a network, so it is asked over one
    that has none; the kernel does not mind."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as line:
        return tuple(sorted(name for _, name in socket.if_nameindex() if name != "lo" and _runs(line, name)))


def _runs(line: socket.socket, name: str) -> bool:
    try:
        told = fcntl.ioctl(line, _GET_FLAGS, struct.pack("16s24x", name.encode()))
    except OSError:
        return False  # it went meanwhile
    return bool(struct.unpack_from("H", told, 16)[0] & _RUNNING)
