"""A lookup of our own: `column__has_text="word"`, in any spelling of case, found through a trigram index.

Django's `icontains` compares `UPPER(column)`, which an index on the column itself cannot serve.
"""

from typing import Any

from django.db.models import CharField, TextField
from django.db.models.lookups import IContains


@CharField.register_lookup
@TextField.register_lookup
class HasText(IContains):
    lookup_name = "has_text"

    def get_rhs_op(self, _connection: Any, rhs: str) -> str:
        return f"ILIKE {rhs}"
