"""What is looked at and done inside the upgraded portal by `./soc manage shell`."""

import json

from django.test import Client

from accounts.models import User
from connectors.kinds.simulator.world import set_behaviour
from connectors.models import Connection
from incidents.models import Device

BACKEND = "allauth.account.auth_backends.AuthenticationBackend"
PAGES = (
    "/overview/", "/incidents/", "/incidents/{incident}/", "/incidents/{incident}/panels/story/",
    "/incidents/{incident}/panels/activities/", "/incidents/{incident}/panels/alerts/", "/alerts/1/", "/devices/",
    "/devices/1/", "/files/", "/identities/", "/actions/", "/actions/history/", "/actions/1/", "/actions/4/",
    "/reviews/", "/reviews/{incident}/", "/search/?q=host-001", "/admin/audit/",
)  # fmt: skip


def look(incident: int) -> None:
    """Print what the manager's pages answer, and how the signed document begins."""
    client = Client()
    client.force_login(User.objects.get(username="mona"), backend=BACKEND)
    statuses = {page: client.get(page.format(incident=incident)).status_code for page in PAGES}
    document = client.get(f"/reviews/{incident}/document/file/")
    content = b"".join(document.streaming_content) if document.streaming else document.content  # type: ignore[attr-defined]
    review = client.get(f"/reviews/{incident}/").content.decode()
    print(json.dumps({"pages": statuses, "document": content[:5].decode(), "review": review}))  # noqa: T201 - read by the test


def answer_again(*devices: int) -> None:
    """Let simulated devices answer that did not."""
    company = Connection.objects.get(name="Company")
    for device in Device.objects.filter(pk__in=devices):
        set_behaviour(company, "device", device.key, offline=False, unavailable=0)
