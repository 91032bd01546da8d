"""What a device group's rule may say. The matcher in `incidents` reads the same shape."""

from collections.abc import Mapping
from typing import Any

from django.core.exceptions import ValidationError

PROPERTIES: Mapping[str, str] = {"name": "Name", "domain": "Domain", "tag": "Tag", "os": "Operating system"}
OPERATORS: Mapping[str, str] = {
    "equals": "is",
    "startswith": "starts with",
    "endswith": "ends with",
    "contains": "contains",
}
MAX_VALUES = 10
MAX_LENGTH = 100


def clean_rule(rule: Any) -> dict[str, Any]:
    """The rule in its one shape; raises `ValidationError` naming the property that is wrong."""
    if not isinstance(rule, dict):
        raise ValidationError("A rule is an object of properties.")
    unknown = set(rule) - set(PROPERTIES)
    if unknown:
        raise ValidationError(f"A rule knows {', '.join(PROPERTIES)}; not {', '.join(sorted(map(str, unknown)))}.")
    return {key: _clean_condition(PROPERTIES[key], rule[key]) for key in PROPERTIES if key in rule}


def _clean_condition(label: str, condition: Any) -> dict[str, Any]:
    if not isinstance(condition, dict) or set(condition) != {"operator", "values"}:
        raise ValidationError(f"{label}: an operator and values are needed.")
    operator, values = condition["operator"], condition["values"]
    if operator not in OPERATORS:
        raise ValidationError(f"{label}: the operator is one of {', '.join(OPERATORS)}.")
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise ValidationError(f"{label}: values are a list of words.")
    cleaned = list(dict.fromkeys(value.strip() for value in values if value.strip()))
    if not 1 <= len(cleaned) <= MAX_VALUES:
        raise ValidationError(f"{label}: between 1 and {MAX_VALUES} values.")
    if any(len(value) > MAX_LENGTH or "\x00" in value for value in cleaned):
        raise ValidationError(f"{label}: a value has at most {MAX_LENGTH} characters.")
    return {"operator": operator, "values": cleaned}


def in_words(rule: Mapping[str, Any]) -> str:
    """`Name starts with fin- or hr-, and Tag is server`; empty for a rule that matches nothing."""
    parts = [
        f"{PROPERTIES[key]} {OPERATORS[rule[key]['operator']]} {' or '.join(rule[key]['values'])}"
        for key in PROPERTIES
        if key in rule
    ]
    return ", and ".join(parts)
