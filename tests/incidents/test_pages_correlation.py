"""The pages on which people see which rule joined an alert, teach, set rules and try what a repeat is."""

import json

import pytest
from django.test import Client

from accounts.models import User
from core import options
from incidents.correlation.rules import FILE, limits_in_force
from incidents.enums import TaughtKind, TaughtState
from incidents.models import Alert, CorrelationChange, CorrelationLink, Incident
from incidents.services.move_alerts import move_alerts
from tests.conftest import SignedIn
from tests.factories.wire import MALWARE, correlated, device, file, graph_alert
from tests.incidents.test_taught_correlation import malware, told, two_by_file

pytestmark = pytest.mark.django_db
RULES = "/admin/correlation/"
HUB = {"what": "hub-0", "reason": "An installer of ours"}


def joined() -> tuple[Alert, str]:
    """An alert that the rule of files joined, and the page on which it is taught from."""
    correlated(*two_by_file())
    alert = CorrelationLink.objects.get(rule=FILE.key).alert
    return alert, f"/alerts/{alert.pk}/correlation/"


def test_it_is_saved_only_after_it_was_tried(signed_in: SignedIn, client: Client, adam: User) -> None:
    _, page = joined()
    signed_in(client, adam)
    first = client.post(page, {**HUB, "act": "save"}).content.decode()
    assert "1 incident would split" in first
    assert not CorrelationChange.objects.exists()
    assert client.post(page, {**HUB, "act": "save"}).status_code == 302
    change = CorrelationChange.objects.get()
    assert (change.state, change.kind, change.reason) == (TaughtState.IN_FORCE, TaughtKind.HUB, HUB["reason"])
    assert (change.trial or {})["splits"] == 1
    assert change.thing in {one.thing for one in limits_in_force().taught.exclusions}


def test_another_choice_than_the_tried_one_is_tried_first(signed_in: SignedIn, client: Client, adam: User) -> None:
    _, page = joined()
    signed_in(client, adam).post(page, {**HUB, "act": "try"})
    answer = client.post(page, {"what": "window", "value": "24", "reason": "Too far apart", "act": "save"})
    assert answer.status_code == 200
    assert not CorrelationChange.objects.exists()
    assert options.get(FILE.option) == FILE.hours


def test_an_analyst_proposes_and_an_administrator_accepts(
    signed_in: SignedIn, client: Client, ada: User, adam: User
) -> None:
    alert, page = joined()
    move_alerts([alert], to=None, actor=ada.actor, comment="Another matter")
    signed_in(client, ada)
    assert "Undone" in client.get(page).content.decode()
    assert "You propose it" in client.post(page, {**HUB, "act": "try"}).content.decode()
    client.post(page, {**HUB, "act": "save"})
    change = CorrelationChange.objects.get()
    assert change.state == TaughtState.PROPOSED
    decision = f"{RULES}taught/{change.pk}/decide/"
    assert client.post(decision, {"act": "accept", "reason": "Yes"}).status_code == 403
    signed_in(client, adam).post(decision, {"act": "accept", "reason": "Agreed"})
    change.refresh_from_db()
    assert (change.state, (change.trial or {})["corrections"]["needless"]) == (TaughtState.IN_FORCE, 1)
    client.post(f"{RULES}taught/{change.pk}/lift/", {"reason": "It was malware"})
    change.refresh_from_db()
    assert change.state == TaughtState.LIFTED


def test_who_does_not_see_the_alert_learns_nothing_of_what_was_taught(
    signed_in: SignedIn, client: Client, eve: User, adam: User
) -> None:
    alert, page = joined()
    signed_in(client, adam)
    for act in ("try", "save"):
        client.post(page, {**HUB, "act": act})
    Alert.objects.update(device_group_ids=[0])
    Incident.objects.update(open_to_all=False, device_group_ids=[0])
    assert not CorrelationChange.objects.visible_to(eve).exists()
    assert signed_in(client, eve).get(page).status_code == 404
    assert not Alert.objects.visible_to(eve).filter(pk=alert.pk).exists()


def test_the_page_of_rules_says_what_each_did_and_what_people_undid(
    signed_in: SignedIn, client: Client, ada: User, adam: User
) -> None:
    alert, _ = joined()
    move_alerts([alert], to=None, actor=ada.actor, comment="Another matter")
    page = signed_in(client, adam).get(RULES).content.decode()
    row = page[page.index('id="rule-file"') :].partition("</tr>")[0]
    assert "1 (100 %)" in row
    detail = client.get(f"{RULES}file/").content.decode()
    assert alert.title in detail[detail.index('id="undone"') :].partition("</section>")[0]
    assert client.get(f"{RULES}moon/").status_code == 404
    assert signed_in(client, ada).get(RULES).status_code == 403


def test_a_rule_is_set_after_a_trial_with_its_reason(signed_in: SignedIn, client: Client, adam: User) -> None:
    joined()
    signed_in(client, adam)
    wanted = {"o0": "", "o1": "168", "o2": "80", "reason": "It joins too much"}
    assert "1 incident would split" in client.post(f"{RULES}file/", {**wanted, "act": "try"}).content.decode()
    assert options.get(FILE.switch_option) is True
    assert client.post(f"{RULES}file/", {**wanted, "act": "save"}).status_code == 302
    assert options.get(FILE.switch_option) is False
    assert "It joins too much" in client.get(f"{RULES}file/").content.decode()


def test_setting_what_is_set_already_is_said(signed_in: SignedIn, client: Client, adam: User) -> None:
    wanted = {"o0": "on", "o1": "168", "o2": "80", "reason": "No reason"}
    answer = signed_in(client, adam).post(f"{RULES}file/", {**wanted, "act": "save"})
    assert answer.status_code == 422
    assert "Nothing is other than now" in answer.content.decode()


def test_the_move_dialog_says_which_rule_joined_and_leads_to_teaching(
    signed_in: SignedIn, client: Client, ada: User
) -> None:
    alert, page = joined()
    dialog = f"/incidents/{alert.incident_id}/move-alerts/"
    shown = signed_in(client, ada).get(dialog, {"alert": alert.pk}).content.decode()
    assert FILE.label in shown
    assert page in shown
    sent = {"alert": alert.pk, "to": "", "reason": "timeFrame", "teach": "on"}
    answer = client.post(dialog, sent)
    assert answer.headers["Location"] == page


def test_repeats_of_stored_alerts_are_counted(signed_in: SignedIn, client: Client, adam: User) -> None:
    correlated(*(told(f"r{n}", device("ws-1"), minutes=n * 30, detector="noisy") for n in range(4)))
    correlated(told("single", file(MALWARE), minutes=0))
    sent = {"fields_of_repeat": ["detector_id", "devices"], "minutes": "45"}
    page = signed_in(client, adam).post(f"{RULES}repeats/", sent).content.decode()
    assert "5 alerts would give 3 groups" in page
    assert "Devices: 1 of 5 do not say it" in page


def test_pasted_alerts_go_by_what_ingest_goes_by(signed_in: SignedIn, client: Client, adam: User) -> None:
    one, other = graph_alert(device(), id="x"), graph_alert(device(), id="y")
    pasted = json.dumps([one, one, {**one, "severity": "high"}, other, {"no": "alert"}])
    sent = {"fields_of_repeat": ["source", "provider_alert_id"], "format": "graph", "pasted": pasted}
    page = signed_in(client, adam).post(f"{RULES}repeats/", sent).content.decode()
    assert "4 alerts would give 2 groups" in page
    assert "2 would be repeats, 1 of them with the very same content" in page
    assert "Item 5" in page
    assert not Alert.objects.exists()


def test_a_rule_that_no_alert_answers_is_warned_of(signed_in: SignedIn, client: Client, adam: User) -> None:
    correlated(told("a", minutes=0), told("b", minutes=1))
    page = signed_in(client, adam).post(f"{RULES}repeats/", {"fields_of_repeat": ["files"]}).content.decode()
    assert "Files: none of these alerts says it, so this rule finds no repeat." in page


@pytest.mark.parametrize("pasted", ["{}", "[", "[" * 100_000, json.dumps([{}] * 1001)])
def test_what_cannot_be_tried_is_said(signed_in: SignedIn, client: Client, adam: User, pasted: str) -> None:
    sent = {"fields_of_repeat": ["source"], "format": "graph", "pasted": pasted}
    assert signed_in(client, adam).post(f"{RULES}repeats/", sent).status_code == 422


def test_the_same_is_not_taught_twice(signed_in: SignedIn, client: Client, adam: User) -> None:
    _, page = joined()
    signed_in(client, adam)
    for act in ("try", "save", "try", "save"):
        answer = client.post(page, {**HUB, "act": act})
    assert "in force already" in answer.content.decode()
    assert CorrelationChange.objects.get().thing == malware().thing
