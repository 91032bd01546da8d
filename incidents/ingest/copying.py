"""Many rows into tables the quick way: COPY, one UPDATE, and literals for what COPY and VALUES take alike."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import orjson
from django.db import connection
from psycopg import sql


def array_literal(values: Sequence[str]) -> str:
    """A text array as PostgreSQL writes it; far cheaper than adapting each list."""
    if not values:
        return "{}"
    return "{" + ",".join('"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"' for value in values) + "}"


def integers_literal(values: Iterable[int]) -> str:
    return "{" + ",".join(map(str, values)) + "}"


def copy_rows(table: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """COPY the rows into a table or temporary table, in the current transaction."""
    statement = sql.SQL("COPY {} ({}) FROM STDIN").format(
        sql.Identifier(table), sql.SQL(", ").join(map(sql.Identifier, columns))
    )
    with connection.cursor() as cursor, cursor.cursor.copy(statement) as copy:
        for row in rows:
            copy.write_row(row)


def insert_rows(table: str, columns: Sequence[str], rows: Sequence[Sequence[Any]], then: str = "") -> list[Any]:
    """INSERT ... VALUES in one statement, followed by `then`; what it returns, if it returns."""
    one = f"({', '.join(['%s'] * len(columns))})"
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {table} ({', '.join(columns)}) VALUES {', '.join([one] * len(rows))} {then}",
            [value for row in rows for value in row],
        )
        return cursor.fetchall() if cursor.description else []


def update_rows(table: str, types: Mapping[str, str], rows: Sequence[Mapping[str, Any]], **alike: Any) -> None:
    """UPDATE many rows in one statement: `types` are the columns with their types, `rows` the values with the `id` of
    each, `alike` what is the same for all."""
    columns = ", ".join(f"{name} {kind}" for name, kind in {"id": "bigint", **types}.items())
    settings = ", ".join([*(f"{name} = r.{name}" for name in types), *(f"{name} = %s" for name in alike)])
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE {table} t SET {settings} FROM jsonb_to_recordset(%s::jsonb) AS r({columns}) WHERE t.id = r.id",
            [*alike.values(), orjson.dumps(rows).decode()],
        )
