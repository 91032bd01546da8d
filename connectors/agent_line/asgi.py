"""The ASGI entry of the line: `connectors.agent_line.asgi:application`."""

import os

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "soc_portal.settings")
django.setup()

from connectors.agent_line.app import AgentLine  # noqa: E402 - needs the settings above

application = AgentLine()
