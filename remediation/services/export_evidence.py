"""Evidence for somebody else: a zip with the files as they are kept, a manifest of their hashes and custody, and a
signature over the manifest that needs nothing of the portal to be checked (docs/evidence.md)."""

import hashlib
import hmac
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.serializers.json import DjangoJSONEncoder
from django.db import transaction

from accounts import keys
from accounts.models import User
from connectors.services.agents.proofs import why_not_proven
from core import blobs, clock
from core.actors import Actor
from core.downloads import zipped
from core.models import AuditSeal, Blob
from remediation import policy
from remediation.models import Custody
from remediation.services.custody import lines_of, note_opened
from remediation.services.request import clean_comment

FORMAT = "soc-evidence-export/1"
MOST_PIECES = 200
MOST_BYTES = 16 * 1024**3
_PURPOSE = b"evidence export, version 1"
VERIFY = """How to check this export (Linux, macOS; OpenSSL 3):

  openssl pkeyutl -verify -pubin -inkey public-key.pem -rawin -in manifest.json -sigfile manifest.sig
  sha256sum -c SHA256SUMS

  openssl pkey -pubin -in public-key.pem -outform DER | tail -c 32 | sha256sum

The first line says that the manifest is as it was signed, the second that the files are those of the manifest. The
third tells the fingerprint of the key: compare it with the one that the portal shows where exports are made.
"""


def export_key() -> Ed25519PrivateKey:
    """Made from the portal's first encryption key, so that it is kept and backed up with it."""
    return _keys()[0]


def _keys() -> list[Ed25519PrivateKey]:
    seeds = (hmac.digest(key.encode(), _PURPOSE, hashlib.sha256) for key in settings.ENCRYPTION_KEYS)
    return [Ed25519PrivateKey.from_private_bytes(seed) for seed in seeds]


def fingerprints() -> list[str]:
    """SHA-256 of the raw public keys that exports are or were signed with, the one in use first."""
    return [_fingerprint(key.public_key()) for key in _keys()]


def _fingerprint(key: Ed25519PublicKey) -> str:
    return hashlib.sha256(key.public_bytes(Encoding.Raw, PublicFormat.Raw)).hexdigest()


def export_evidence(pieces: Sequence[Custody], *, reason: object, actor: Actor, user: User) -> Iterator[bytes]:
    """The zip, piece by piece. Each piece of evidence is recorded as exported. Raises `ValidationError` and `Refused`,
    and `Unreadable` while it is read: of an export with a damaged file nothing is sealed."""
    said = clean_comment(reason)
    policy.check_permissions(user, (keys.REQUEST_RESPONSE,), to_do="export evidence")
    rows = list(Custody.objects.visible_to(user).select_related("blob", "run", "incident").filter(
        pk__in=[piece.pk for piece in pieces]).order_by("pk"))  # fmt: skip
    if not rows or len(rows) != len({piece.pk for piece in pieces}):
        raise ValidationError({"ids": "Choose evidence that you see."})
    if len(rows) > MOST_PIECES or sum(row.size or 0 for row in rows if row.blob_id) > MOST_BYTES:
        most = f"{MOST_PIECES} pieces and {MOST_BYTES // 2**30} GiB"
        raise ValidationError({"ids": f"At most {most} go into one export."})
    with transaction.atomic():
        for row in rows:
            note_opened(row, actor=actor, reason=said, verb="custody.exported")
    paths = {row.pk: f"files/{row.number}-{_plain(row.name)}" for row in rows if row.blob is not None}
    manifest = _manifest([_piece(row, paths.get(row.pk, "")) for row in rows], said, actor)
    return zipped(_files(rows, paths, manifest))


def _files(rows: Sequence[Custody], paths: Mapping[int, str], manifest: bytes) -> Iterator[tuple[str, Iterable[bytes]]]:
    """Hashed while they pass, so that the list of hashes is of what really went into the zip."""
    sums = {}
    for row in rows:
        if row.blob is not None:
            sums[paths[row.pk]] = digest = hashlib.sha256()
            yield paths[row.pk], _passing(row.blob, digest)
    key = export_key()
    pem = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    listed = "".join(f"{digest.hexdigest()}  {path}\n" for path, digest in sums.items())
    ending = {"manifest.json": manifest, "manifest.sig": key.sign(manifest), "public-key.pem": pem,
              "SHA256SUMS": listed.encode(), "VERIFY.txt": VERIFY.encode()}  # fmt: skip
    for name, content in ending.items():
        yield name, (content,)


def _passing(blob: Blob, digest: Any) -> Iterator[bytes]:
    for piece in blobs.pieces(blob):
        digest.update(piece)
        yield piece


def _manifest(pieces: list[dict[str, Any]], reason: str, actor: Actor) -> bytes:
    head = AuditSeal.objects.order_by("-seq").first()
    whole = {
        "format": FORMAT,
        "made": clock.now(),
        "made_by": actor.as_json(),
        "reason": reason,
        "key_fingerprint": fingerprints()[0],
        "audit_head": {"seal": head.seq, "digest": bytes(head.digest).hex()} if head else None,
        "pieces": pieces,
    }
    return json.dumps(whole, cls=DjangoJSONEncoder, indent=2, sort_keys=True).encode()


def _piece(row: Custody, path: str) -> dict[str, Any]:
    return {
        "evidence": row.number,
        "kind": row.kind,
        "name": row.name,
        "path": path,
        "sha256": row.sha256,
        "size": row.size,
        "device": row.device_name,
        "incident": row.incident.number if row.incident else None,
        "run": row.run.number if row.run else None,
        "taken": row.taken,
        "taken_by": row.taken_by,
        "device_signature": dict(row.proof) or None,
        "device_signature_holds": not why_not_proven(row.proof, row.sha256),
        "deleted": row.gone,
        "deleted_because": row.gone_why,
        "custody": [
            {"event": line.event, "at": line.at, "what": line.word, "who": line.actor, "why": line.reason,
             "data": line.data, "seal": line.seal, "seal_digest": line.digest}
            for line in lines_of(row)
        ],
    }  # fmt: skip


def _plain(name: str) -> str:
    """Nothing that leads out of the folder, whatever a device called it."""
    return re.sub(r"[^A-Za-z0-9._-]", "_", name).lstrip(".")[:120] or "file"
