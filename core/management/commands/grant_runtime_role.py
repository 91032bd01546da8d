"""Least privilege in the database: the role the portal runs as owns nothing and cannot rewrite history."""

from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.db import connection
from psycopg import sql

APPEND_ONLY = ("core_audit_event", "core_audit_event_rest", "core_audit_seal")
# Only what is ours: granting on what an extension brought warns about each of its functions, and everybody may call
# those anyway.
_OURS = """
pg_has_role({owner}, 'USAGE') AND {space} = 'public'::regnamespace
AND NOT EXISTS (SELECT 1 FROM pg_depend d WHERE d.classid = '{catalogue}'::regclass AND d.objid = {row}.oid AND d.deptype = 'e')
"""  # noqa: E501
_RELATIONS = "SELECT c.oid::regclass::text FROM pg_class c WHERE c.relkind IN ({kinds}) AND " + _OURS.format(
    owner="c.relowner", space="c.relnamespace", catalogue="pg_class", row="c"
)
_FUNCTIONS = "SELECT p.oid::regprocedure::text FROM pg_proc p WHERE p.prokind IN ('f', 'w') AND " + _OURS.format(
    owner="p.proowner", space="p.pronamespace", catalogue="pg_proc", row="p"
)


class Command(BaseCommand):
    help = "Grant the runtime role what it needs: rows of all tables, insert only on the audit tables."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--role", required=True)

    def handle(self, *args: Any, **options: Any) -> None:
        role = sql.Identifier(options["role"])
        with connection.cursor() as cursor:
            database = sql.Identifier(connection.settings_dict["NAME"])
            cursor.execute(sql.SQL("GRANT USAGE ON SCHEMA public TO {}").format(role))
            cursor.execute(sql.SQL("GRANT TEMPORARY ON DATABASE {} TO {}").format(database, role))
            for privileges, things in (
                ("SELECT, INSERT, UPDATE, DELETE ON TABLE", _RELATIONS.format(kinds="'r', 'p', 'v', 'm'")),
                ("USAGE, SELECT ON SEQUENCE", _RELATIONS.format(kinds="'S'")),
                ("EXECUTE ON FUNCTION", _FUNCTIONS),
            ):
                cursor.execute(things)
                if names := ", ".join(row[0] for row in cursor.fetchall()):
                    # The names come quoted from the catalogue.
                    cursor.execute(f"GRANT {privileges} {names} TO {role.as_string()}")
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
