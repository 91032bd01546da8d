"""The marks as template tags: what they say, and that they escape what comes from outside."""

from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.template import engines
from django.test import RequestFactory
from django.utils import timezone
from django.utils.safestring import SafeString

from core.templatetags import soc

HOSTILE = "<img src=x onerror=alert(1)>\"'\u202e"


def render(template: str, **context: Any) -> str:
    return engines["django"].from_string(template).render(context, RequestFactory().get("/"))


@pytest.mark.parametrize(
    "call",
    [
        "{% tag x %}",
        "{% pill x %}",
        "{% status x %}",
        "{% severity x %}",
        "{% severity 'high' text=x %}",
        "{% entity 'file' x x %}",
        "{% entity 'ip' x %}",
        "{% hash x %}",
        "{% path x %}",
        "{% address x %}",
        "{% copy x x %}",
        "{% person p %}",
        "{% avatar p %}",
    ],
)
def test_every_tag_escapes_hostile_text(call: str) -> None:
    shown = engines["django"].from_string(call)
    html = shown.render({"x": HOSTILE, "p": SimpleNamespace(name=HOSTILE)})
    assert "<img" not in html


@pytest.mark.parametrize(("value", "css"), [(86, "p1"), (85, "p2"), (15, "p2"), (14, '"score "'), (None, "none")])
def test_a_score_has_the_colour_of_its_band(value: int | None, css: str) -> None:
    assert css in soc.score(value)


def test_only_verified_work_is_green() -> None:
    assert "pill ok" in soc.status("succeeded")
    assert "Verified" in soc.status("succeeded")
    assert "pill ok" not in soc.status("approved")
    assert "pill ok" not in soc.status("delivered")
    assert "pill warn" in soc.status("unknown")


def test_a_state_without_a_mark_of_its_own_is_still_written_out() -> None:
    assert "Some new state" in soc.status("some_new_state")


def test_the_reader_is_told_which_person_is_themselves() -> None:
    request = RequestFactory().get("/")
    request.user = SimpleNamespace(pk=7)  # type: ignore[assignment]
    template = engines["django"].from_string("{% person p %}")
    me = SimpleNamespace(pk=7, display_name="Ada", kind="person")
    assert "(you)" in template.render({"p": me}, request)
    assert "(you)" not in template.render({"p": SimpleNamespace(id="7", name="token", kind="token")}, request)
    assert "Nobody" in template.render({"p": None}, request)


def test_an_address_is_defanged_on_its_chip_but_copied_as_it_came() -> None:
    assert "203.0.113[.]77" in soc.entity("ip", "203.0.113.77")
    assert 'data-copy="203.0.113.77"' in soc.address("203.0.113.77")


@pytest.mark.parametrize(
    ("headers", "name"),
    [
        ({}, "dialog"),
        ({"HX-Request": "true"}, "bare"),
        ({"HX-Request": "true", "HX-History-Restore-Request": "true"}, "dialog"),
    ],
)
def test_a_dialog_is_bare_for_htmx_and_a_page_for_a_plain_link(headers: dict[str, str], name: str) -> None:
    assert soc.layout(RequestFactory().get("/", headers=headers), "dialog") == f"components/layouts/{name}.html"


def test_prose_keeps_its_lines_and_tells_times_in_the_zone_of_the_reader() -> None:
    with timezone.override(ZoneInfo("Europe/Prague")):
        html = soc.prose("<b>Begun</b>\n2020-01-10 23:41 UTC.")
    assert html.startswith("&lt;b&gt;Begun&lt;/b&gt;<br><time ")
    assert html.endswith(">11 Jan 2020 00:41</time>.")


def test_a_mark_that_was_drawn_safe_is_not_taken_for_one_that_is_not() -> None:
    assert "<b>" in soc.icon("flag", label=SafeString("<b>"))
    assert "<b>" not in soc.icon("flag", label="<b>")
