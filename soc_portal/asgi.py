"""ASGI entry of the embedded shape: `/live/` is native async, the rest is Django's WSGI in threads."""

import os
from typing import Any

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "soc_portal.settings")
django.setup()

from a2wsgi import WSGIMiddleware  # noqa: E402 - needs the settings above
from django.conf import settings  # noqa: E402
from django.contrib.staticfiles.handlers import StaticFilesHandler  # noqa: E402
from django.core.exceptions import SuspiciousOperation  # noqa: E402
from django.core.wsgi import get_wsgi_application  # noqa: E402
from django.http import FileResponse, Http404, HttpRequest, HttpResponse  # noqa: E402

from core.live_stream import live_stream  # noqa: E402
from core.web_process import settle  # noqa: E402


class Statics(StaticFilesHandler):
    """A path that leads out of the folder is not found, like any other that leads to nothing."""

    def serve(self, request: HttpRequest) -> HttpResponse | FileResponse:
        try:
            return super().serve(request)
        except SuspiciousOperation:
            raise Http404 from None


_pages = get_wsgi_application()
settle()
_wsgi = WSGIMiddleware(
    Statics(_pages) if settings.SERVE_STATIC else _pages,  # type: ignore[arg-type]
    workers=8,
)


async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Route by path: Server-Sent Events must not hold a WSGI thread."""
    if scope["type"] == "lifespan":
        await _lifespan(receive, send)
    elif scope["path"].startswith("/live/"):
        await live_stream(scope, receive, send)
    else:
        await _wsgi(scope, receive, send)  # type: ignore[arg-type]


async def _lifespan(receive: Any, send: Any) -> None:
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return
