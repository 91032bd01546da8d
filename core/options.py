"""Admin settings as data with revisions. A room declares its options at import; the admin page is generated."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction

from core import audit
from core.actors import Actor
from core.models import OptionRevision


@dataclass(frozen=True, slots=True)
class Option:
    """One declared option. `kind` is int, float, bool, str or list (of words); limits are inclusive.
    `check` raises `ValidationError` for a value that the kind alone does not refuse."""

    key: str
    default: Any
    label: str
    help: str = ""
    kind: str = "int"
    minimum: float | None = None
    maximum: float | None = None
    check: Callable[[Any], None] | None = None

    def clean(self, value: Any) -> Any:
        """The value in its kind; raises `ValidationError` with the reason."""
        kinds: dict[str, Callable[[Any], Any]] = {"int": int, "float": float, "bool": bool, "str": str, "list": list}
        try:
            cleaned = kinds[self.kind](value)
        except (TypeError, ValueError):
            raise ValidationError(f"{self.label}: a value of kind {self.kind} is needed.") from None
        if self.minimum is not None and cleaned < self.minimum:
            raise ValidationError(f"{self.label}: not less than {self.minimum}.")
        if self.maximum is not None and cleaned > self.maximum:
            raise ValidationError(f"{self.label}: not more than {self.maximum}.")
        if self.check is not None:
            self.check(cleaned)
        return cleaned


_declared: dict[str, Option] = {}


def declare(option: Option) -> Option:
    """Register an option; a key declared twice is a mistake in the code and raises at start."""
    if option.key in _declared:
        raise LookupError(f"The option {option.key!r} is declared twice.")
    _declared[option.key] = option
    return option


def declared() -> list[Option]:
    return sorted(_declared.values(), key=lambda option: option.key)


def get(key: str) -> Any:
    """The value in force: the newest revision, else the default."""
    option = _declared[key]
    row = OptionRevision.objects.filter(key=key).order_by("-id").values_list("value", flat=True).first()
    return option.default if row is None else row


def get_many(prefix: str) -> dict[str, Any]:
    """The values in force of all options whose key begins with `prefix`, with one query."""
    values = {key: option.default for key, option in _declared.items() if key.startswith(prefix)}
    rows = OptionRevision.objects.filter(key__startswith=prefix).order_by("key", "-id").distinct("key")
    values.update({key: value for key, value in rows.values_list("key", "value") if key in values})
    return values


def put(key: str, value: Any, *, actor: Actor, reason: str = "") -> None:
    """Set an option, keeping the former value as history."""
    option = _declared[key]
    cleaned = option.clean(value)
    with transaction.atomic():
        before = get(key)
        OptionRevision.objects.create(key=key, value=cleaned, actor=actor.as_json(), reason=reason)
        audit.record(
            "option.changed", subject=f"option:{key}", actor=actor, reason=reason, changes={"value": (before, cleaned)}
        )
