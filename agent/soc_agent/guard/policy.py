"""What the guard is to do, as the helper wrote it down, and what it decides by it."""

import base64
import hashlib
import json
import os
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from soc_agent.folders import Folders
from soc_agent.precedence import FILES, Rule, rank
from soc_agent.trusted import md5_of, path_digest

SIGNATURE_NAME, SIGNATURE_ATTRIBUTE = ".sig", "user.soc.signature"
# Kinds of digests in the order of `FILES`, and how each is made.
MAKERS = {"file_sha256": hashlib.sha256, "file_sha1": hashlib.sha1, "file_md5": hashlib.md5}


@dataclass(frozen=True, slots=True)
class Places:
    """The files between helper and guard, in a folder that only root may enter."""

    folder: Path

    @classmethod
    def of(cls, folders: Folders) -> "Places":
        return cls(folders.state / "guard")

    @property
    def policy(self) -> Path:
        return self.folder / "policy.json"

    @property
    def trusted(self) -> Path:
        return self.folder / "trusted.txt"

    @property
    def status(self) -> Path:
        return self.folder / "status.json"

    @property
    def events(self) -> Path:
        return self.folder / "events.jsonl"

    @property
    def lock(self) -> Path:
        return self.folder / "lock"


@dataclass(slots=True)
class Policy:
    """`files` by kind and digest; `mode` is off, audit or enforce; `spared` is the helper, by process id and start,
    `packages` where the package manager keeps its lists, and when the trusted set was made of them."""

    digest: str = ""
    files: Mapping[str, Mapping[str, Rule]] = field(default_factory=dict)
    mode: str = "off"
    until: float = 0.0
    folders: tuple[str, ...] = ()
    signers: Sequence[Ed25519PublicKey] = ()
    trusted: frozenset[str] = frozenset()
    spared: tuple[int, str] = (0, "")
    packages: tuple[str, float] = ("", 0.0)

    @property
    def kinds(self) -> tuple[str, ...]:
        """SHA-256 is always made: findings are named by it."""
        return tuple(kind for kind in FILES if kind == "file_sha256" or self.files.get(kind))

    @property
    def empty(self) -> bool:
        return not self.files and self.mode == "off"

    def restricts(self) -> bool:
        return self.mode in ("audit", "enforce") and time.time() < self.until

    def rule_for(self, digests: Mapping[str, str]) -> Rule | None:
        """The one that wins among those that name the file and are not over."""
        now = time.time()
        found = [rule for kind, value in digests.items() if (rule := self.files.get(kind, {}).get(value)) is not None]
        return min((one for one in found if one.until is None or one.until > now), key=rank, default=None)

    def knows(self, sha256: str, path: str) -> bool:
        """Whether it may run without a look at its signature."""
        return sha256 in self.trusted or path.startswith(self.folders)

    def signed(self, handle: int, path: str, sha256: str) -> bool:
        """Whether the admin's key vouches for it: a file beside it, or an attribute of it."""
        return bool(self.signers) and any(is_signed(sha256, one, self.signers) for one in _signatures(handle, path))

    def installed_since(self, handle: int, path: str) -> bool:
        """Whether a package that came after the trusted set was made brought it, unchanged."""
        info, since = self.packages
        return bool(info) and path_digest(Path(info), path, since) == md5_of(handle)

    def is_spared(self, pid: int) -> bool:
        return pid > 0 and pid == self.spared[0] and started(pid) == self.spared[1]


def read_policy(places: Places) -> Policy:
    """Raises `OSError` or `ValueError`, and then the one before goes on."""
    content = places.policy.read_bytes()
    value = json.loads(content)
    execution = value.get("execution", {})
    trusted: frozenset[str] = frozenset()
    if execution.get("mode", "off") != "off":
        trusted = frozenset(places.trusted.read_text().split()) | frozenset(execution.get("programs", []))
    files = {
        kind: {digest: Rule(rule[1], kind, digest, rule[0], frozenset(), rule[2], rule[3])
               for digest, rule in rules.items()}
        for kind, rules in value.get("files", {}).items() if kind in FILES
    }  # fmt: skip
    spared = value.get("spared", [0, ""])
    return Policy(
        hashlib.sha256(content).hexdigest(), files, execution.get("mode", "off"), float(execution.get("until", 0)),
        tuple(f"{one.rstrip('/')}/" for one in execution.get("folders", [])),
        [read_signer(one) for one in execution.get("signers", [])], trusted, (int(spared[0]), str(spared[1])),
        (str(execution.get("packages", "")), float(execution.get("since", 0))),
    )  # fmt: skip


def read_signer(text: str) -> Ed25519PublicKey:
    """Raises `ValueError`."""
    key = load_pem_public_key(text.encode())
    if not isinstance(key, Ed25519PublicKey):
        raise ValueError("A signer is an Ed25519 key.")  # noqa: TRY004 - the text is wrong, not its type
    return key


def signed_text(sha256: str) -> bytes:
    """What the admin's key signs of a file."""
    return f"sha256:{sha256}\n".encode()


def is_signed(sha256: str, signature: bytes, signers: Sequence[Ed25519PublicKey]) -> bool:
    for key in signers:
        try:
            key.verify(signature, signed_text(sha256))
        except InvalidSignature:
            continue
        return True
    return False


def warm_up() -> None:
    """Load everything that a signature takes before the kernel begins to ask."""
    key = Ed25519PrivateKey.generate()
    is_signed("0", key.sign(signed_text("0")), [key.public_key()])


def _signatures(handle: int, path: str) -> list[bytes]:
    found = []
    with suppress(OSError):
        found.append(os.getxattr(handle, SIGNATURE_ATTRIBUTE))
    try:
        beside = os.open(f"{path}{SIGNATURE_NAME}", os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return [_raw(one) for one in found]
    with suppress(OSError):
        found.append(os.read(beside, 4096))
    os.close(beside)
    return [_raw(one) for one in found]


def _raw(content: bytes) -> bytes:
    """As 64 bytes, or in Base64."""
    if len(content) == 64:
        return content
    try:
        return base64.b64decode(content.strip(), validate=True)
    except ValueError:
        return b""


def started(pid: int) -> str:
    """When the kernel started the process, so that a number that is used again is not taken for it."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return ""
