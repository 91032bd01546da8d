"""A certificate authority for one portal, made once: it can vouch for the portal's own names and for nothing else."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address, ip_network
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from soc_portal.up.data_folder import write_private
from soc_portal.up.errors import UpError

ALWAYS = ("localhost", "127.0.0.1", "::1")
LIFE_OF_AUTHORITY = timedelta(days=3650)
LIFE = timedelta(days=90)
RENEWED_BEFORE = timedelta(days=30)
# Clocks of those who look may be a little behind.
_EARLIER = timedelta(minutes=10)


@dataclass(frozen=True)
class Authority:
    """`ca.pem` is for those who shall trust the portal; `ca.key` never leaves the folder."""

    folder: Path
    # Whether the names are fixed for good. Who pins this very authority, as agents do, is safe without.
    fixed: bool = True

    @property
    def file(self) -> Path:
        return self.folder / "ca.pem"

    @property
    def key_file(self) -> Path:
        return self.folder / "ca.key"

    @property
    def certificate_file(self) -> Path:
        return self.folder / "portal.pem"

    @property
    def portal_key_file(self) -> Path:
        return self.folder / "portal.key"

    def ensure(self, hosts: Sequence[str], now: datetime | None = None) -> bool:
        """Have an authority and a certificate for these names that lasts a while; True when one was made now."""
        now = now or datetime.now(UTC)
        wanted = tuple(dict.fromkeys((*hosts, *ALWAYS)))
        self.folder.mkdir(mode=0o700, exist_ok=True)
        if not (self.file.exists() and self.key_file.exists()):
            self._make_authority(wanted, now)
        authority = x509.load_pem_x509_certificate(self.file.read_bytes())
        if self.fixed:
            self._refuse_other_names(authority, wanted)
        if authority.not_valid_after_utc - now < LIFE:
            raise UpError(f"the certificate authority {self.file} ends soon: {self._how_to_begin_anew()}")
        if self._is_good(authority, wanted, now):
            return False
        self._make_certificate(authority, wanted, now)
        return True

    def fingerprint(self) -> str:
        """As browsers show it, to compare before one trusts."""
        return x509.load_pem_x509_certificate(self.file.read_bytes()).fingerprint(hashes.SHA256()).hex(":").upper()

    def _make_authority(self, hosts: Sequence[str], now: datetime) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"SOC portal authority of {hosts[0]}"[:64])])
        identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
        usage = _usage(key_cert_sign=True, crl_sign=True)
        builder = (
            _builder(name, name, key.public_key(), now, LIFE_OF_AUTHORITY)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(usage, critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
            .add_extension(identifier, critical=False)
        )
        if self.fixed:
            constraints = x509.NameConstraints([_subtree(host) for host in hosts], None)
            builder = builder.add_extension(constraints, critical=True)
        certificate = builder.sign(key, hashes.SHA256())
        write_private(self.key_file, _key_text(key))
        _write_public(self.file, certificate.public_bytes(serialization.Encoding.PEM))

    def _make_certificate(self, authority: x509.Certificate, hosts: Sequence[str], now: datetime) -> None:
        """The key first: who reads the pair in between finds one that does not fit, and keeps what it has."""
        signer = serialization.load_pem_private_key(self.key_file.read_bytes(), password=None)
        if not isinstance(signer, ec.EllipticCurvePrivateKey) or signer.public_key() != authority.public_key():
            raise UpError(f"{self.key_file} is not the key of {self.file}: {self._how_to_begin_anew()}")
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, hosts[0][:64])])
        identifier = authority.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
        certificate = (
            _builder(name, authority.subject, key.public_key(), now, LIFE)
            .add_extension(x509.SubjectAlternativeName([_name(host) for host in hosts]), critical=False)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(digital_signature=True), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier), critical=False)
            .sign(signer, hashes.SHA256())
        )
        write_private(self.portal_key_file, _key_text(key))
        _write_public(self.certificate_file, certificate.public_bytes(serialization.Encoding.PEM))

    def _is_good(self, authority: x509.Certificate, hosts: Sequence[str], now: datetime) -> bool:
        try:
            certificate = x509.load_pem_x509_certificate(self.certificate_file.read_bytes())
            key = serialization.load_pem_private_key(self.portal_key_file.read_bytes(), password=None)
            certificate.verify_directly_issued_by(authority)
        except (OSError, ValueError, TypeError, InvalidSignature):
            return False
        lasts = certificate.not_valid_before_utc <= now and certificate.not_valid_after_utc - now > RENEWED_BEFORE
        return lasts and key.public_key() == certificate.public_key() and set(names_in(certificate)) == set(hosts)

    def _refuse_other_names(self, authority: x509.Certificate, hosts: Sequence[str]) -> None:
        constraints = authority.extensions.get_extension_for_class(x509.NameConstraints).value
        allowed = set(constraints.permitted_subtrees or ())
        others = [host for host in hosts if _subtree(host) not in allowed]
        if others:
            raise UpError(
                f"the certificate authority {self.file} cannot vouch for {', '.join(others)}: "
                f"{self._how_to_begin_anew()}"
            )

    def _how_to_begin_anew(self) -> str:
        return f"move the folder {self.folder} away, start again, and let everybody trust the new one"


def names_in(certificate: x509.Certificate) -> list[str]:
    """The host names and addresses that a certificate is for."""
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return []
    return [*names.get_values_for_type(x509.DNSName), *map(str, names.get_values_for_type(x509.IPAddress))]


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, now: datetime, life: timedelta
) -> x509.CertificateBuilder:
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(key)
    builder = builder.serial_number(x509.random_serial_number())
    return builder.not_valid_before(now - _EARLIER).not_valid_after(now + life)


def _usage(*, digital_signature: bool = False, key_cert_sign: bool = False, crl_sign: bool = False) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=digital_signature, key_cert_sign=key_cert_sign, crl_sign=crl_sign, content_commitment=False,
        key_encipherment=False, data_encipherment=False, key_agreement=False, encipher_only=False, decipher_only=False,
    )  # fmt: skip


def _name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _subtree(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_network(host))
    except ValueError:
        return x509.DNSName(host)


def _key_text(key: ec.EllipticCurvePrivateKey) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


def _write_public(file: Path, content: bytes) -> None:
    unfinished = file.with_name(f"{file.name}.unfinished")
    with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644), "wb") as handle:
        handle.write(content)
        handle.flush()
        os.fsync(handle.fileno())
    unfinished.replace(file)
