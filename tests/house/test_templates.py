"""Templates: nothing that the content policy refuses, nothing that a person would not say."""

import re
from collections.abc import Callable

import pytest

from tests.house.source_tree import ROOT, templates

INLINE = {
    "style attribute": re.compile(r"<[^>{]*\sstyle\s*=", re.IGNORECASE),
    "style element": re.compile(r"<style[\s>]", re.IGNORECASE),
    "script with text": re.compile(r"<script(?![^>]*\ssrc=)[^>]*>", re.IGNORECASE),
    "event attribute": re.compile(r"<[^>{]*\son[a-z]+\s*=", re.IGNORECASE),
    "htmx script": re.compile(r"\shx-on|['\"]js:|['\"]javascript:", re.IGNORECASE),
    "foreign address": re.compile(r"(?:src|href)\s*=\s*['\"](?:https?:)?//", re.IGNORECASE),
    "unescaped text": re.compile(r"\|\s*safe\b|\{%\s*autoescape\s+off"),
}
# A comment or a tag of the template language is not shown to anybody.
NOT_SHOWN = re.compile(r"\{#.*?#\}|\{%.*?%\}|\{\{.*?\}\}|<[^>]*>", re.DOTALL)
UNSAID = re.compile(r"\b(?:please|successfully|oops|sorry|click here|whoops|simply|awesome)\b", re.IGNORECASE)
SHOUT = re.compile(r"[a-z]!(?:\s|$)", re.MULTILINE)
# A printed document is its own page: the child that prints it loads no style sheet from the portal.
PRINTED = {"templates/reviews/document.html"}


def inline(text: str) -> list[str]:
    return [name for name, pattern in INLINE.items() if pattern.search(text)]


def unsaid(text: str) -> list[str]:
    shown = NOT_SHOWN.sub(" ", text)
    return UNSAID.findall(shown) + SHOUT.findall(shown)


def violations(rule: Callable[[str], list[str]]) -> dict[str, list[str]]:
    return {path: rule(text) for path, text in templates().items() if rule(text) and path not in PRINTED}


def test_no_template_carries_style_or_script_of_its_own() -> None:
    assert violations(inline) == {}


def test_no_template_says_what_nobody_would_say() -> None:
    assert violations(unsaid) == {}


def test_every_form_that_changes_something_carries_its_token() -> None:
    post = re.compile(r"<form[^>]*method=\"post\".*?</form>", re.IGNORECASE | re.DOTALL)
    bare = [path for path, text in templates().items() for form in post.findall(text) if "csrf_token" not in form]
    assert bare == []


def test_no_script_of_ours_runs_text() -> None:
    scripts = {file.name: file.read_text() for file in (ROOT / "static/js").glob("*.js")}
    running = re.compile(
        r"\beval\(|new Function\(|document\.write\(|insertAdjacentHTML\(|\.outerHTML\s*=|\.innerHTML\s*="
    )
    assert [name for name, text in scripts.items() if running.search(text)] == []


@pytest.mark.parametrize(
    "text",
    [
        '<p class="x" style="color: red">',
        "<style>p {}</style>",
        "<script>alert(1)</script>",
        '<script type="module">x()</script>',
        '<a href="#" onclick="x()">',
        '<div hx-on:click="x()">',
        "<div hx-vals='js:{a: 1}'>",
        '<a href="javascript:x()">',
        '<script src="https://cdn.example/x.js"></script>',
        "{{ title|safe }}",
    ],
)
def test_the_rule_sees_what_the_policy_would_refuse(text: str) -> None:
    assert inline(text)


@pytest.mark.parametrize(
    "text",
    ['<script type="module" src="/static/js/app.js"></script>', '<p data-style="x">', "{{ data|json_script:'x' }}"],
)
def test_the_rule_lets_pass_what_the_policy_allows(text: str) -> None:
    assert inline(text) == []


def test_the_rule_hears_what_nobody_would_say() -> None:
    assert unsaid("<p>Please wait</p>")
    assert unsaid("<p>Saved!</p>")
    assert unsaid("{# please #}<p>Saved</p>") == []
