"""Changing a rule of correlation: its three options at once, or one of the thresholds that all rules share."""

from collections.abc import Mapping
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction

from core import options
from core.actors import Actor
from incidents.correlation.rules import RULES, THRESHOLD_OPTIONS, Rule
from incidents.services.changes import plain_text

MAX_REASON = 1_000


def options_of(rule: Rule) -> tuple[str, str, str]:
    return rule.switch_option, rule.option, rule.weight_option


def options_that_change(wanted: Mapping[str, Any]) -> dict[str, Any]:
    """Of the wanted options of rules and thresholds those that are other now, cleaned; raises `ValidationError`."""
    known = {key for rule in RULES.values() for key in options_of(rule)} | set(THRESHOLD_OPTIONS)
    declared = {option.key: option for option in options.declared()}
    changed = {}
    for key, value in wanted.items():
        if key not in known:
            raise ValidationError(f"{key[:80]!r} is no option of correlation.")
        cleaned = declared[key].clean(value)
        if cleaned != options.get(key):
            changed[key] = cleaned
    return changed


def set_options(wanted: Mapping[str, Any], *, reason: str, actor: Actor) -> dict[str, Any]:
    """Set what is other than now, each with its history; answers what was changed."""
    reason = plain_text(reason, limit=MAX_REASON, label="Reason", required=True)
    with transaction.atomic():
        changed = options_that_change(wanted)
        if not changed:
            raise ValidationError("Nothing is other than now.")
        for key, value in changed.items():
            options.put(key, value, actor=actor, reason=reason)
    return changed
