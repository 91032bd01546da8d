"""How a view answers a request of the page's script: close the dialog, say what came of it, refresh what changed."""

import json
from collections.abc import Iterable
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect


def wants_part(request: HttpRequest) -> bool:
    """Whether only a part of the page is wanted; going back in the browser's history wants the whole."""
    headers = request.headers
    return headers.get("HX-Request") == "true" and headers.get("HX-History-Restore-Request") != "true"


def done(
    request: HttpRequest, title: str, *, back: str, detail: str = "", refresh: Iterable[str] = (), leave: bool = False
) -> HttpResponse:
    """The outcome of an act. With script: the dialog closes and `refresh` (selectors) fetch themselves again, or with
    `leave` the browser goes to `back`. Without: a redirect to `back` with a message."""
    if not wants_part(request):
        messages.success(request, title)
        return redirect(back)
    response = HttpResponse(status=204)
    if leave:
        messages.success(request, title)
        response["HX-Redirect"] = back
        return response
    events: dict[str, Any] = {"dialog:close": True, "toast": {"title": title, "detail": detail, "kind": "ok"}}
    if selectors := list(refresh):
        events["refresh"] = selectors
    response["HX-Trigger"] = json.dumps(events)
    return response
