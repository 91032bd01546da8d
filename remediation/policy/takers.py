"""Indicators that take a file away wherever it appears: what is restored under one is gone again within a second."""

from collections.abc import Iterable

from django.db.models import Q

from core import clock
from incidents.models import File
from remediation.enums import IndicatorAction
from remediation.indicator_values import key_of
from remediation.models import Indicator
from remediation.precedence import winner
from remediation.services.find_indicators import hashes_of, rule_of


def takers_of(file: File, groups: Iterable[int]) -> dict[int, Indicator]:
    """Device group -> the indicator in force that removes the file there."""
    keys = [key_of(kind, value) for kind, value in hashes_of(file)]
    active = Indicator.objects.active().filter(Q(expires_at=None) | Q(expires_at__gt=clock.now()), key__in=keys)
    rows = {row.pk: row for row in active}
    best = {group: winner([rule_of(row) for row in rows.values()], group=group) for group in groups}
    return {
        group: rows[rule.id]
        for group, rule in best.items()
        if rule is not None and rule.action == IndicatorAction.BLOCK_AND_REMEDIATE
    }
