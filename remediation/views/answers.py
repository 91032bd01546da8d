"""What a dialog answers when it is done: htmx gets events, a plain form gets a redirect and a message."""

import json

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect


def done(request: HttpRequest, *, title: str, detail: str, url: str) -> HttpResponse:
    """Close the dialog, say the outcome, and let the pages that show runs refetch themselves."""
    if request.headers.get("HX-Request") != "true":
        messages.success(request, f"{title}. {detail}")
        return redirect(url)
    response = HttpResponse(status=204)
    response["HX-Trigger"] = json.dumps(
        {
            "dialog:close": True,
            "toast": {"title": title, "detail": detail, "kind": "ok"},
            "refresh": ["[data-runs]", "[data-refresh]", "#node-body", "#respond"],
        }
    )
    return response
