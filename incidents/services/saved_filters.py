"""Sets of filters that people keep for themselves; of no account for anybody else, so they leave no audit event."""

from collections.abc import Collection, Mapping

from django.core.exceptions import ValidationError
from django.db import transaction

from accounts.models import User
from core.actors import Actor
from incidents.models import SavedFilter
from incidents.models.saved_filter import MAX_FILTER_NAME, MAX_QUERY
from incidents.services.changes import plain_text

MOST_SETS = 30


def save_filter_set(user: User, *, name: str, query: str, is_default: bool, actor: Actor) -> SavedFilter:
    """Keep `query` under a name; a name that the person has already is written over."""
    _own(user, actor)
    name = plain_text(name, limit=MAX_FILTER_NAME, label="Name", required=True)
    query = plain_text(query, limit=MAX_QUERY, label="Filters")
    with transaction.atomic():
        mine = list(SavedFilter.objects.select_for_update().filter(user=user))
        row = next((one for one in mine if one.name.lower() == name.lower()), None)
        if row is None and len(mine) >= MOST_SETS:
            raise ValidationError(f"At most {MOST_SETS} sets: delete one first.")
        if is_default:
            SavedFilter.objects.filter(user=user).update(is_default=False)
        row = row or SavedFilter(user=user)
        row.name, row.query, row.is_default = name, query, is_default
        row.save()
    return row


def arrange_filter_sets(
    user: User, *, names: Mapping[int, str], default: int | None, removed: Collection[int], actor: Actor
) -> None:
    """Rename, delete and choose the default of one's own sets. Raises `ValidationError` when two would share a name."""
    _own(user, actor)
    with transaction.atomic():
        kept = []
        for row in SavedFilter.objects.select_for_update().filter(user=user):
            if row.pk in removed:
                row.delete()
            else:
                row.name = plain_text(names.get(row.pk, row.name), limit=MAX_FILTER_NAME, label="Name", required=True)
                row.is_default = row.pk == default
                kept.append(row)
        if len({row.name.lower() for row in kept}) < len(kept):
            raise ValidationError("Two sets have the same name.")
        _write(kept)


def _write(rows: list[SavedFilter]) -> None:
    """In two steps, because names and the mark of the default may change places."""
    for row in rows:
        SavedFilter.objects.filter(pk=row.pk).update(name=f"\x01{row.pk}", is_default=False)
    for row in rows:
        SavedFilter.objects.filter(pk=row.pk).update(name=row.name, is_default=row.is_default)


def _own(user: User, actor: Actor) -> None:
    if actor.person_id != user.pk:
        raise ValidationError("Filter sets are kept by their own person.")
