"""The clocks of a service level: when they start and end, what a pause, a merge or a new severity does to them."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from core import clock, options
from core.models import AuditEvent
from incidents.clock_words import clocks_of
from incidents.models import Incident
from incidents.rows import as_rows
from incidents.services import service_levels
from incidents.services.merge import merge_incidents
from incidents.services.mitigation import mark_contained
from incidents.services.service_levels import SWEEPER, pause_clocks, resume_clocks, sweep_service_levels
from notifications.models import Message
from tests.conftest import SignedIn
from tests.factories.incidents import AlertFactory, DeviceFactory, IncidentFactory, incident_about
from tests.factories.past import MONDAY, change_at, contain_at, handled, incident_at, later

pytestmark = pytest.mark.django_db


def states(incident: Incident) -> dict[str, str]:
    incident.refresh_from_db()
    return {name: one["state"] for name, one in incident.sla.items()}


def sweep_at(**span: float) -> int:
    with clock.at(later(**span)):
        return sweep_service_levels(actor=SWEEPER)


def test_all_three_clocks_begin_when_the_incident_is_opened() -> None:
    incident = incident_at(MONDAY)
    assert states(incident) == dict.fromkeys(("acknowledge", "contain", "resolve"), "active")
    assert incident.sla_started == MONDAY
    assert incident.sla_due == later(minutes=30)


def test_time_alone_makes_a_clock_at_risk_and_then_overdue() -> None:
    incident = incident_at(MONDAY)
    assert (sweep_at(minutes=20), states(incident)["acknowledge"]) == (0, "active")
    assert (sweep_at(minutes=23), states(incident)["acknowledge"]) == (1, "atRisk")
    assert (sweep_at(minutes=31), states(incident)["acknowledge"]) == (1, "breached")
    assert incident.sla_state == "breached"
    told = AuditEvent.objects.filter(subject=incident.thread, verb="incident.service_level").order_by("id")
    assert [event.changes["acknowledge"] for event in told] == [["active", "atRisk"], ["atRisk", "breached"]]


@pytest.mark.parametrize(("minutes", "state"), [(29, "completedMet"), (31, "completedBreached")])
def test_taking_it_up_in_time_or_late(ada: User, minutes: int, state: str) -> None:
    incident = incident_at(MONDAY)
    change_at(later(minutes=minutes), incident, ada, assigned_to=ada)
    assert states(incident)["acknowledge"] == state


def test_a_close_ends_every_clock_and_reopening_lets_them_run_again(ada: User) -> None:
    incident = incident_at(MONDAY)
    change_at(later(minutes=20), incident, ada, status="resolved", classification="truePositive")
    assert set(states(incident).values()) == {"completedMet"}
    change_at(later(minutes=25), incident, ada, status="inProgress")
    assert states(incident) == {"acknowledge": "completedMet", "contain": "active", "resolve": "active"}


def test_what_was_no_attack_needs_no_containment(ada: User) -> None:
    incident = handled(ada, minutes=(10, None, 300), classification="falsePositive")
    assert "contain" not in states(incident)


def test_a_new_severity_moves_running_clocks_and_no_ended_one(ada: User) -> None:
    incident = incident_at(MONDAY, severity="low")
    change_at(later(minutes=100), incident, ada, assigned_to=ada)
    change_at(later(minutes=110), incident, ada, severity="high")
    assert states(incident) == {"acknowledge": "completedMet", "contain": "breached", "resolve": "active"}
    assert incident.sla["acknowledge"]["target_s"] == 7200
    assert incident.sla_due == later(minutes=60)


def test_changed_targets_hold_for_running_clocks_and_not_for_ended_ones(ada: User, adam: User) -> None:
    incident = incident_at(MONDAY)
    change_at(later(minutes=20), incident, ada, assigned_to=ada)
    options.put("incidents.sla_high_acknowledge_min", 5, actor=adam.actor, reason="stricter")
    options.put("incidents.sla_high_contain_min", 25, actor=adam.actor, reason="stricter")
    change_at(later(minutes=30), incident, ada, classification="truePositive")
    assert states(incident) == {"acknowledge": "completedMet", "contain": "breached", "resolve": "active"}


def test_a_paused_hour_does_not_count(ada: User) -> None:
    incident = incident_at(MONDAY)
    with clock.at(later(minutes=10)):
        pause_clocks(incident, reason="thirdParty", note="The provider looks.", actor=ada.actor)
    assert set(states(incident).values()) == {"paused"}
    assert (incident.sla_due, sweep_at(minutes=60)) == (None, 0)
    with clock.at(later(minutes=70)):
        resume_clocks(incident, note="", actor=ada.actor)
    assert states(incident)["acknowledge"] == "active"
    assert incident.sla_due == later(minutes=90)
    told = AuditEvent.objects.get(subject=incident.thread, verb="incident.paused")
    assert (told.reason, told.data["reason"]) == ("The provider looks.", "thirdParty")


def test_what_was_overdue_before_the_pause_stays_overdue(ada: User) -> None:
    incident = incident_at(MONDAY)
    with clock.at(later(minutes=40)):
        pause_clocks(incident, reason="awaitingUser", note="", actor=ada.actor)
    assert states(incident) == {"acknowledge": "breached", "contain": "paused", "resolve": "paused"}


def test_closing_ends_the_pause(ada: User) -> None:
    incident = incident_at(MONDAY)
    with clock.at(later(minutes=10)):
        pause_clocks(incident, reason="awaitingUser", note="", actor=ada.actor)
    change_at(later(hours=5), incident, ada, status="resolved", classification="truePositive")
    assert set(states(incident).values()) == {"completedMet"}
    assert incident.sla_pauses[-1]["until"] is not None


@pytest.mark.parametrize("reason", ["lunch", ""])
def test_a_pause_needs_a_known_reason(ada: User, reason: str) -> None:
    with pytest.raises(ValidationError):
        pause_clocks(incident_at(MONDAY), reason=reason, note="x", actor=ada.actor)


def test_another_reason_needs_a_note(ada: User) -> None:
    with pytest.raises(ValidationError):
        pause_clocks(incident_at(MONDAY), reason="other", note=" ", actor=ada.actor)


def test_of_merged_incidents_the_earliest_start_counts(ada: User) -> None:
    old, new = incident_at(MONDAY), incident_at(later(minutes=50))
    change_at(later(minutes=55), new, ada, assigned_to=ada)
    with clock.at(later(minutes=58)):
        target = merge_incidents([old, new], actor=ada.actor, user=ada)
    assert target.pk == new.pk
    assert (target.sla_started, target.sla_due) == (MONDAY, later(minutes=60))
    assert states(target)["acknowledge"] == "completedBreached"


def test_only_working_hours_count_where_it_is_said(adam: User) -> None:
    options.put("incidents.sla_business_severities", ["low"], actor=adam.actor)
    options.put("incidents.sla_time_zone", "Europe/Berlin", actor=adam.actor)
    friday = later(days=4, hours=7, minutes=30)  # 17:30 in Berlin; the day ends at 18
    incident = incident_at(friday, severity="low")
    assert incident.sla["acknowledge"]["due"] == (later(days=7) - timedelta(minutes=30)).isoformat()


@pytest.mark.parametrize(
    ("key", "value"), [("incidents.sla_time_zone", "Mars/Base"), ("incidents.sla_business_severities", ["urgent"])]
)
def test_nonsense_is_refused_as_an_option(adam: User, key: str, value: Any) -> None:
    with pytest.raises(ValidationError):
        options.put(key, value, actor=adam.actor)


def test_zero_promises_nothing(adam: User) -> None:
    options.put("incidents.sla_high_contain_min", 0, actor=adam.actor)
    assert "contain" not in states(incident_at(MONDAY))


def test_incidents_from_before_begin_their_clocks_with_the_next_sweep() -> None:
    incident = IncidentFactory.create(severity="high", created=MONDAY, first_activity=MONDAY)
    AlertFactory.create(incident=incident)
    assert sweep_at(hours=2) == 1
    assert states(incident)["acknowledge"] == "breached"
    assert not AuditEvent.objects.filter(verb="incident.service_level").exists()


def test_an_edge_is_told_of_when_it_is_news(ada: User) -> None:
    incident = incident_at(clock.now() - timedelta(minutes=31))
    change_at(clock.now() - timedelta(minutes=1), incident, ada, custom_tags=["seen"])
    sweep_service_levels(actor=SWEEPER)
    message = Message.objects.get(topic=service_levels.BREACHED)
    assert (message.subject, message.people) == (incident.thread, None)
    assert sweep_service_levels(actor=SWEEPER) == 0


def test_containment_ends_its_clock(ada: User) -> None:
    incident = incident_at(MONDAY)
    contain_at(later(minutes=59), incident)
    assert states(incident)["contain"] == "completedMet"


def test_a_containment_that_has_only_begun_is_not_called_met(client: Client, signed_in: SignedIn, ada: User) -> None:
    held = DeviceFactory.create(mitigation={"network": {"state": "isolated", "active": True}})
    incident = incident_about(held, DeviceFactory.create(), severity="high")
    mark_contained(incident, at=clock.now(), actor=SWEEPER, reason="isolated")
    page = signed_in(client, ada).get(f"/incidents/{incident.pk}/").content.decode()
    assert "Begun in time" in page
    assert page.count("1 of 2 devices contained") == 2
    assert "Met" not in page.partition('class="drop start clocks"')[2].partition("</details>")[0]


def test_a_containment_of_everything_is_met(client: Client, signed_in: SignedIn, ada: User) -> None:
    held = DeviceFactory.create(mitigation={"network": {"state": "isolated", "active": True}})
    incident = incident_about(held, severity="high")
    mark_contained(incident, at=clock.now(), actor=SWEEPER, reason="isolated")
    page = signed_in(client, ada).get(f"/incidents/{incident.pk}/").content.decode()
    assert "Met" in page.partition('class="drop start clocks"')[2].partition("</details>")[0]


def test_a_close_does_not_make_up_a_containment(ada: User) -> None:
    incident = handled(ada, minutes=(10, None, 20))
    assert states(incident)["contain"] == "completedMet"
    assert [one.mark for one in clocks_of(incident)] == ["sla completedMet", "sla never begun", "sla completedMet"]


def test_a_list_tells_what_time_has_moved_before_the_sweep_comes(ada: User) -> None:
    incident = incident_at(MONDAY)
    with clock.at(later(minutes=31)):
        [row] = as_rows([incident], ada)
        assert row.incident.sla_state == "breached"
        assert clocks_of(row.incident)[0].state == "breached"
    assert Incident.objects.get().sla_state == "active"


def test_the_queue_filters_and_orders_by_service_level(client: Client, signed_in: SignedIn, ada: User) -> None:
    now = clock.now()
    late, early = incident_at(now - timedelta(minutes=50), title="late"), incident_at(now, title="early")
    sweep_service_levels(actor=SWEEPER)
    signed_in(client, ada)
    page = client.get("/incidents/?level=breached").content.decode()
    assert f"incident-{late.pk}" in page
    assert f"incident-{early.pk}" not in page
    ordered = client.get("/incidents/?window=all&sort=due").content.decode()
    assert ordered.index(f'id="incident-{late.pk}"') < ordered.index(f'id="incident-{early.pk}"')


def test_where_a_column_has_no_room_the_line_below_the_name_says_what_is_due(
    client: Client, signed_in: SignedIn, ada: User
) -> None:
    now = clock.now()
    for minutes in (50, 25, 0):
        incident_at(now - timedelta(minutes=minutes))
    page = signed_in(client, ada).get("/incidents/?sort=-due").content.decode()
    lines = [part.partition("INC-")[0] for part in page.split('<span class="narrow"><span class="sev')[1:]]
    said = [re.search("overdue since|at risk, due|due", line) for line in lines]
    assert [found and found.group() for found in said] == ["due", "at risk, due", "overdue since"]


def test_a_person_pauses_in_the_dialog(client: Client, signed_in: SignedIn, ada: User, mona: User) -> None:
    incident = incident_at(clock.now())
    signed_in(client, ada)
    assert "Pause the clocks" in client.get(f"/incidents/{incident.pk}/").content.decode()
    client.post(f"/incidents/{incident.pk}/clocks/", {"reason": "thirdParty", "note": "x"})
    assert states(incident)["resolve"] == "paused"
    client.post(f"/incidents/{incident.pk}/clocks/", {"note": "it came"})
    assert states(incident)["resolve"] == "active"
    assert signed_in(client, mona).post(f"/incidents/{incident.pk}/clocks/").status_code == 403


def test_a_sweep_costs_the_same_for_many(ada: User) -> None:
    def cost(count: int) -> int:
        for _ in range(count):
            incident_at(MONDAY)
        with CaptureQueriesContext(connection) as queries:
            sweep_at(minutes=40)
        return len(queries)

    few = cost(2)
    assert cost(12) <= few
