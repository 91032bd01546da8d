"""Looks at a certificate and key that somebody gives, before a browser does: every reason to refuse is a clear line."""

import itertools
import stat
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization

from soc_portal.up.authority import names_in
from soc_portal.up.errors import UpError


def check_pair(certificate: Path, key: Path, *, hosts: tuple[str, ...] = (), now: datetime | None = None) -> list[str]:
    """The names the certificate is for; raises `UpError` with what is wrong and what mends it."""
    chain = read_chain(certificate)
    _refuse_open_key(key)
    leaf, names = chain[0], names_in(chain[0])
    if _read_key(key) != _public(leaf):
        raise UpError(f"{key} is not the key of {certificate}: both must come from the same request")
    _refuse_time(certificate, leaf, now or datetime.now(UTC))
    _refuse_broken_chain(certificate, chain)
    if not names:
        raise UpError(f"{certificate} names no host (subjectAltName), so no browser believes it: ask for another")
    missing = [host for host in hosts if not any(covers(name, host) for name in names)]
    if missing:
        raise UpError(f"{certificate} is for {', '.join(names)} and not for {', '.join(missing)}")
    return names


def read_chain(file: Path) -> list[x509.Certificate]:
    """The portal's own certificate first, then whoever issued it."""
    try:
        return x509.load_pem_x509_certificates(file.read_bytes())
    except OSError as error:
        raise UpError(f"cannot read the certificate {file}: {error.strerror}") from error
    except ValueError as error:
        raise UpError(f"{file} holds no certificate in PEM form (-----BEGIN CERTIFICATE-----)") from error


def covers(name: str, host: str) -> bool:
    """A name of a certificate and a host; `*.` stands for one label."""
    name, host = name.lower(), host.lower()
    return name == host or (name.startswith("*.") and host.partition(".")[2] == name[2:])


def is_open_to_others(file: Path) -> bool:
    """Whether somebody else on this machine may read or change a secret file. A group may read it, as proxies need."""
    return bool(file.stat().st_mode & (stat.S_IROTH | stat.S_IWOTH | stat.S_IWGRP))


def _refuse_open_key(key: Path) -> None:
    try:
        if is_open_to_others(key):
            raise UpError(f"others on this machine can read or change the key {key}: chmod 600 {key}")
    except OSError as error:
        raise UpError(f"cannot read the key {key}: {error.strerror}") from error


def _read_key(file: Path) -> bytes:
    try:
        key = serialization.load_pem_private_key(file.read_bytes(), password=None)
    except OSError as error:
        raise UpError(f"cannot read the key {file}: {error.strerror}") from error
    except TypeError as error:
        raise UpError(
            f"the key {file} is locked with a pass phrase, which nobody could type at a start: "
            f"openssl pkey -in {file} -out open.key"
        ) from error
    except ValueError as error:
        raise UpError(f"{file} holds no private key in PEM form") from error
    return key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


def _public(certificate: x509.Certificate) -> bytes:
    return certificate.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def _refuse_time(file: Path, leaf: x509.Certificate, now: datetime) -> None:
    if leaf.not_valid_after_utc <= now:
        raise UpError(f"{file} ended on {leaf.not_valid_after_utc:%Y-%m-%d %H:%M} UTC: renew it where it was issued")
    if leaf.not_valid_before_utc > now:
        raise UpError(
            f"{file} begins only on {leaf.not_valid_before_utc:%Y-%m-%d %H:%M} UTC: is this machine's clock right?"
        )


def _refuse_broken_chain(file: Path, chain: list[x509.Certificate]) -> None:
    """Each certificate is followed by the one that issued it; the root itself may be left out."""
    for number, (issued, issuer) in enumerate(itertools.pairwise(chain), start=1):
        try:
            issued.verify_directly_issued_by(issuer)
        except (ValueError, TypeError, InvalidSignature) as error:
            raise UpError(
                f"certificate {number + 1} in {file} did not issue certificate {number}: put the portal's own first, "
                "then each issuer in turn"
            ) from error
