"""Which indicators speak of one thing, and which of them wins."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from accounts.models import User
from incidents.models import File
from remediation.enums import IndicatorType
from remediation.indicator_values import key_of
from remediation.models import Indicator
from remediation.precedence import Rule, names_for, winner


@dataclass(frozen=True, slots=True)
class Found:
    """`matching` as this person may see them; `best` is the one that wins, None for none."""

    matching: list[Indicator] = field(default_factory=list)
    best: Indicator | None = None


def indicators_on(kind: str, value: str, *, user: User, group: int | None = None) -> Found:
    """Those that match one value, already spelt as it is kept, on a device of `group` (None: of none named)."""
    return _found(names_for(kind, value), user=user, group=group)


def indicators_on_file(file: File, *, user: User, group: int | None = None) -> Found:
    """Those on any of the file's hashes."""
    return _found(hashes_of(file), user=user, group=group)


def conflicts_among(indicators: Iterable[Indicator], *, user: User) -> dict[int, list[Indicator]]:
    """Of each of these that is active, the active ones on the very same value that say another action."""
    shown = [one for one in indicators if one.is_active]
    by_key: dict[str, list[Indicator]] = {}
    for row in Indicator.objects.visible_to(user).named({one.key for one in shown}).order_by("pk"):
        by_key.setdefault(row.key, []).append(row)
    return {one.pk: [row for row in by_key.get(one.key, ()) if row.action != one.action] for one in shown}


def winners_beside(indicator: Indicator, *, user: User) -> list[tuple[int | None, Indicator]]:
    """Who wins on the value of an active indicator: for each device group that one of those on it names, and for every
    other device (None). Empty where no other speaks of it."""
    rows = indicators_on(indicator.type, indicator.value, user=user).matching if indicator.is_active else []
    if len(rows) < 2:
        return []
    groups = sorted({group for row in rows for group in row.device_group_ids})
    by_id = {row.pk: row for row in rows}
    best = [(group, winner([rule_of(row) for row in rows], group=group)) for group in (*groups, None)]
    return [(group, by_id[rule.id]) for group, rule in best if rule is not None]


def hashes_of(file: File) -> list[tuple[str, str]]:
    """The file's hashes as indicators name them, the strongest first."""
    known = [(IndicatorType.SHA256, file.sha256), (IndicatorType.SHA1, file.sha1), (IndicatorType.MD5, file.md5)]
    return [(kind.value, value.lower()) for kind, value in known if value]


def rule_of(indicator: Indicator) -> Rule:
    groups = frozenset(indicator.device_group_ids)
    return Rule(indicator.type, indicator.value, indicator.action, groups, indicator.pk)


def _found(names: Iterable[tuple[str, str]], *, user: User, group: int | None) -> Found:
    keys = [key_of(kind, value) for kind, value in names]
    rows = list(Indicator.objects.visible_to(user).named(keys).order_by("-updated", "-pk"))
    best = winner([rule_of(row) for row in rows], group=group)
    return Found(rows, next((row for row in rows if best is not None and row.pk == best.id), None))
