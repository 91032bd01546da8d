"""Options are data with a history; what no option says is refused."""

import pytest
from django.core.exceptions import ValidationError

from core import options
from core.actors import Actor
from core.models import AuditEvent, OptionRevision
from core.options import Option

ADMIN = Actor.system("admin")


@pytest.fixture(autouse=True)
def declared(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(options, "_declared", {})
    options.declare(Option("test.limit", 5, "Limit", minimum=1, maximum=10))
    options.declare(Option("test.words", ["a"], "Words", kind="list"))


def test_without_a_revision_the_default_holds() -> None:
    assert options.get("test.limit") == 5


def test_the_newest_revision_holds_and_the_older_ones_stay() -> None:
    options.put("test.limit", 7, actor=ADMIN, reason="more")
    options.put("test.limit", 9, actor=ADMIN, reason="still more")
    assert options.get("test.limit") == 9
    assert list(OptionRevision.objects.order_by("id").values_list("value", flat=True)) == [7, 9]
    assert AuditEvent.objects.order_by("-id")[0].changes == {"value": [7, 9]}


@pytest.mark.parametrize("value", [0, 11, "many", None, []])
def test_a_value_outside_its_limits_is_refused(value: object) -> None:
    with pytest.raises(ValidationError):
        options.put("test.limit", value, actor=ADMIN)
    assert options.get("test.limit") == 5


def test_a_list_keeps_its_words() -> None:
    options.put("test.words", ["b", "c"], actor=ADMIN)
    assert options.get("test.words") == ["b", "c"]


def test_an_option_declared_twice_is_a_mistake_in_the_code() -> None:
    with pytest.raises(LookupError, match="declared twice"):
        options.declare(Option("test.limit", 1, "Again"))


def test_an_unknown_option_is_not_guessed() -> None:
    with pytest.raises(LookupError):
        options.get("test.odd")
