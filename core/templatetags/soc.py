"""Marks of the visual language as template tags: icons, severity, states, scores, times, people, things and hashes.

The library is a template builtin, so no template loads it. Every tag escapes what it is given.
"""

from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from django import template
from django.http import HttpRequest
from django.templatetags.static import static
from django.utils import timezone
from django.utils.html import escape, format_html
from django.utils.safestring import SafeString, mark_safe

from core import clock, logs, marks, slots, wording

register = template.Library()


@register.simple_tag
def request_id() -> SafeString:
    """What a person can tell whoever reads the log; on pages that tell of an error."""
    found = logs.request_id()
    return format_html('<p class="request-id t3">Request <code>{}</code></p>', found) if found else SafeString("")


# ---- icons and marks -----------------------------------------------------------------------------------------------
# What marks look like is kept once drawn: a page of fifty rows draws hundreds, mostly the same. The type counts,
# because a text that is safe equals one that is not.
KEPT = 512


@register.simple_tag
@lru_cache(KEPT, typed=True)
def icon(name: str, size: str = "", label: str = "") -> SafeString:
    """A symbol of `static/img/icons.svg`; hidden from screen readers unless it has a label."""
    css = f"i {size}".strip()
    href = f"{static('img/icons.svg')}#{name}"
    if label:
        return format_html('<svg class="{}" role="img" aria-label="{}"><use href="{}"/></svg>', css, label, href)
    return format_html('<svg class="{}" aria-hidden="true"><use href="{}"/></svg>', css, href)


@register.simple_tag
def severity(value: object, mark_only: bool = False, text: str = "") -> SafeString:
    """Shape and word; `mark_only` leaves the word to screen readers; `text` replaces it (`3 High`)."""
    return _severity(marks.key(value), mark_only, text)


@lru_cache(KEPT, typed=True)
def _severity(key: str, mark_only: bool, text: str) -> SafeString:
    css, word = marks.SEVERITIES.get(key, ("info", "Unknown"))
    href = f"{static('img/icons.svg')}#sh-{css}"
    if mark_only:
        return format_html('<svg class="m {}" role="img" aria-label="{}"><use href="{}"/></svg>', css, word, href)
    mark = format_html('<svg aria-hidden="true"><use href="{}"/></svg>', href)
    return format_html('<span class="sev {}">{}{}</span>', css, mark, text or word)


@register.simple_tag
def pill(text: object, kind: str = "", symbol: str = "") -> SafeString:
    """A state: round. Kinds: `new`, `ok` (verified or met), `warn`, `danger`, `line`, or none for neutral."""
    mark = icon(symbol) if symbol else ""
    return format_html('<span class="pill {}">{}{}</span>', kind, mark, text)


@register.simple_tag
def status(value: object, text: str = "") -> SafeString:
    """The pill of a status of incidents, alerts, runs, decisions, reviews or follow-ups; `text` replaces the word."""
    return _status(marks.key(value), str(value), text)


@lru_cache(KEPT, typed=True)
def _status(key: str, value: str, text: str) -> SafeString:
    word, kind, symbol = marks.STATES.get(key, (value.replace("_", " ").capitalize(), "", ""))
    return pill(text or word, kind, symbol)


@register.simple_tag
@lru_cache(KEPT, typed=True)
def score(value: int | None) -> SafeString:
    if value is None:
        return SafeString(
            '<span class="score none" title="Not scored"><span aria-hidden="true">–</span>'
            '<span class="sr">Not scored</span></span>'
        )
    band = "p1" if value > marks.TOP_SCORE else "p2" if value >= marks.MIDDLE_SCORE else ""
    return format_html('<span class="score {}" title="Priority {}">{}</span>', band, value, value)


@register.simple_tag(name="tag")
def tag_mark(text: object) -> SafeString:
    """A tag: square, never a state."""
    return format_html('<span class="tag"><bdi>{}</bdi></span>', wording.visible(text))


@register.simple_tag
def simulated(text: str = "SIMULATED") -> SafeString:
    """For what the simulator did and for demo data, and for nothing else."""
    return format_html('<span class="sim">{}</span>', text)


@register.simple_tag
def meter(value: float, maximum: float = 100, kind: str = "", label: str = "") -> SafeString:
    """A bar for a known share; kinds `warn`, `bad`. Without a label it is decoration beside its figure."""
    # The element's own number would be read twice where the figure stands beside it.
    name = format_html('aria-label="{}"', label) if label else SafeString('aria-hidden="true"')
    return format_html('<progress class="meter {}" max="{}" value="{}" {}></progress>', kind, maximum, value, name)


# ---- people and things ---------------------------------------------------------------------------------------------
def _name(person: object) -> str:
    for attribute in ("name_and_state", "display_name", "full_name", "get_full_name", "name", "username"):
        value = getattr(person, attribute, "")
        value = value() if callable(value) else value
        if value:
            return _spoken(person, str(value))
    return str(person)


def _spoken(person: object, name: str) -> str:
    """Parts of the portal are called by a phrase, which begins with a capital; people write themselves as they do."""
    return name[:1].upper() + name[1:] if getattr(person, "kind", "") == "system" else name


def _initials(name: str) -> str:
    words = [word for word in name.partition(" (")[0].replace(".", " ").replace("-", " ").split() if word]
    letters = [words[0][0], words[-1][0]] if len(words) > 1 else [name[:2]]
    return "".join(letters).upper()


@register.simple_tag(takes_context=True)
def avatar(context: template.Context, person: object) -> SafeString:
    """Two letters in a circle, named for screen readers; nobody is a word."""
    if not person:
        return SafeString('<span class="t3">Nobody</span>')
    name = _name(person)
    return format_html('{}<span class="sr">{}</span>', _circle(context, person, name), name)


@register.simple_tag(takes_context=True)
def person(context: template.Context, person: object, nobody: str = "Nobody") -> SafeString:
    """Circle and name; `(you)` for the reader."""
    if not person:
        return format_html('<span class="t3">{}</span>', nobody)
    name = _name(person)
    you = " (you)" if _is_reader(context, person) else ""
    return format_html('<span class="who">{}<span>{}{}</span></span>', _circle(context, person, name), name, you)


def _circle(context: template.Context, person: object, name: str) -> SafeString:
    css = "me" if _is_reader(context, person) else "system" if getattr(person, "kind", "") == "system" else ""
    letters = icon("gear", "s") if css == "system" else _initials(name)
    return format_html('<span class="avatar {}" title="{}" aria-hidden="true">{}</span>', css, name, letters)


def _is_reader(context: template.Context, person: object) -> bool:
    reader = getattr(context.get("request"), "user", None)
    if reader is None or getattr(person, "kind", "user") not in {"user", "person"}:
        return False
    identifier = getattr(person, "pk", None) or getattr(person, "id", None)
    return identifier is not None and str(identifier) == str(getattr(reader, "pk", ""))


@register.simple_tag
def entity(kind: object, name: object, url: str = "", bad: bool = False) -> SafeString:
    """A thing with its icon. `bad` only while it is malicious or open. Addresses are defanged."""
    key = marks.key(kind)
    text = wording.defang(name) if key in marks.ADDRESSES else wording.visible(name)
    css = "ent bad" if bad else "ent"
    word = SafeString('<span class="sr">, malicious or open</span>') if bad else ""
    inside = format_html('{}<bdi class="ell">{}</bdi>{}', icon(marks.THING_ICONS.get(key, "box")), text, word)
    if url:
        return format_html('<a class="{}" href="{}" title="{}">{}</a>', css, url, text, inside)
    return format_html('<span class="{}" title="{}">{}</span>', css, text, inside)


@register.simple_tag
def copy(value: object, label: str = "value") -> SafeString:
    """The button that copies the full value."""
    return format_html(
        '<button type="button" class="btn quiet icon s copy" data-copy="{}" aria-label="Copy {}" title="Copy">'
        "{}</button>",
        value, label, icon("copy", "s"),
    )  # fmt: skip


@register.filter
def middle(value: object, ends: int = 8) -> str:
    """Cut in the middle, as words only: a link has no room for the button of `hash`."""
    return wording.cut_middle(str(value), int(ends), int(ends))


@register.simple_tag(name="hash")
def hash_value(value: object, label: str = "hash", head: int = 8, tail: int = 6) -> SafeString:
    """Cut in the middle, whole in the title, for the screen reader and for the clipboard."""
    return _cut("hash", value, label, int(head), int(tail))


@register.simple_tag
def path(value: object, head: int = 18, tail: int = 30) -> SafeString:
    return _cut("hash path", value, "path", int(head), int(tail))


def _cut(css: str, value: object, label: str, head: int, tail: int) -> SafeString:
    text = wording.visible(value)
    cut = wording.cut_middle(text, head, tail)
    return format_html(
        '<span class="{}"><span title="{}" aria-hidden="true">{}</span><span class="sr">{}</span>{}</span>',
        css, text, cut, text, copy(value, label),
    )  # fmt: skip


@register.simple_tag
def address(value: object, label: str = "address") -> SafeString:
    """A defanged address, never a link; the button copies it as it came."""
    return format_html('<span class="addr"><bdi>{}</bdi>{}</span>', wording.defang(value), copy(value, label))


# ---- times, durations, counts --------------------------------------------------------------------------------------
@register.simple_tag
def when(value: datetime | None, style: str = "short", empty: str = "") -> SafeString:
    """A time in the reader's zone with UTC in its title. Styles: short, day, said, seconds, full, date."""
    if value is None:
        return format_html('<span class="t3">{}</span>', empty)
    text = wording.moment(value, now=clock.now(), zone=timezone.get_current_timezone(), style=style)
    return format_html(
        '<time datetime="{}" data-when="{}" title="{}">{}</time>',
        value.isoformat(), style, wording.utc_stamp(value), text,
    )  # fmt: skip


@register.filter
def prose(text: str) -> SafeString:
    """Text of people and reports: line breaks kept, times that it names in UTC turned into the reader's."""
    parts = [
        when(part, "full") if isinstance(part, datetime) else escape(part) for part in wording.told_times(str(text))
    ]
    return mark_safe("".join(parts).replace("\r\n", "\n").replace("\n", "<br>"))  # noqa: S308 - escaped above


@register.simple_tag
def left(until: datetime, text: str = "left") -> SafeString:
    """What is left until a deadline, kept up to date in the browser: `12 min left`."""
    return format_html(
        '<time datetime="{}" data-left="{}" title="{}">{} {}</time>',
        until.isoformat(), text, wording.utc_stamp(until), wording.remaining(until - clock.now()), text,
    )  # fmt: skip


@register.simple_tag
def since(start: datetime) -> SafeString:
    """How long something has been going on, counted on in the browser."""
    return format_html(
        '<time datetime="{}" data-since title="{}">{}</time>',
        start.isoformat(), wording.utc_stamp(start), wording.duration(clock.now() - start),
    )  # fmt: skip


@register.filter
def duration(value: timedelta | float | None) -> str:
    return wording.duration(value)


@register.filter
def count(value: int) -> str:
    return wording.count(value)


@register.filter
def exact(value: int) -> str:
    """The whole number, however large: figures are not capped as lists are."""
    return f"{value:,}"


@register.filter
def counted(value: int, nouns: str) -> str:
    """`{{ n|counted:"incident" }}`, `{{ n|counted:"entity,entities" }}`."""
    noun, _, plural = nouns.partition(",")
    return wording.counted(value, noun, plural)


@register.filter
def defang(value: object) -> str:
    return wording.defang(value)


@register.filter
def visible(value: object) -> str:
    """Text from outside: characters that hide or reorder become readable. Put it inside `<bdi>`."""
    return wording.visible(value)


@register.simple_tag(takes_context=True)
def slot(context: template.Context, name: str, subject: object = None) -> list[dict[str, Any]]:
    """What later rooms put into a place that a shared part of pages names: `{% slot "x.tabs" as more %}`."""
    return slots.entries(name, context["request"], subject)


# ---- pages -----------------------------------------------------------------------------------------------------------
@register.filter
def layout(request: HttpRequest, kind: str) -> str:
    """The frame of a `dialog`, `pane` or `part`: none for a request of htmx, a page of its own for a plain link."""
    headers = request.headers
    if headers.get("HX-Request") == "true" and headers.get("HX-History-Restore-Request") != "true":
        return "components/layouts/bare.html"
    return f"components/layouts/{kind}.html"


@register.inclusion_tag("components/sort_head.html", takes_context=True)
def sort_head(context: template.Context, text: str, field: str, css: str = "", width: str = "") -> dict[str, Any]:
    """A sortable column head. The order lies in the URL as `?sort=field` or `?sort=-field` (`sort` of the context)."""
    current = str(context.get("sort", ""))
    return {
        "request": context["request"],
        "text": text,
        "css": css,
        "width": width,
        "direction": "descending" if current == f"-{field}" else "ascending" if current == field else "",
        "link": field if current == f"-{field}" else f"-{field}",
    }
