from django.contrib.postgres.fields import ArrayField
from django.db import models

from core import clock
from core.encryption import decrypt, encrypt

PURPOSE = "secret of a sign-in provider"


class SignInProvider(models.Model):
    """An OpenID Connect provider that may vouch for people. Its client secret lies here as ciphertext."""

    key = models.SlugField(max_length=40, unique=True)
    name = models.CharField(max_length=60)
    enabled = models.BooleanField(default=True)
    issuer = models.URLField(max_length=300)
    client_id = models.CharField(max_length=200)
    secret = models.TextField(blank=True)
    scopes = models.CharField(max_length=200, default="openid profile email")
    username_claim = models.CharField(max_length=60, default="preferred_username")
    name_claim = models.CharField(max_length=60, default="name")
    email_claim = models.CharField(max_length=60, default="email")
    groups_claim = models.CharField(max_length=60, default="groups")
    group_roles = models.JSONField(default=dict, blank=True, help_text="Role keys by the provider's group.")
    allowed_domains = ArrayField(models.CharField(max_length=120), default=list, blank=True)
    creates_people = models.BooleanField(default=False)
    new_people_see_all = models.BooleanField(default=False)
    links_by_email = models.BooleanField(default=False)
    factor_values = ArrayField(models.CharField(max_length=120), default=list, blank=True)
    created = models.DateTimeField(default=clock.now)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    @property
    def client_secret(self) -> str:
        return decrypt(self.secret.encode(), PURPOSE).decode() if self.secret else ""

    @client_secret.setter
    def client_secret(self, plain: str) -> None:
        self.secret = encrypt(plain.encode(), PURPOSE).decode() if plain else ""


class LinkedIdentity(models.Model):
    """One person as a provider knows them: its `sub`, which never changes hands as an address does."""

    provider = models.ForeignKey(SignInProvider, models.CASCADE, related_name="identities")
    subject = models.CharField(max_length=255)
    user = models.ForeignKey("accounts.User", models.CASCADE, related_name="identities")
    created = models.DateTimeField(default=clock.now)
    last_used = models.DateTimeField(null=True)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["provider", "subject"], name="one_person_per_subject"),
            models.UniqueConstraint(fields=["provider", "user"], name="one_subject_per_person"),
        ]

    def __str__(self) -> str:
        return f"{self.user} at {self.provider}"
