"""Forgetting a person: rooms say what they hold of one, what speaks against it, and how it goes.

The history keeps its events; the names in them lie sealed under the person's key, which is thrown away
(`core.personal`). What was signed or sent stays as it was and is told as kept.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.apps import apps
from django.db import connection
from django.db.models import JSONField, Model, Q, QuerySet

from core import audit, personal
from core.actors import Actor
from core.models import AuditEvent

SHORTEST = 3


@dataclass(frozen=True, slots=True)
class Person:
    """Who is to be forgotten: `kind` and `id` as in `core.personal`, and every word that tells who it is."""

    kind: str
    id: int
    words: tuple[str, ...]

    @property
    def stand_in(self) -> str:
        return personal.gone(self.kind, self.id)

    @property
    def pattern(self) -> re.Pattern[str]:
        """The words as whole words in any case, the longest first; shorter ones than three letters tell nobody."""
        telling = sorted({word for word in self.words if len(word) >= SHORTEST}, key=len, reverse=True)
        inside = "|".join(map(re.escape, telling)) or r"(?!)"
        return re.compile(rf"(?<![\w@])(?:{inside})(?![\w@])", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Part:
    """What one room holds. `change` forgets it and answers how many rows that were."""

    label: str
    change: Callable[[Person], int]


_parts: dict[str, list[Part]] = {}
_objections: dict[str, list[Callable[[int], Iterable[str]]]] = {}
_kept: dict[str, list[Callable[[int], Iterable[str]]]] = {}


def part(kind: str, label: str, change: Callable[[Person], int]) -> None:
    _parts.setdefault(kind, []).append(Part(label, change))


def objects(kind: str, why: Callable[[int], Iterable[str]]) -> None:
    """Say what speaks against forgetting a person: a legal hold, an open case."""
    _objections.setdefault(kind, []).append(why)


def keeps(kind: str, what: Callable[[int], Iterable[str]]) -> None:
    """Say what stays as it is though it names the person, because it was signed."""
    _kept.setdefault(kind, []).append(what)


def objections(kind: str, person: int) -> list[str]:
    return [said for why in _objections.get(kind, ()) for said in why(person)]


def kept(kind: str, person: int) -> list[str]:
    return [said for what in _kept.get(kind, ()) for said in what(person)]


def forget(person: Person, *, actor: Actor, reason: str) -> dict[str, int]:
    """Have every room forget; the caller's transaction also throws the key away. Answers how many rows of what."""
    counts = {one.label: one.change(person) for one in _parts.get(person.kind, ())}
    counts = {label: count for label, count in counts.items() if count}
    stays = kept(person.kind, person.id)
    subject, said = f"{person.kind}:{person.id}", person.pattern.sub(person.stand_in, reason)
    data = {"rows": counts, "kept": stays}
    audit.record("person.erased", subject=subject, thread=subject, actor=actor, reason=said, data=data)
    return counts


def written_before_names_were_sealed(kind: str, person: int) -> int:
    """Events of an earlier version that hold the name of a person of the portal in plain words, for good."""
    plain = AuditEvent.objects.filter(actor_kind="person", actor_id=str(person))
    return plain.exclude(actor_name__startswith=personal.PREFIX).count() if kind == "user" else 0


# ---- how rooms forget ----


def scrub(rows: QuerySet[Any], columns: Sequence[str], person: Person) -> int:
    """Put the stand-in where the words stand, in text and JSON columns; answers how many rows changed."""
    pattern, changed = person.pattern, []
    for row in rows.only("pk", *columns).iterator(chunk_size=500):
        before = {name: getattr(row, name) for name in columns}
        after = {name: replaced(value, pattern, person.stand_in) for name, value in before.items()}
        if after != before:
            for name, value in after.items():
                setattr(row, name, value)
            changed.append(row)
    rows.model._default_manager.bulk_update(changed, columns, batch_size=500)
    return len(changed)


def scrub_naming(model: Any, columns: Sequence[str], person: Person) -> int:
    """`scrub` over a whole table, of which only the rows are read that hold one of the words."""
    naming = Q()
    for word in person.words:
        if len(word) >= SHORTEST:
            for column in columns:
                naming |= Q(**{f"{column}__icontains": word})
    return scrub(model._default_manager.filter(naming), columns, person) if naming else 0


def replaced(value: Any, pattern: re.Pattern[str], stand_in: str) -> Any:
    if isinstance(value, str):
        return pattern.sub(stand_in, value)
    if isinstance(value, list):
        return [replaced(item, pattern, stand_in) for item in value]
    if isinstance(value, dict):
        return {key: replaced(item, pattern, stand_in) for key, item in value.items()}
    return value


def frozen_actors(person: Person) -> int:
    """Actors that were frozen beside what somebody did: wherever a column holds one, whichever room it is of."""
    count = 0
    with connection.cursor() as cursor:
        for model, column in _json_columns():
            cursor.execute(
                f'UPDATE "{model._meta.db_table}" SET "{column}" = jsonb_set("{column}", %s, to_jsonb(%s::text)) '
                f"WHERE jsonb_typeof(\"{column}\") = 'object' AND \"{column}\" ->> 'person_id' = %s",
                [["name"], person.stand_in, str(person.id)],
            )
            count += cursor.rowcount
    return count


def _json_columns() -> Iterable[tuple[type[Model], str]]:
    for model in apps.get_models():
        if model is not AuditEvent and model._meta.managed:
            for field in model._meta.concrete_fields:
                if isinstance(field, JSONField) and field.column:
                    yield model, field.column
