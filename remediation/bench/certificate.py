"""A certificate of its own for the line of a measurement."""

from datetime import timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from core import clock


def write_certificate(folder: Path) -> None:
    """`pair.pem` and `pair.key`, for an hour and for 127.0.0.1."""
    key, now = ec.generate_private_key(ec.SECP256R1()), clock.real_now()
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "measurement")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    (folder / "pair.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (folder / "pair.key").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )  # fmt: skip
