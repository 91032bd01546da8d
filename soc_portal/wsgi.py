"""WSGI entry: all pages and the API."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "soc_portal.settings")

application = get_wsgi_application()

from core.web_process import settle  # noqa: E402 - needs the settings above

settle()
