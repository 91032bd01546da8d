"""The history of a restricted incident is for the people it names, in the audit log as well."""

import pytest
from django.test import Client

from accounts.models import User
from core.models import AuditEvent
from incidents.correlation.merge import merge_incidents
from incidents.models import Incident
from incidents.services.restrict import open_restricted_incident, restrict_incident
from tests.conftest import SignedIn
from tests.factories.api import caller
from tests.factories.wire import SENSOR, correlated, device, graph_alert

pytestmark = pytest.mark.django_db
WHY = "An insider"


@pytest.fixture
def case(ada: User, rita: User) -> Incident:
    """An incident with another one merged into it, kept to ada and rita."""
    source, target = (correlated(graph_alert(device(name)))[0] for name in ("fin-1", "hr-1"))
    merge_incidents([(target, [source])], actor=SENSOR, reason="they belong together")
    return restrict_incident(target, people=[rita], actor=ada.actor, reason=WHY)


def threads(page: object) -> set[str]:
    return {row["event"].thread for row in page.context["rows"]}  # type: ignore[attr-defined]


def test_the_audit_log_leaves_it_out_and_says_so(
    client: Client, adam: User, case: Incident, signed_in: SignedIn
) -> None:
    source = Incident.objects.get(redirect_incident=case)
    page = signed_in(client, adam).get("/admin/audit/")
    assert threads(page).isdisjoint({case.thread, source.thread})
    assert "restricted incidents that do not name you" in page.content.decode()
    export = b"".join(client.get("/admin/audit/export/").streaming_content).decode()  # type: ignore[attr-defined]
    assert WHY not in export
    assert caller(adam).get("/audit", thread=case.thread).ids == []
    event = AuditEvent.objects.filter(thread=case.thread).latest("id")
    assert client.get(f"/admin/audit/{event.id}/").status_code == 404


def test_what_was_merged_into_it_is_restricted_with_it(adam: User, ada: User, case: Incident) -> None:
    source = Incident.objects.get(redirect_incident=case)
    assert caller(adam).get(f"/incidents/{source.pk}").status == 404
    assert caller(ada).get(f"/incidents/{source.pk}").status == 200


def test_the_log_is_whole_again_when_the_restriction_is_lifted(
    client: Client, adam: User, ada: User, case: Incident, signed_in: SignedIn
) -> None:
    open_restricted_incident(case, actor=ada.actor, reason="Cleared")
    page = signed_in(client, adam).get("/admin/audit/")
    assert case.thread in threads(page)
    assert "restricted incidents that do not name you" not in page.content.decode()
