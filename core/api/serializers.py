"""What goes out and what comes in are different classes: the one cannot be filled, the other takes nothing extra."""

from collections.abc import Mapping
from typing import Any, ClassVar

from rest_framework import serializers


class Out(serializers.Serializer[Any]):
    """The shape of an answer. It cannot be filled from a request."""

    def to_internal_value(self, data: Any) -> Any:
        raise TypeError(f"{type(self).__name__} is an answer, not a request.")


class In(serializers.Serializer[Any]):
    """The shape of a request. A field it does not declare is an error: read-only when `answer` has it, else unknown."""

    answer: ClassVar[type[Out] | None] = None

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, Mapping):
            self._refuse_undeclared(data)
        return super().to_internal_value(data)

    @classmethod
    def flags(cls) -> set[str]:
        """The fields that are true or false: a form can say so by words alone."""
        return {name for name, field in cls().fields.items() if isinstance(field, serializers.BooleanField)}

    def _refuse_undeclared(self, data: Mapping[str, Any]) -> None:
        known = self.answer().fields if self.answer else {}
        for name in data:
            if name not in self.fields:
                raise serializers.ValidationError(
                    {str(name)[:80]: ["This field is read-only." if name in known else "There is no such field."]}
                )


class NothingIn(In):
    """No field at all: the request is the address."""


class FrozenActor(Out):
    """Somebody as they were called then."""

    kind = serializers.ChoiceField(["person", "token", "system"])
    id = serializers.CharField()
    name = serializers.CharField()


class ErrorDetail(Out):
    code = serializers.CharField()
    message = serializers.CharField()
    field = serializers.CharField(required=False)
    link = serializers.CharField(required=False)
    trace = serializers.CharField()


class Error(Out):
    error = ErrorDetail()
