"""A service account and its token; the secret alone goes to standard output, so that a script can keep it."""

import re
from datetime import timedelta
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction

from accounts.enums import BuiltInRole, ScopeKind, UserKind
from accounts.models import DeviceGroup, Role, User
from accounts.services.people import create_user
from accounts.services.tokens import issue_token
from core import clock
from core.actors import Actor

ACTOR = Actor.system("command line")
ROLES = [
    BuiltInRole.INGEST, BuiltInRole.ANALYSIS_HOST, BuiltInRole.READER, BuiltInRole.ANALYST, BuiltInRole.RESPONDER,
    BuiltInRole.ADMINISTRATOR,
]  # fmt: skip
UNITS = {"h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}


class Command(BaseCommand):
    help = "Make an API token for the service account NAME, which is made when it is new."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", metavar="NAME")
        parser.add_argument("--role", required=True, choices=[role.value for role in ROLES])
        parser.add_argument("--group", action="append", default=[], metavar="NAME", help="only this device group")
        parser.add_argument("--may-decide", action="store_true", help="may also approve what others asked for")
        parser.add_argument("--expires", default="90d", metavar="90d", help="lifetime in h, d or w; at most 366d")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            with transaction.atomic():
                account = self._account(options["name"], BuiltInRole(options["role"]), self._groups(options["group"]))
                older = account.tokens.filter(revoked_at=None, expires_at__gt=clock.real_now()).count()
                token, secret = issue_token(
                    account,
                    name=options["name"],
                    lifetime=lifetime_of(options["expires"]),
                    may_decide=options["may_decide"],
                    actor=ACTOR,
                )
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from None
        self.stderr.write(
            f"Token {token.prefix}... of {account.username}, until {token.expires_at:%Y-%m-%d %H:%M} UTC:"
        )
        if older:
            self.stderr.write(
                f"{account.username} was there already: this is a further token beside {older} that still "
                f"{'works' if older == 1 else 'work'}. Administration > API tokens revokes what is not needed."
            )
        self.stdout.write(secret)

    @staticmethod
    def _groups(names: list[str]) -> list[DeviceGroup]:
        groups = [DeviceGroup.objects.filter(name__iexact=name, retired=False).first() for name in names]
        missing = [name for name, group in zip(names, groups, strict=True) if group is None]
        if missing:
            raise CommandError(f"There is no device group {', '.join(missing)}.")
        return [group for group in groups if group is not None]

    @staticmethod
    def _account(name: str, role: BuiltInRole, groups: list[DeviceGroup]) -> User:
        scope_kind = ScopeKind.SELECTED if groups else ScopeKind.ALL
        known = User.objects.filter(username__iexact=name).first()
        if known is None:
            return create_user(
                name,
                display_name=name,
                kind=UserKind.SERVICE,
                roles=[Role.objects.get(key=role)],
                scope_kind=scope_kind,
                device_groups=groups,
                actor=ACTOR,
            )
        # Changing what the account may do would silently change what its older tokens may do.
        same_rights = {held.key for held in known.roles.all()} == {role.value} and known.scope_kind == scope_kind
        if known.kind != UserKind.SERVICE or not known.is_active:
            raise CommandError(f"{name} is not an active service account; choose another name.")
        if not same_rights or set(known.device_groups.all()) != set(groups):
            raise CommandError(f"The service account {name} has another role or other groups; choose another name.")
        return known


def lifetime_of(text: str) -> timedelta:
    """`90d`, `12h` or `2w`."""
    match = re.fullmatch(r"(\d{1,4})([hdw])", text.strip())
    if match is None:
        raise CommandError(f"{text!r} is no lifetime; write 12h, 90d or 4w.")
    return int(match[1]) * UNITS[match[2]]
