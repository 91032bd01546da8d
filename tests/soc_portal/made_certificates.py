"""Certificates as somebody else would give them: good ones, and each kind of bad one."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

Key = ec.EllipticCurvePrivateKey
YEAR = timedelta(days=365)


def named(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


class Issuer:
    """A root of another organisation."""

    def __init__(self, name: str = "Some root") -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = named(name)
        builder = self._builder(self.name, self.key, begins=datetime.now(UTC) - YEAR, ends=datetime.now(UTC) + YEAR)
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        builder = builder.add_extension(
            x509.SubjectKeyIdentifier.from_public_key(self.key.public_key()), critical=False
        )
        usage = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
        self.certificate = builder.add_extension(usage, critical=True).sign(self.key, hashes.SHA256())

    def issue(
        self, folder: Path, *hosts: str, begins: timedelta = -YEAR / 2, ends: timedelta = YEAR / 2
    ) -> tuple[Path, Path]:
        """The chain and its key, as files."""
        key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
        builder = self._builder(named("portal"), key, begins=now + begins, ends=now + ends)
        if hosts:
            names = x509.SubjectAlternativeName([x509.DNSName(host) for host in hosts])
            builder = builder.add_extension(names, critical=False)
        identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key())
        leaf = builder.add_extension(identifier, critical=False).sign(self.key, hashes.SHA256())
        return write_pair(folder, [leaf, self.certificate], key)

    def _builder(self, name: x509.Name, key: Key, *, begins: datetime, ends: datetime) -> x509.CertificateBuilder:
        builder = x509.CertificateBuilder().subject_name(name).issuer_name(self.name).public_key(key.public_key())
        return builder.serial_number(x509.random_serial_number()).not_valid_before(begins).not_valid_after(ends)


def write_pair(folder: Path, chain: list[x509.Certificate], key: Key, pass_phrase: bytes = b"") -> tuple[Path, Path]:
    """Each file whole, as whoever renews certificates puts them."""
    locked = serialization.BestAvailableEncryption(pass_phrase) if pass_phrase else serialization.NoEncryption()
    pem = serialization.Encoding.PEM
    contents = {
        "given.key": key.private_bytes(pem, serialization.PrivateFormat.PKCS8, locked),
        "given.pem": b"".join(one.public_bytes(pem) for one in chain),
    }
    for name, content in contents.items():
        unfinished = folder / f"{name}.new"
        unfinished.write_bytes(content)
        unfinished.chmod(0o600)
        unfinished.replace(folder / name)
    return folder / "given.pem", folder / "given.key"
