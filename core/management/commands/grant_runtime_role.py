"""Least privilege in the database: the role the portal runs as owns nothing and cannot rewrite history."""

from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.db import connection
from psycopg import sql

APPEND_ONLY = ("core_audit_event", "core_audit_event_rest", "core_audit_seal")


class Command(BaseCommand):
    help = "Grant the runtime role what it needs: rows of all tables, insert only on the audit tables."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--role", required=True)

    def handle(self, *args: Any, **options: Any) -> None:
        role = sql.Identifier(options["role"])
        statements = [
            "GRANT USAGE ON SCHEMA public TO {role}",
            "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {role}",
            "GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO {role}",
            "GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA public TO {role}",
            "GRANT TEMPORARY ON DATABASE {database} TO {role}",
        ]
        with connection.cursor() as cursor:
            database = sql.Identifier(connection.settings_dict["NAME"])
            for statement in statements:
                cursor.execute(sql.SQL(statement).format(role=role, database=database))
            for table in self._append_only(cursor):
                cursor.execute(
                    sql.SQL("REVOKE UPDATE, DELETE, TRUNCATE ON {table} FROM {role}").format(
                        table=sql.Identifier(table), role=role
                    )
                )

    @staticmethod
    def _append_only(cursor: Any) -> list[str]:
        cursor.execute(
            "SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid "
            "WHERE i.inhparent = 'core_audit_event'::regclass"
        )
        return sorted({*APPEND_ONLY, *(row[0] for row in cursor.fetchall())})
