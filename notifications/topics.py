"""What can be told. Rooms declare topics when the portal starts; profile, rules and documents derive from them."""

from collections.abc import Iterable
from dataclasses import dataclass

from accounts import keys
from accounts.models import User


@dataclass(frozen=True, slots=True)
class Topic:
    """One kind of news.

    It is for people who hold `permission`, with `whole_scope` only for those who see all device groups. `channels` are
    what somebody hears it by who has chosen nothing: `page`, `mail`, both or none. An urgent one may break through
    quiet hours.
    """

    key: str
    label: str
    help: str
    group: str
    permission: str
    channels: frozenset[str]
    urgent: bool
    whole_scope: bool

    def is_for(self, user: User) -> bool:
        return user.holds(self.permission) and (user.scope.everything or not self.whole_scope)


_declared: dict[str, Topic] = {}


def declare(
    key: str,
    label: str,
    help: str,  # noqa: A002 - the word that options and forms use
    *,
    group: str = "Incidents",
    permission: str = keys.READ,
    channels: Iterable[str] = ("page",),
    urgent: bool = False,
    whole_scope: bool = False,
) -> str:
    """Register a topic such as `incident.assigned` and answer its key; declared twice raises at start."""
    if key in _declared:
        raise LookupError(f"The topic {key!r} is declared twice.")
    _declared[key] = Topic(key, label, help, group, permission, frozenset(channels), urgent, whole_scope)
    return key


def get(key: str) -> Topic:
    """Raises `LookupError` for a topic that no room declared."""
    if key not in _declared:
        raise LookupError(f"No room declares the topic {key!r}.")
    return _declared[key]


def label_of(key: str) -> str:
    """How people say the topic; the key itself when its room is no longer there."""
    return _declared[key].label if key in _declared else key


def declared() -> list[Topic]:
    """In the order of the rooms that declared them."""
    return list(_declared.values())
