"""Columns in which names of people lie sealed (`core.personal`); whoever reads them reads the names."""

from typing import Any

from django.db import models

from core import personal


class NamesTextField(models.CharField):  # type: ignore[type-arg]
    def from_db_value(self, value: Any, expression: Any, connection: Any) -> Any:
        return personal.opened(value) if isinstance(value, str) else value


class NamesJSONField(models.JSONField):
    def from_db_value(self, value: Any, expression: Any, connection: Any) -> Any:
        read = super().from_db_value(value, expression, connection)
        return personal.all_opened(read) if isinstance(value, str) and personal.PREFIX in value else read
