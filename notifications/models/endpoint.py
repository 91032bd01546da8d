from django.db import models

from core import clock
from core.encryption import decrypt, encrypt
from notifications.enums import EndpointKind

URL, SECRET = "address of an endpoint", "secret of an endpoint"


class Endpoint(models.Model):
    """An address of another system that is told things by HTTP. The address of a chat is itself a secret, so the whole
    of it is encrypted and pages show its host. `secret` signs what a webhook is sent; it is shown once."""

    name = models.CharField(max_length=80, unique=True)
    kind = models.CharField(max_length=12, choices=EndpointKind.choices, default=EndpointKind.WEBHOOK)
    host = models.CharField(max_length=255)
    sealed_url = models.BinaryField()
    sealed_secret = models.BinaryField(null=True)
    sealed_former = models.BinaryField(null=True, help_text="The secret before, which signs as well for a while.")
    former_until = models.DateTimeField(null=True)
    enabled = models.BooleanField(default=True)
    failures = models.PositiveIntegerField(default=0, help_text="In a row.")
    paused_at = models.DateTimeField(null=True, help_text="After too many failures in a row.")
    last_code = models.PositiveIntegerField(null=True)
    last_said = models.CharField(max_length=300, blank=True)
    last_tried = models.DateTimeField(null=True)
    created = models.DateTimeField(default=clock.real_now)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    @property
    def is_signed(self) -> bool:
        return self.kind == EndpointKind.WEBHOOK

    @property
    def takes(self) -> bool:
        """Whether anything is sent to it now."""
        return self.enabled and self.paused_at is None

    @property
    def url(self) -> str:
        return decrypt(bytes(self.sealed_url), URL).decode()

    @property
    def secrets(self) -> list[str]:
        """What signs now: the secret, and for a while after a change the one before it."""
        sealed = [self.sealed_secret]
        if self.former_until is not None and self.former_until > clock.real_now():
            sealed.append(self.sealed_former)
        return [decrypt(bytes(one), SECRET).decode() for one in sealed if one]

    def seal_url(self, url: str) -> None:
        self.sealed_url = encrypt(url.encode(), URL)

    def seal_secret(self, secret: str) -> None:
        self.sealed_secret = encrypt(secret.encode(), SECRET)
