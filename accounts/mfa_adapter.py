"""What the library of second factors asks of us: secrets are encrypted at rest, names are ours."""

from urllib.parse import urlsplit

from allauth.mfa.adapter import DefaultMFAAdapter
from django.conf import settings

from core.encryption import decrypt, encrypt

ISSUER, FACTOR = "SOC portal", "second factor"


class PortalMFAAdapter(DefaultMFAAdapter):  # type: ignore[misc]  # allauth has no types
    """Seeds and secrets lie in the database as ciphertext; the keys rotate with all others."""

    def encrypt(self, text: str) -> str:
        return encrypt(text.encode(), FACTOR).decode()

    def decrypt(self, encrypted_text: str) -> str:
        return decrypt(encrypted_text.encode(), FACTOR).decode()

    def get_totp_issuer(self) -> str:
        """Two portals in one app are told apart by their host."""
        return f"{ISSUER} {urlsplit(settings.PUBLIC_URL).hostname or ''}".strip()

    def _get_user_identifier(self, user: object) -> str:
        return str(getattr(user, "username", user))
