"""What `?search=` and the pages look for is found through an index, however long the list grows."""

import re
from typing import Any

import pytest
from django.db import connection

from accounts.models import User
from incidents.api.alerts import AlertViewSet
from incidents.models import Alert, Device, File, Identity, Incident, Mailbox
from incidents.queries.incidents import name_contains
from incidents.search import entity_called
from remediation.api.actions import ActionViewSet
from remediation.models import ActionRun

pytestmark = pytest.mark.django_db
TEXT = "fin-ws"


def tables_read_whole(rows: Any) -> list[str]:
    """The tables that even a planner who hates it reads from end to end."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute("SET LOCAL enable_indexscan = off")
        cursor.execute("SET LOCAL enable_indexonlyscan = off")
    return re.findall(r"Seq Scan on (\w+)", rows.order_by().explain())


@pytest.mark.parametrize(
    ("kind", "model"), [("device", Device), ("identity", Identity), ("file", File), ("mailbox", Mailbox)]
)
@pytest.mark.parametrize("text", [TEXT, "4f4f4f4f4f"])
def test_entities(kind: str, model: Any, text: str) -> None:
    assert tables_read_whole(model.objects.filter(entity_called(kind, text))) == []


@pytest.mark.parametrize("name", ["ada", "eve"])
def test_names_of_incidents(request: pytest.FixtureRequest, name: str) -> None:
    reader: User = request.getfixturevalue(name)
    assert tables_read_whole(Incident.objects.filter(name_contains(TEXT, reader))) == []


def test_alerts_and_actions() -> None:
    assert tables_read_whole(Alert.objects.filter(AlertViewSet().search_for(TEXT))) == []
    assert tables_read_whole(ActionRun.objects.filter(ActionViewSet().search_for(TEXT))) == []
