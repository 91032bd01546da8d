from datetime import timedelta

from django.contrib.postgres.fields import ArrayField
from django.db import models

from accounts import keys
from core import clock
from core.actors import Actor, ActorKind
from core.due import SKEW

LONGEST_ELEVATION = timedelta(hours=1)


class ApiToken(models.Model):
    """A bearer token. Only its SHA-256 is stored; the secret is shown once.

    The token acts for `user`. `permissions` narrows what the user's roles grant (empty: all of it), never widens it.
    """

    name = models.CharField(max_length=80)
    user = models.ForeignKey("accounts.User", models.CASCADE, related_name="tokens")
    prefix = models.CharField(max_length=12)
    digest = models.CharField(max_length=64, unique=True)
    permissions = ArrayField(models.CharField(max_length=80), default=list, blank=True)
    may_decide = models.BooleanField(default=False)
    issued_by = models.BigIntegerField(null=True, help_text="The person who made it; none for the command line.")
    created = models.DateTimeField(default=clock.now)
    expires_at = models.DateTimeField()
    last_used_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)
    elevated_until = models.DateTimeField(null=True, help_text="Until then it may do dangerous acts.")
    replaces = models.ForeignKey("self", models.SET_NULL, null=True, related_name="replaced_by")
    warned_at = models.DateTimeField(null=True, help_text="When its person was told that it ends soon.")

    class Meta:
        ordering = ["-created"]

    def __str__(self) -> str:
        return self.name

    def keys_within(self, held: frozenset[str]) -> frozenset[str]:
        """What the token may of what its user holds. Deciding needs a word of its own: a script that is led astray
        must not approve what it asked for through somebody else."""
        allowed = held & frozenset(self.permissions) if self.permissions else held
        return allowed if self.may_decide else allowed - keys.DECIDING

    @property
    def is_usable(self) -> bool:
        return self.revoked_at is None and self.expires_at > clock.real_now()

    @property
    def is_elevated(self) -> bool:
        """Whether somebody confirmed, a short while ago, that it may do dangerous acts. An end further ahead than any
        was written by a clock that was wrong."""
        now = clock.real_now()
        return self.elevated_until is not None and now < self.elevated_until <= now + LONGEST_ELEVATION + SKEW

    @property
    def actor(self) -> Actor:
        name = f"{self.user} (token {self.name})"
        return Actor(ActorKind.TOKEN, str(self.pk), name, self.user_id, self.user.name_key)
