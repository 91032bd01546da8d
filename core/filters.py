"""Filters of a list as chips: each says what it keeps out and is removed by one click. They live in the URL."""

from typing import Any

from django import forms
from django.http import HttpRequest


def chips_of(request: HttpRequest, form: forms.Form) -> list[dict[str, str]]:
    """`[{label, value, remove_url}]` of every filter of a valid form that is set."""
    return [
        {"label": str(form[name].label), "value": shown(form, name, value), "remove_url": without(request, name)}
        for name, value in form.cleaned_data.items()
        if value not in (None, "", [])
    ]


def shown(form: forms.Form, name: str, value: Any) -> str:
    """The words of a choice, else the value as it was typed."""
    choices: Any = getattr(form.fields[name], "choices", ())
    return str(dict(choices).get(value) or form.data.get(name) or value)


def without(request: HttpRequest, name: str) -> str:
    """The address of this list without one filter, from its first page."""
    query = request.GET.copy()
    for gone in (name, "cursor"):
        query.pop(gone, None)
    return f"{request.path}?{query.urlencode()}"


def at_cursor(request: HttpRequest, cursor: str) -> str:
    """The address of another page of the same list; empty when there is none."""
    if not cursor:
        return ""
    query = request.GET.copy()
    query["cursor"] = cursor
    return f"{request.path}?{query.urlencode()}"
