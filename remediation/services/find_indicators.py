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
