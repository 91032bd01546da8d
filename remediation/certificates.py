"""Reads one certificate that somebody pasted: whose it is, who issued it, how long it holds, and its thumbprints. What
comes here may be anything, so it is bounded, nothing of it is kept, and every reason to refuse is a sentence."""

import base64
import binascii
from dataclasses import dataclass
from datetime import datetime

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from django.core.exceptions import ValidationError

from core import clock

LONGEST = 64_000
_SHOWN = 300
_BEGIN, _END = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"


@dataclass(frozen=True, slots=True)
class ReadCertificate:
    """`further` counts the other certificates of the same text; the first one is read."""

    name: str
    subject: str
    issuer: str
    serial: str
    since: datetime
    until: datetime
    sha1: str
    sha256: str
    self_issued: bool
    further: int = 0

    @property
    def is_over(self) -> bool:
        return self.until <= clock.now()

    @property
    def begins_later(self) -> bool:
        return self.since > clock.now()

    @property
    def in_words(self) -> str:
        """What an indicator on it says about it."""
        days = f"{self.since:%Y-%m-%d} to {self.until:%Y-%m-%d}"
        return f"Subject: {self.subject}\nIssuer: {self.issuer}\nSerial number: {self.serial}\nValid: {days}"


def read_certificate(text: str) -> ReadCertificate:
    """The first certificate in PEM, or the base64 of one in DER; raises `ValidationError`."""
    if "PRIVATE KEY" in text:
        raise ValidationError("This holds a private key. It was not kept; treat the key as known to others.")
    parts = _between(text)
    if not parts and "-----" in text:
        raise ValidationError("This is PEM, but no certificate.")
    try:
        der = base64.b64decode("".join((parts or [text])[0].split()), validate=True)
    except (binascii.Error, ValueError):
        raise _unreadable() from None
    if not der or len(der) > LONGEST:
        raise _unreadable()
    found = _load(der)
    if _is_authority(found):
        raise ValidationError(
            "This is the certificate of an authority: an indicator on it would reach everything that it ever signed. "
            "Take the certificate of the one who signed the file."
        )
    return _told(found, further=max(0, len(parts) - 1))


def _load(der: bytes) -> x509.Certificate:
    try:
        return x509.load_der_x509_certificate(der)
    except Exception:  # noqa: BLE001 - the parser has many words for what is no certificate
        raise _unreadable() from None


def _is_authority(certificate: x509.Certificate) -> bool:
    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except x509.ExtensionNotFound:
        return False
    except Exception:  # noqa: BLE001 - extensions are read late, and may be anything
        raise _unreadable() from None


def _told(certificate: x509.Certificate, *, further: int) -> ReadCertificate:
    try:
        subject, issuer = certificate.subject, certificate.issuer
        common = subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
        whole = _plain(subject.rfc4514_string())
        return ReadCertificate(
            name=_plain(str(common[0].value))[:150] if common else whole[:150],
            subject=whole or "(empty)",
            issuer=_plain(issuer.rfc4514_string()) or "(empty)",
            serial=f"{certificate.serial_number:x}"[:80],
            since=certificate.not_valid_before_utc,
            until=certificate.not_valid_after_utc,
            sha1=certificate.fingerprint(hashes.SHA1()).hex(),  # noqa: S303 - a name that Windows gives, not a proof
            sha256=certificate.fingerprint(hashes.SHA256()).hex(),
            self_issued=subject == issuer,
            further=further,
        )
    except Exception:  # noqa: BLE001 - names and times are read late, and may be anything
        raise _unreadable() from None


def _plain(text: str) -> str:
    """No sign that would change what is read around it."""
    return "".join(sign if sign.isprintable() else "\N{REPLACEMENT CHARACTER}" for sign in text)[:_SHOWN]


def _unreadable() -> ValidationError:
    return ValidationError("This is no certificate that can be read. PEM or DER (.pem, .cer, .crt) is needed.")


def _between(text: str) -> list[str]:
    """What stands between the marks; each part of the text is read once, however many marks have no partner."""
    parts, at = [], 0
    while (begin := text.find(_BEGIN, at)) >= 0 and (end := text.find(_END, begin)) >= 0:
        parts.append(text[begin + len(_BEGIN) : end])
        at = end + len(_END)
    return parts
