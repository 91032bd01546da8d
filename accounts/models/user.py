import uuid
from collections.abc import Mapping
from functools import cached_property

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager
from django.contrib.postgres.functions import RandomUUID
from django.db import models
from django.db.models.functions import Lower

from accounts.enums import Density, ScopeKind, Theme, UserKind
from accounts.scope import Scope
from core import clock
from core.actors import Actor, ActorKind
from core.personal import Name


class UserManager(BaseUserManager["User"]):
    def get_by_natural_key(self, username: str | None) -> "User":
        return self.get(username__iexact=username)


class User(AbstractBaseUser):
    """A person or a service account. Rights come from roles, reach from the device groups."""

    username = models.CharField(max_length=80, unique=True)
    display_name = models.CharField(max_length=120)
    email = models.EmailField(blank=True)
    kind = models.CharField(max_length=10, choices=UserKind.choices, default=UserKind.PERSON)
    is_active = models.BooleanField(default=True)
    must_change_password = models.BooleanField(default=False)
    password_changed = models.DateTimeField(null=True, blank=True)
    second_factor_due = models.DateTimeField(
        null=True, blank=True, help_text="When the days to set up a second factor end."
    )
    roles = models.ManyToManyField("accounts.Role", related_name="users")
    scope_kind = models.CharField(max_length=10, choices=ScopeKind.choices, default=ScopeKind.SELECTED)
    device_groups = models.ManyToManyField("accounts.DeviceGroup", related_name="users", blank=True)
    time_zone = models.CharField(max_length=60, blank=True, help_text="Empty: as the browser says.")
    theme = models.CharField(max_length=10, choices=Theme.choices, default=Theme.SYSTEM)
    density = models.CharField(max_length=12, choices=Density.choices, default=Density.COMFORTABLE)
    single_key_shortcuts = models.BooleanField(default=True)
    tables = models.JSONField(default=dict, blank=True, help_text="Columns shown, in order, by the table's name.")
    created = models.DateTimeField(default=clock.now)
    exercise = models.CharField(max_length=40, blank=True, db_index=True)
    name_key = models.UUIDField(
        null=True, db_default=RandomUUID(), default=uuid.uuid4, editable=False,
        help_text="Under which the history keeps the name; none when the person was erased.",
    )  # fmt: skip

    objects = UserManager()
    USERNAME_FIELD = "username"
    EMAIL_FIELD = "email"
    is_staff = False
    is_superuser = False

    class Meta:
        ordering = ["display_name", "id"]
        constraints = [models.UniqueConstraint(Lower("username"), name="one_user_name_whatever_case")]

    def __str__(self) -> str:
        return self.display_name or self.username

    @property
    def name_and_state(self) -> str:
        return str(self) if self.is_active else f"{self} (switched off)"

    def get_full_name(self) -> str:
        return self.display_name

    def get_short_name(self) -> str:
        return self.display_name.split(" ")[0]

    @cached_property
    def permission_keys(self) -> frozenset[str]:
        """All keys of all roles; empty for an inactive user."""
        if not self.is_active:
            return frozenset()
        return frozenset(key for role in self.roles.all() for key in role.permissions)

    @cached_property
    def scope(self) -> Scope:
        if self.scope_kind == ScopeKind.ALL:
            return Scope(True)
        return Scope(False, frozenset(self.device_groups.values_list("pk", flat=True)))

    def grant(self, keys: frozenset[str]) -> None:
        """Tell the keys of all roles, read beside the row."""
        self.__dict__["permission_keys"] = keys if self.is_active else frozenset()

    def narrow(self, keys: frozenset[str]) -> None:
        """Give up every right outside `keys` while this instance lives: a token grants no more than it says."""
        self.__dict__["permission_keys"] = self.permission_keys & keys

    def holds(self, key: str) -> bool:
        """Whether one of the roles holds the permission key."""
        return key in self.permission_keys

    @cached_property
    def role_names(self) -> str:
        return ", ".join(role.name for role in self.roles.all())

    @property
    def reach_in_words(self) -> str:
        """`All device groups`, or their names."""
        if self.scope_kind == ScopeKind.ALL:
            return ScopeKind.ALL.label
        return ", ".join(group.name for group in self.device_groups.all()) or "No device group"

    @property
    def actor(self) -> Actor:
        """The actor for what this person does in the browser."""
        return Actor(ActorKind.PERSON, str(self.pk), str(self), self.pk, self.name_key)

    @property
    def named(self) -> Name:
        """The name for the history, as a value of a change."""
        return self.in_history(str(self))

    def in_history(self, text: str) -> Name:
        """Any words that tell who this is: a user name, an address."""
        return Name("user", self.pk, text, self.name_key)


def name_keys(asked: int) -> Mapping[int, uuid.UUID | None]:
    """Of everybody: there are few people, and a page of the history names many."""
    return dict(User.objects.values_list("pk", "name_key"))
