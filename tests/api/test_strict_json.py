"""Bodies that other parsers would read differently are refused, and none of them is a 5xx."""

import pytest

from accounts.models import User
from tests.factories.api import caller

pytestmark = pytest.mark.django_db

BODIES = {
    "nothing that parses": b"{",
    "not a number": b'{"a": NaN}',
    "infinity": b'{"a": -Infinity}',
    "a float beyond all bounds": b'{"a": 1e999}',
    "an integer of too many digits": b'{"a": ' + b"9" * 5000 + b"}",
    "a field twice": b'{"display_name": "a", "display_name": "b"}',
    "a field twice further down": b'{"a": [{"b": 1, "b": 2}]}',
    "nul": rb'{"display_name": "a\u0000b"}',
    "nul in a name": rb'{"a\u0000": 1}',
    "half a surrogate pair": rb'{"display_name": "\ud800"}',
    "deep nesting": b"[" * 100 + b"]" * 100,
    "bottomless nesting": b"[" * 100_000,
    "bad utf-8": b'{"a": "\xff"}',
    "a list": b"[]",
    "a text": b'"x"',
    "null": b"null",
}


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES.keys())
def test_a_body_that_is_not_strictly_json(ada: User, body: bytes) -> None:
    answer = caller(ada).send("/incidents", body)
    assert (answer.status, answer.code) == (400, "invalid_request")


def test_a_whole_surrogate_pair_is_a_character(ada: User) -> None:
    answer = caller(ada).send("/incidents", rb'{"display_name": "\ud83d\ude00", "severity": "low"}')
    assert (answer.status, answer.body["display_name"]) == (201, "😀")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("display_name", 7),
        ("display_name", None),
        ("display_name", " "),
        ("display_name", "x" * 301),
        ("severity", "urgent"),
        ("severity", ["low"]),
        ("severity", 3),
        ("custom_tags", "phishing"),
        ("custom_tags", [1]),
        ("custom_tags", ["x"] * 31),
        ("assigned_to", "nobody-of-that-name"),
        ("entities", [{"kind": "device", "id": 7}]),
        ("entities", [{"kind": "planet", "id": "7"}]),
        ("entities", [7]),
    ],
)
def test_a_value_of_the_wrong_type(ada: User, field: str, value: object) -> None:
    answer = caller(ada).post("/incidents", {"display_name": "Odd", "severity": "low", field: value})
    assert (answer.status, answer.code) == (400, "invalid_request")
    assert answer.body["error"]["field"].startswith(field)
