"""Fields that say what they hold and take nothing else: no number for a text, no text for a number."""

from datetime import UTC, datetime
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

MAX_ID_DIGITS = 18


@extend_schema_field({"type": "string", "pattern": f"^[0-9]{{1,{MAX_ID_DIGITS}}}$"})
class Id(serializers.Field[int, Any, str, Any]):
    """The id of a row: a string of digits on the wire, a number here."""

    default_error_messages = {"invalid": "An id is a string of digits."}

    def to_internal_value(self, data: Any) -> int:
        if not (isinstance(data, str) and data.isascii() and data.isdigit() and len(data) <= MAX_ID_DIGITS):
            self.fail("invalid")
        return int(data)

    def to_representation(self, value: Any) -> str:
        return str(getattr(value, "pk", value))


class Moment(serializers.DateTimeField):
    """A time in UTC with `Z` and microseconds; a time without a zone is not taken."""

    default_error_messages = {"naive": "The time needs a zone, such as Z.", "invalid": "An ISO 8601 time is needed."}

    def to_internal_value(self, value: Any) -> datetime:
        if not isinstance(value, str):
            self.fail("invalid")
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            self.fail("invalid")
        if moment.tzinfo is None:
            self.fail("naive")
        try:
            return moment.astimezone(UTC)
        except OverflowError:
            self.fail("invalid")

    def to_representation(self, value: datetime) -> str:
        return as_text(value)


def as_text(moment: datetime) -> str:
    """`2026-11-22T03:36:53.000000Z`."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


class Text(serializers.CharField):
    default_error_messages = {"invalid": "A string is needed."}

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        return super().to_internal_value(data)


class Whole(serializers.IntegerField):
    default_error_messages = {"invalid": "A whole number is needed."}

    def to_internal_value(self, data: Any) -> int:
        if type(data) is not int:
            self.fail("invalid")
        return super().to_internal_value(data)


class Flag(serializers.BooleanField):
    default_error_messages = {"invalid": "True or false is needed."}

    def to_internal_value(self, data: Any) -> bool:
        if not isinstance(data, bool):
            self.fail("invalid")
        return data


class Choice(serializers.ChoiceField):
    default_error_messages = {"invalid_choice": "This is not one of the known values."}

    def to_internal_value(self, data: Any) -> Any:
        if not isinstance(data, str) or data == "":
            self.fail("invalid_choice", input=data)
        return super().to_internal_value(data)


class Words(serializers.ListField):
    """A list of texts, each at most `longest` characters."""

    def __init__(self, *, longest: int = 80, **kwargs: Any) -> None:
        super().__init__(child=Text(max_length=longest), **kwargs)


class Anything(serializers.JSONField):
    """An object whose shape belongs to somebody else."""


@extend_schema_field({"type": "object", "additionalProperties": True})
class AnyObject(serializers.DictField):
    """An object with keys that belong to somebody else."""
