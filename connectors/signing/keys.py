"""The keys of the signer, and the list by which the root key vouches for them.

`root.pem` and `signing.pem` lie in the signer's own folder; the root key may be taken away to a safe place once the
list is signed. What everybody may know lies in the public folder: `root.pub` and `keys.json`.
"""

import base64
import json
import os
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from django.conf import settings

from connectors.signing.envelope import KEY_LIST, fingerprint, opened, public_key_of, raw_public, seal
from core import clock

LIFE = timedelta(days=400)
RENEWED_BEFORE = timedelta(days=100)
# A key that was replaced vouches for what is under way so much longer.
OVERLAP = timedelta(days=7)


class NoKeys(Exception):
    """The keys were never made, or this process may not read them."""


@dataclass(frozen=True, slots=True)
class SignerFolder:
    """Where the private halves lie, and what everybody may know."""

    private: Path
    public: Path

    @classmethod
    def of_settings(cls) -> "SignerFolder":
        return cls(Path(settings.SIGNER_DIR), Path(settings.AGENTS_DIR))

    @property
    def root(self) -> Path:
        return self.private / "root.pem"

    @property
    def signing(self) -> Path:
        return self.private / "signing.pem"

    @property
    def root_public(self) -> Path:
        return self.public / "root.pub"

    @property
    def key_list(self) -> Path:
        return self.public / "keys.json"


def ensure_keys(folder: SignerFolder) -> bool:
    """Have a root key, a signing key and a list that lasts a while; True when something was made now. Without the root
    key at hand a list that ends soon stays as it is."""
    folder.private.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.public.mkdir(mode=0o755, parents=True, exist_ok=True)
    if not folder.root_public.exists():
        root = _make(folder.root)
        _write(folder.root_public, base64.b64encode(raw_public(root.public_key())), 0o644)
    signing = _load(folder.signing) if folder.signing.exists() else _make(folder.signing)
    if _lasts(folder, signing) or not folder.root.exists():
        return False
    _sign_list(folder, signing)
    return True


def replace_signing_key(folder: SignerFolder) -> str:
    """A new signing key; the old one is believed for a week more. Its fingerprint. Raises `NoKeys` without the root."""
    if not folder.root.exists():
        raise NoKeys(f"{folder.root} is not here: put the root key back for as long as this takes.")
    draft = folder.signing.with_name("signing.new")
    draft.unlink(missing_ok=True)
    key = _make(draft)
    _sign_list(folder, key)
    draft.replace(folder.signing)
    return fingerprint(key.public_key())


def signing_key(folder: SignerFolder) -> Ed25519PrivateKey:
    """Raises `NoKeys` where this process may not sign."""
    try:
        return _load(folder.signing)
    except (OSError, ValueError) as error:
        raise NoKeys(f"The signing key {folder.signing} cannot be read here.") from error


def root_key_text(folder: SignerFolder | None = None) -> str:
    """The root key's public half in Base64, as devices pin it. Raises `NoKeys`."""
    folder = folder or SignerFolder.of_settings()
    try:
        return folder.root_public.read_text().strip()
    except OSError as error:
        raise NoKeys("The keys for endpoint agents were not made yet.") from error


def root_fingerprint() -> str:
    return fingerprint(public_key_of(root_key_text()))


def key_list(folder: SignerFolder | None = None) -> dict[str, Any]:
    """The signed list as devices get it. Raises `NoKeys`."""
    folder = folder or SignerFolder.of_settings()
    try:
        found: dict[str, Any] = json.loads(folder.key_list.read_text())
    except (OSError, ValueError) as error:
        raise NoKeys("The keys for endpoint agents were not made yet.") from error
    return found


def list_version(folder: SignerFolder | None = None) -> int:
    return int(_listed(folder or SignerFolder.of_settings()).get("version", 0))


def list_ends(folder: SignerFolder | None = None) -> datetime:
    """When the last key of the newest list is believed no more. Raises `NoKeys`."""
    listed = _listed(folder or SignerFolder.of_settings())
    return datetime.fromtimestamp(max(float(entry["not_after"]) for entry in listed["keys"]), UTC)


def known_keys(folder: SignerFolder | None = None) -> dict[str, Ed25519PublicKey]:
    """Every key on the newest list, by its fingerprint."""
    keys = [public_key_of(str(entry["key"])) for entry in _listed(folder or SignerFolder.of_settings())["keys"]]
    return {fingerprint(key): key for key in keys}


def _listed(folder: SignerFolder) -> dict[str, Any]:
    try:
        found = folder.key_list.stat()
    except OSError as error:
        raise NoKeys("The keys for endpoint agents were not made yet.") from error
    return _checked_list(folder, found.st_mtime_ns, found.st_ino)


@lru_cache(maxsize=8)
def _checked_list(folder: SignerFolder, _changed: int, _file: int) -> dict[str, Any]:
    """Read and verified once for each list that lies there."""
    root = public_key_of(root_key_text(folder))
    return opened(key_list(folder), KEY_LIST, {fingerprint(root): root})


def _lasts(folder: SignerFolder, signing: Ed25519PrivateKey) -> bool:
    if not folder.key_list.exists():
        return False
    mine = base64.b64encode(raw_public(signing.public_key())).decode()
    ends = [entry["not_after"] for entry in _listed(folder)["keys"] if entry["key"] == mine]
    return bool(ends) and ends[0] > (clock.real_now() + RENEWED_BEFORE).timestamp()


def _sign_list(folder: SignerFolder, signing: Ed25519PrivateKey) -> None:
    now, version, kept = clock.real_now(), 1, []
    mine = base64.b64encode(raw_public(signing.public_key())).decode()
    if folder.key_list.exists():
        old = _listed(folder)
        version = int(old["version"]) + 1
        kept = [_ending(entry, now) for entry in old["keys"] if entry["key"] != mine]
    fresh = {"key": mine, "not_after": (now + LIFE).timestamp()}
    keys = [fresh, *(entry for entry in kept if entry["not_after"] > now.timestamp())][:16]
    envelope = seal(KEY_LIST, {"version": version, "keys": keys}, _load(folder.root))
    _write(folder.key_list, json.dumps(envelope).encode(), 0o644)


def _ending(entry: dict[str, Any], now: datetime) -> dict[str, Any]:
    return {**entry, "not_after": min(float(entry["not_after"]), (now + OVERLAP).timestamp())}


def _make(path: Path) -> Ed25519PrivateKey:
    key = Ed25519PrivateKey.generate()
    _write(path, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()), 0o600)
    return key


def _load(path: Path) -> Ed25519PrivateKey:
    key = load_pem_private_key(path.read_bytes(), None)
    if not isinstance(key, Ed25519PrivateKey):
        raise ValueError(f"{path} holds a key of another kind.")  # noqa: TRY004 - of the file
    return key


def _write(path: Path, content: bytes, mode: int) -> None:
    unfinished = path.with_name(f"{path.name}.unfinished")
    with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(path)
