"""Sending one letter through the mail server of the settings.

The library of letters refuses line ends in headers; addresses are checked before a word goes out. What is raised says
what the server answered and never a password.
"""

import smtplib
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from email.errors import HeaderParseError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, parseaddr
from urllib.parse import urlsplit

from django.conf import settings

from core import clock
from core.http import trust

TIME_OUT_S = 15.0
LONGEST_SUBJECT = 200


class MailRefused(Exception):
    """The letter was not taken. `code` is the server's, None when there was no answer; `for_good` when trying again
    gains nothing."""

    def __init__(self, said: str, *, code: int | None = None, for_good: bool = False) -> None:
        super().__init__(said)
        self.said, self.code, self.for_good = said, code, for_good


@dataclass(frozen=True, slots=True)
class MailServer:
    """How mail leaves. `security` is `starttls`, `tls` or `none`."""

    host: str
    port: int
    security: str
    user: str
    password: str
    sender: str

    def __repr__(self) -> str:
        return f"MailServer({self.host}:{self.port}, {self.security})"

    @property
    def is_set(self) -> bool:
        return bool(self.host and self.sender)

    @property
    def mistakes(self) -> list[str]:
        """What is wrong with the settings, for the administrator's page."""
        found = []
        if not self.host:
            found.append("SOC_SMTP_HOST names no mail server.")
        if not _plain_address(parseaddr(self.sender)[1]):
            found.append("SOC_MAIL_FROM names no sender.")
        if self.security not in {"starttls", "tls", "none"}:
            found.append("SOC_SMTP_SECURITY is starttls, tls or none.")
        if self.user and self.security == "none":
            found.append("A password is never sent without encryption: SOC_SMTP_USER needs starttls or tls.")
        return found


@dataclass(frozen=True, slots=True)
class Letter:
    """`key` makes the Message-ID, the same at every try, so that a letter sent twice is known as one. `reply_to` is the
    person who is to be answered, where that is not the sender."""

    to: str
    subject: str
    text: str
    html: str
    key: str
    reply_to: str = ""


def mail_server() -> MailServer:
    return MailServer(
        host=settings.SMTP_HOST,
        port=settings.SMTP_PORT,
        security=settings.SMTP_SECURITY.lower(),
        user=settings.SMTP_USER,
        password=settings.SMTP_PASSWORD,
        sender=settings.MAIL_FROM,
    )


def send_letter(letter: Letter, *, server: MailServer) -> str:
    """Hand the letter over; answers what the server said. Raises `MailRefused`."""
    if server.mistakes:
        raise MailRefused(server.mistakes[0])
    if not _plain_address(letter.to):
        raise MailRefused("This is not an address for mail.", for_good=True)
    content = compose(letter, server=server).as_bytes()
    try:
        with _connection(server) as talk:
            return _hand_over(talk, server, letter.to, content)
    except smtplib.SMTPAuthenticationError as error:
        raise MailRefused(f"The server refuses the sign-in: {_words(error.smtp_error)}", code=error.smtp_code) from None
    except smtplib.SMTPResponseException as error:
        raise MailRefused(_words(error.smtp_error), code=error.smtp_code) from None
    except smtplib.SMTPNotSupportedError as error:
        raise MailRefused(str(error)) from None
    except ssl.SSLError:
        raise MailRefused("The certificate of the mail server is not trusted.") from None
    except TimeoutError:
        raise MailRefused("The mail server did not answer in time.") from None
    except (OSError, smtplib.SMTPException):
        raise MailRefused("No connection to the mail server.") from None


def compose(letter: Letter, *, server: MailServer) -> EmailMessage:
    """Text and HTML in one letter that automatic answers leave alone."""
    name, address = parseaddr(server.sender)
    message = EmailMessage(policy=SMTP)
    message["Subject"] = " ".join(letter.subject.split())[:LONGEST_SUBJECT] or "News"
    message["From"] = Address(display_name=name, addr_spec=address)
    message["To"] = Address(addr_spec=letter.to)
    if _plain_address(letter.reply_to):
        message["Reply-To"] = Address(addr_spec=letter.reply_to)
    message["Date"] = format_datetime(clock.real_now())
    message["Message-ID"] = f"<{letter.key}@{urlsplit(settings.PUBLIC_URL).hostname or 'portal'}>"
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(letter.text)
    message.add_alternative(letter.html, subtype="html")
    return message


def _plain_address(text: str) -> bool:
    """One address in ASCII; what servers without SMTPUTF8 take."""
    if not text.isascii() or not text.isprintable() or "@" not in text:
        return False
    try:
        return bool(Address(addr_spec=text).domain)
    except (HeaderParseError, ValueError, IndexError):
        return False


def _connection(server: MailServer) -> smtplib.SMTP:
    if server.security == "tls":
        talk: smtplib.SMTP = smtplib.SMTP_SSL(server.host, server.port, timeout=TIME_OUT_S, context=trust())
    else:
        talk = smtplib.SMTP(server.host, server.port, timeout=TIME_OUT_S)
    try:
        if server.security == "starttls":
            talk.starttls(context=trust())
        if server.user:
            talk.login(server.user, server.password)
    except BaseException:
        talk.close()
        raise
    return talk


def _hand_over(talk: smtplib.SMTP, server: MailServer, to: str, content: bytes) -> str:
    talk.ehlo_or_helo_if_needed()
    steps: list[Callable[[], tuple[int, bytes]]] = [
        lambda: talk.mail(parseaddr(server.sender)[1]),
        lambda: talk.rcpt(to),
        lambda: talk.data(content),
    ]
    code, said = 0, b""
    for step in steps:
        code, said = step()
        if code >= 400:
            raise MailRefused(_words(said), code=code, for_good=code >= 500)
    return f"{code} {_words(said)}"[:300]


def _words(said: bytes | str) -> str:
    text = said.decode("utf-8", "replace") if isinstance(said, bytes) else said
    return " ".join(text.split())[:280]
