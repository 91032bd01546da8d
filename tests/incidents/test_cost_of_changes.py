"""What a change costs does not grow with the incident: the same statements for five alerts and for two hundred."""

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from tests.factories.api import caller
from tests.factories.incidents import DeviceFactory, incident_about

pytestmark = pytest.mark.django_db(transaction=True)


def statements_of(ada: User, changes: dict[str, Any], *, alerts: int) -> list[str]:
    """Those of one PATCH over the API, with its transaction, from the token to the answer."""
    incident = incident_about(DeviceFactory.create(), alerts=alerts)
    client = caller(ada)
    with CaptureQueriesContext(
        connection,
    ) as seen:
        answer = client.patch(f"/incidents/{incident.pk}", changes)
    assert answer.status == 200
    return [query["sql"] for query in seen.captured_queries]


@pytest.mark.parametrize(
    "changes",
    [
        {"status": "inProgress"},
        {"status": "resolved"},
        {"status": "resolved", "classification": "truePositive", "determination": "malware"},
        {"assigned_to": "ada"},
    ],
)
def test_a_change_takes_at_most_twenty_statements(ada: User, changes: dict[str, Any]) -> None:
    few, many = (statements_of(ada, changes, alerts=count) for count in (5, 200))
    assert len(many) <= len(few) <= 20, "\n".join(sql[:120] for sql in few)
