"""The words that later rooms lend to the forms of rules: known sources of alerts, actions of the catalogue."""

from collections.abc import Callable

Choices = Callable[[], list[tuple[str, str]]]
_lent: dict[str, Choices] = {}


def lend(name: str, words: Choices) -> None:
    """`words()` answers (key, label) pairs; asked whenever a form is shown."""
    _lent[name] = words


def choices(name: str) -> list[tuple[str, str]]:
    return _lent[name]() if name in _lent else []
