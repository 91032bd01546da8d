"""Work that must lie in a transaction, and takes part in the one that is open."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection, transaction


@contextmanager
def joined() -> Iterator[None]:
    """A transaction when there is none; else the open one, without a savepoint of its own: what fails here is meant to
    fail the whole."""
    if connection.in_atomic_block:
        yield
    else:
        with transaction.atomic():
            yield
