"""A mail server on a real port: what it takes, it keeps."""

import datetime
import ipaddress
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

USER, PASSWORD = "portal", "CANARY-smtp-password"


@dataclass
class Postbox:
    """The handler of the server; `answer` is what it says after the words of a letter."""

    answer: str = "250 taken as 4711"
    letters: list[EmailMessage] = field(default_factory=list)
    raw: list[bytes] = field(default_factory=list)
    recipients: list[str] = field(default_factory=list)

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802 - of the library
        if self.answer.startswith("2"):
            self.raw.append(envelope.content)
            letter = message_from_bytes(envelope.content, policy=policy.default)
            assert isinstance(letter, EmailMessage)
            self.letters.append(letter)
            self.recipients += envelope.rcpt_tos
        return self.answer


def part_of(letter: EmailMessage, kind: str) -> str:
    """The text of `plain` or `html`."""
    part = letter.get_body((kind,))
    assert isinstance(part, EmailMessage)
    return str(part.get_content())


def certificate(folder: Path) -> Path:
    """A key and a certificate of its own for 127.0.0.1, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "mail of the tests")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(1).not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    file = folder / "mail.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    file.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    return file


def _check(server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
    good = (data.login, data.password) == (USER.encode(), PASSWORD.encode())
    return AuthResult(success=good, handled=False)


@contextmanager
def mail_server(settings: Any, *, encrypted: Path | None = None) -> Iterator[Postbox]:
    """Run it and point the settings there; with `encrypted` (a folder for its certificate) by STARTTLS and sign-in."""
    box, options = Postbox(), {}
    if encrypted is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        pem = certificate(encrypted)
        context.load_cert_chain(pem)
        options = {"tls_context": context, "require_starttls": True, "auth_required": True, "authenticator": _check}
        settings.CA_FILE, settings.SMTP_USER, settings.SMTP_PASSWORD = str(pem), USER, PASSWORD
    with socket.socket() as free:  # the library asks for a number
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = Controller(box, hostname="127.0.0.1", port=port, **options)  # type: ignore[arg-type]
    server.start()
    settings.SMTP_HOST, settings.MAIL_FROM = "127.0.0.1", "SOC portal <soc@example.org>"
    settings.SMTP_PORT = port
    settings.SMTP_SECURITY = "none" if encrypted is None else "starttls"
    try:
        yield box
    finally:
        server.stop()
