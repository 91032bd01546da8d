"""How a view answers a request of the page's script: close the dialog, say what came of it, refresh what changed."""

import json
from collections.abc import Iterable
from typing import Any
from urllib.parse import urlsplit

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect


def wants_part(request: HttpRequest) -> bool:
    """Whether only a part of the page is wanted; going back in the browser's history wants the whole."""
    headers = request.headers
    return headers.get("HX-Request") == "true" and headers.get("HX-History-Restore-Request") != "true"


def is_page_of_its_own(request: HttpRequest) -> bool:
    """Whether the form is the page, opened in a tab of its own: there is no dialog to close and nothing to refresh."""
    return urlsplit(request.headers.get("HX-Current-URL", "")).path == request.path


def done(
    request: HttpRequest, title: str, *, back: str, detail: str = "", refresh: Iterable[str] = (), leave: bool = False,
    about: str = "",
) -> HttpResponse:  # fmt: skip
    """The outcome of an act. With script: the dialog closes and `refresh` (selectors) fetch themselves again, or with
    `leave`, or from a form that is the page, the browser goes to `back`. Without: a redirect to `back` with a
    message. What is still on the page of what was said `about` the same before goes."""
    said = f"{title}. {detail}" if detail else title
    if not wants_part(request):
        messages.success(request, said)
        return redirect(back)
    response = HttpResponse(status=204)
    if leave or (is_page_of_its_own(request) and urlsplit(back).path != request.path):
        messages.success(request, said)
        response["HX-Redirect"] = back
        return response
    events: dict[str, Any] = {"dialog:close": True, "toast": {"title": title, "detail": detail, "kind": "ok"}}
    if about:
        events["toast"]["about"] = about
    if selectors := list(refresh):
        events["refresh"] = selectors
    response["HX-Trigger"] = json.dumps(events)
    return response
