"""Tokens by which machines join: single use, with an end, for one device group."""

import hashlib
import secrets
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction

from accounts.models import DeviceGroup
from connectors.models import EnrolmentToken
from connectors.signing.keys import NoKeys, root_fingerprint
from core import audit, clock
from core.actors import Actor

PREFIX = "soce_"
LONGEST = timedelta(days=30)
MAX_TAGS = 10
# Names that no resolver outside answers for.
INTERNAL = ".internal"


@dataclass(frozen=True, slots=True)
class Made:
    """A token with its text, which nobody can read again, and the command for the machine."""

    token: EnrolmentToken
    text: str

    @property
    def command(self) -> str:
        return f"soc-agent enroll --url {settings.AGENTS_URL} --token {self.text}"

    @property
    def host(self) -> str:
        """The name in the command."""
        return urlsplit(settings.AGENTS_URL).hostname or ""

    @property
    def reached(self) -> str:
        """How a machine gets there, in a sentence."""
        port = urlsplit(settings.AGENTS_URL).port or 443
        if self.host.endswith(INTERNAL):
            return (
                "only the hosts of ./soc lab on this machine know it. For other machines start the portal with --tls "
                "--host NAME, a name that they can look up, and make the token then."
            )
        return f"the machine has to look it up and be let through to port {port} there; it needs nothing else open."


def make_token(
    *, name: str, group: DeviceGroup, life: timedelta, actor: Actor, approve_at_once: bool = False,
    tags: Sequence[str] = (), exercise: str = "",
) -> Made:  # fmt: skip
    """Raises `ValidationError` for a bad name, life or tag, and when this portal has no keys for agents yet."""
    clean = name.strip()
    if not 0 < len(clean) <= 80:
        raise ValidationError({"name": "A token has a name of at most 80 characters."})
    if not timedelta(minutes=1) <= life <= LONGEST:
        raise ValidationError({"life": f"A token lasts from a minute to {LONGEST.days} days."})
    if len(tags) > MAX_TAGS or any(not 0 < len(tag) <= 80 for tag in tags):
        raise ValidationError({"tags": f"At most {MAX_TAGS} tags of at most 80 characters."})
    secret = PREFIX + secrets.token_urlsafe(32)
    text = f"{secret}.{authority_digest()}.{_root()}"
    with transaction.atomic():
        token = EnrolmentToken.objects.create(
            name=clean, secret_sha256=hashlib.sha256(secret.encode()).hexdigest(), device_group=group,
            tags=list(tags), approve_at_once=approve_at_once, expires=clock.real_now() + life,
            made_by=actor.as_json(), exercise=exercise,
        )  # fmt: skip
        audit.record(
            "enrolment_token.made", subject=f"enrolment_token:{token.pk}", actor=actor,
            data={"name": clean, "device_group": group.pk, "approve_at_once": approve_at_once,
                  "expires": token.expires.isoformat()},
        )  # fmt: skip
    return Made(token, text)


def withdraw_token(token: EnrolmentToken, *, actor: Actor) -> None:
    """Nobody can join with it any more; who has joined stays."""
    with transaction.atomic():
        if EnrolmentToken.objects.filter(pk=token.pk, withdrawn_at=None).update(withdrawn_at=clock.real_now()):
            audit.record("enrolment_token.withdrawn", subject=f"enrolment_token:{token.pk}", actor=actor)


def authority() -> str:
    """The certificate that devices pin, in PEM. Raises `ValidationError` where there is none."""
    try:
        return (Path(settings.AGENTS_DIR) / "ca.pem").read_text()
    except OSError as error:
        raise ValidationError("This portal does not listen for endpoint agents.") from error


def authority_digest() -> str:
    return hashlib.sha256(ssl.PEM_cert_to_DER_cert(authority())).hexdigest()


def _root() -> str:
    try:
        return root_fingerprint()
    except NoKeys as error:
        raise ValidationError(str(error)) from error
