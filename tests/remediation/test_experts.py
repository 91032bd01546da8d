"""Asking an expert: who is asked, what is shared, who sees it, and the clock."""

from datetime import timedelta
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.test import Client

from accounts.models import DeviceGroup, User
from core import clock
from core.models import AuditEvent
from incidents.models import Incident
from incidents.services.restrict import restrict_incident
from notifications.models import Message
from remediation.models import ExpertGroup, ExpertRequest
from remediation.refused import Refused
from remediation.services.ask_expert import ask_expert, close_request, is_expert, say
from remediation.services.share import blocks_of
from tests.conftest import SignedIn
from tests.factories.api import caller
from tests.factories.people import person
from tests.factories.remediation import DeviceFactory, FileFactory, incident_naming

pytestmark = pytest.mark.django_db


@pytest.fixture
def xena(elsewhere: DeviceGroup) -> User:
    """An expert of another device group: she sees nothing of what the others work on."""
    return person("xena", "reader", name="Xena Ortiz", groups=[elsewhere])


@pytest.fixture
def incident(db: None) -> Incident:
    device = DeviceFactory.create(display_name="FIN-WS-007")
    found = incident_naming(device, FileFactory.create(display_name="dropper.exe"))
    Incident.objects.update(open_to_all=False, device_group_ids=[device.device_group_id])
    found.alerts.update(device_group_ids=[device.device_group_id])
    found.refresh_from_db()
    return found


def asked(user: User, incident: Any, **more: Any) -> ExpertRequest:
    wanted: dict[str, Any] = {"share": ["facts"], "within_h": 24, **more}
    return ask_expert(incident, topic="Known family?", text="It encrypts.", actor=user.actor, user=user, **wanted)


def test_what_is_shared_is_what_was_chosen_as_it_was_then(ada: User, rita: User, incident: Incident) -> None:
    request = asked(ada, incident, expert=rita, share=["evidence"])
    assert [block["title"] for block in request.context] == ["Evidence"]
    assert any("dropper.exe" in line for line in request.context[0]["lines"])
    incident.alerts.all().delete()
    request.refresh_from_db()
    assert request.context[0]["lines"]


def test_nobody_shares_what_they_do_not_see(eve: User, incident: Incident) -> None:
    assert "alerts" not in [block.key for block in blocks_of(incident, user=eve)]


def test_an_expert_outside_the_scope_sees_what_was_shared_and_nothing_else(
    client: Client, ada: User, xena: User, signed_in: SignedIn, incident: Incident
) -> None:
    request = asked(ada, incident, expert=xena, share=["facts"])
    signed_in(client, xena)
    shown = client.get(f"/experts/{request.pk}/").content.decode()
    assert "It encrypts." in shown
    assert "outside your scope" in shown
    assert "FIN-WS-007" not in shown
    assert f"/incidents/{incident.pk}/" not in shown
    assert client.get(f"/incidents/{incident.pk}/").status_code == 404


def test_who_is_neither_asked_nor_sees_the_thing_finds_nothing(
    client: Client, ada: User, rita: User, eve: User, signed_in: SignedIn, incident: Incident
) -> None:
    request = asked(ada, incident, expert=rita)
    assert signed_in(client, eve).get(f"/experts/{request.pk}/").status_code == 404
    assert "Known family?" not in client.get("/experts/?state=all").content.decode()


def test_an_answer_a_further_question_and_the_end(ada: User, rita: User, incident: Incident) -> None:
    request = asked(ada, incident, expert=rita)
    assert (request.status, request.is_overdue) == ("open", False)
    answered = say(request, text="Yes, since May.", actor=rita.actor, user=rita)
    assert (answered.status, answered.answered is not None) == ("answered", True)
    assert say(request, text="A decryptor?", actor=ada.actor, user=ada).status == "open"
    assert close_request(request, actor=rita.actor, user=rita).status == "closed"
    with pytest.raises(Refused, match="closed"):
        say(request, text="One more", actor=ada.actor, user=ada)
    assert [message.from_expert for message in request.messages.all()] == [False, True, False]


def test_a_question_that_nobody_answers_is_overdue(ada: User, rita: User, incident: Incident) -> None:
    request = asked(ada, incident, expert=rita, within_h=4)
    with clock.at(clock.now() + timedelta(hours=5)):
        assert request.is_overdue


def test_every_member_of_a_group_is_asked_and_told_but_the_asker(
    ada: User, rita: User, mona: User, incident: Incident
) -> None:
    group = ExpertGroup.objects.create(name="Malware")
    group.members.set([ada, rita])
    request = asked(ada, incident, group=group)
    assert [is_expert(request, user) for user in (ada, rita, mona)] == [False, True, False]
    assert Message.objects.get(topic="expert.asked").people == [rita.pk]


def test_a_bystander_reads_along_and_does_not_write(ada: User, rita: User, mona: User, incident: Incident) -> None:
    request = asked(ada, incident, expert=rita)
    assert ExpertRequest.objects.visible_to(mona).filter(pk=request.pk).exists()
    with pytest.raises(Refused, match="Only the person who asked"):
        say(request, text="Me too", actor=mona.actor, user=mona)
    with pytest.raises(Refused):
        close_request(request, actor=mona.actor, user=mona)


def test_a_restricted_incident_is_asked_about_among_its_people_only(
    ada: User, rita: User, mona: User, incident: Incident
) -> None:
    restrict_incident(incident, people=[ada, mona], reason="Insider", actor=ada.actor)
    incident.refresh_from_db()
    with pytest.raises(Refused, match="restricted"):
        asked(ada, incident, expert=rita)
    assert asked(ada, incident, expert=mona).asked == str(mona)


@pytest.mark.parametrize("to", ["nobody", "both", "oneself", "switched off", "empty group"])
def test_whom_one_cannot_ask(ada: User, rita: User, incident: Incident, to: str) -> None:
    group = ExpertGroup.objects.create(name="Malware")
    if to == "switched off":
        rita.is_active = False
        rita.save()
    people: dict[str, dict[str, Any]] = {
        "nobody": {},
        "both": {"expert": rita, "group": group},
        "oneself": {"expert": ada},
        "switched off": {"expert": rita},
        "empty group": {"group": group},
    }
    with pytest.raises(ValidationError):
        asked(ada, incident, **people[to])
    assert not ExpertRequest.objects.exists()


def test_a_reader_does_not_ask(mona: User, rita: User, incident: Incident) -> None:
    with pytest.raises(Refused) as refused:
        asked(mona, incident, expert=rita)
    assert refused.value.code == "forbidden"


def test_the_question_belongs_to_the_story_of_the_incident(ada: User, rita: User, incident: Incident) -> None:
    request = asked(ada, incident, expert=rita)
    event = AuditEvent.objects.get(verb="expert_request.asked")
    assert (event.thread, event.data["shared"]) == (f"incident:{incident.pk}", ["Facts"])
    assert event.subject == f"expert_request:{request.pk}"


@pytest.mark.parametrize("kind", ["incident", "alert", "device", "file"])
def test_there_is_a_button_on_each_page_and_the_dialog_shows_what_would_be_shared(
    client: Client, ada: User, signed_in: SignedIn, incident: Incident, kind: str
) -> None:
    alert = incident.alerts.get()
    evidence = {row.type: row for row in alert.evidence.all()}
    pages = {
        "incident": ("incidents", incident.pk),
        "alert": ("alerts", alert.pk),
        "device": ("devices", evidence["device"].device_id),
        "file": ("files", evidence["file"].file_id),
    }
    place, pk = pages[kind]
    shown = signed_in(client, ada).get(f"/{place}/{pk}/", follow=True).content.decode()
    assert f"/experts/ask/{kind}/{pk}/" in shown
    dialog = client.get(f"/experts/ask/{kind}/{pk}/").content.decode()
    subjects: dict[str, Any] = {"incident": incident, "alert": alert} | {
        name: evidence[name].entity for name in ("device", "file")
    }
    for block in blocks_of(subjects[kind], user=ada):
        assert block.title in dialog


def test_asking_in_the_dialog_leads_to_the_thread(
    client: Client, ada: User, rita: User, signed_in: SignedIn, incident: Incident
) -> None:
    wanted = {"to": f"person:{rita.pk}", "topic": "Known?", "question": "Is it?", "within": "4", "share": ["facts"]}
    answer = signed_in(client, ada).post(f"/experts/ask/incident/{incident.pk}/", wanted)
    request = ExpertRequest.objects.get()
    assert answer.headers["Location"] == f"/experts/{request.pk}/"
    assert signed_in(client, rita).post(f"/experts/{request.pk}/", {"text": "It is."}).status_code == 302
    request.refresh_from_db()
    assert request.status == "answered"


def test_an_administrator_keeps_the_groups(client: Client, adam: User, rita: User, signed_in: SignedIn) -> None:
    wanted = {"name": "Malware", "description": "", "answer_within_h": "8", "members": [str(rita.pk)]}
    signed_in(client, adam).post("/admin/experts/new/", wanted)
    assert "Malware" in client.get("/admin/experts/").content.decode()
    assert AuditEvent.objects.get(verb="expert_group.made").data["members"] == [rita.pk]


def test_a_question_waits_for_whom_it_was_put_to_until_it_is_answered(
    client: Client, ada: User, rita: User, mona: User, signed_in: SignedIn, incident: Incident
) -> None:
    request = asked(ada, incident, expert=rita)
    assert "Known family?" in signed_in(client, rita).get("/waiting/").content.decode()
    assert "Known family?" not in signed_in(client, mona).get("/waiting/").content.decode()
    say(request, text="Yes", actor=rita.actor, user=rita)
    assert "Known family?" not in signed_in(client, rita).get("/waiting/").content.decode()


def test_what_was_shared_is_for_who_asked_and_who_was_asked(
    ada: User, rita: User, mona: User, incident: Incident, elsewhere: DeviceGroup, signed_in: SignedIn
) -> None:
    """Who sees a part of the incident sees the question, and not what the asker's wider eyes saw."""
    Incident.objects.update(device_group_ids=[*incident.device_group_ids, elsewhere.pk], name_source="auto",
                            display_name="Ransomware on FIN-WS-007", neutral_name="Ransomware on 1 device")  # fmt: skip
    incident.refresh_from_db()
    request = asked(ada, incident, expert=rita, share=["evidence"])
    assert "FIN-WS-007" in str(request.context)
    partial = person("partial", "analyst", groups=[elsewhere])
    for reader, told in ((rita, True), (ada, True), (partial, False), (mona, False)):
        page = signed_in(Client(), reader).get(f"/experts/{request.pk}/").content.decode()
        body = caller(reader).get(f"/experts/{request.pk}").body
        assert ("Known family?" in page, body["topic"]) == (True, "Known family?")
        assert ("FIN-WS-007" in page) is told
        assert (body["shared"] is not None) is told


def test_restricted_since_it_was_asked_it_is_for_the_named_people(
    ada: User, rita: User, adam: User, incident: Incident
) -> None:
    request = asked(ada, incident, expert=rita)
    restrict_incident(incident, people=[ada, adam], actor=ada.actor, reason="An insider")
    assert not ExpertRequest.objects.visible_to(rita).filter(pk=request.pk).exists()
    assert not ExpertRequest.objects.shared_with(rita).exists()
    assert ExpertRequest.objects.visible_to(ada).filter(pk=request.pk).exists()
