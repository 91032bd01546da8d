"""What a person sets for themselves."""

from collections.abc import Mapping, Sequence

from django.core.exceptions import ValidationError
from django.db import transaction

from accounts.models import User
from core.actors import Actor

PREFERENCES = ("time_zone", "theme", "density", "single_key_shortcuts")
MAX_COLUMNS, MAX_NAME = 60, 60


def set_preferences(user: User, *, changes: Mapping[str, str | bool], actor: Actor) -> None:
    """How the portal looks for this person; of no account for anybody else, so it leaves no audit event."""
    if actor.person_id != user.pk:
        raise ValidationError("Preferences are set by their own person.")
    for key, value in changes.items():
        if key not in PREFERENCES:
            raise ValidationError(f"{key} is not a preference.")
        setattr(user, key, value)
    user.full_clean(exclude=["password", "username", "roles", "device_groups"])
    user.save(update_fields=list(changes))


def arrange_table(user: User, *, table: str, columns: Sequence[str], actor: Actor) -> None:
    """Remember which columns a table shows this person, in order; no columns is the arrangement it comes with."""
    if actor.person_id != user.pk:
        raise ValidationError("Preferences are set by their own person.")
    if len(table) > MAX_NAME or len(columns) > MAX_COLUMNS or any(len(name) > MAX_NAME for name in columns):
        raise ValidationError("This is not an arrangement of columns.")
    with transaction.atomic():
        row = User.objects.select_for_update().only("tables").get(pk=user.pk)
        kept = {name: shown for name, shown in row.tables.items() if name != table}
        row.tables = {**kept, table: list(dict.fromkeys(columns))} if columns else kept
        row.save(update_fields=["tables"])
    user.tables = row.tables
