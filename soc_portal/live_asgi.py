"""ASGI entry of the production shape: live updates only. Everything else is served by WSGI."""

import os

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "soc_portal.settings")
django.setup()

from core.live_stream import live_stream  # noqa: E402 - needs the settings above

application = live_stream
