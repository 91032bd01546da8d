"""Erasing: no page, row or dump tells who it was; what was done stays, and the chain over the history is whole."""

from typing import Any

import pytest
from axes.models import AccessLog
from django.core.exceptions import ValidationError
from django.db import connection
from django.test import Client

from accounts.models import User
from accounts.services.erase_person import erase_user
from accounts.services.people import deactivate_user
from connectors.models import Halt
from core import audit, clock, outbox
from core.actors import Actor
from core.models import AuditEvent
from incidents.models import Alert, Comment, Evidence, Identity, Incident
from incidents.services.comment import comment_on
from incidents.services.erase_account import erase_account
from incidents.services.legal_hold import place_hold
from incidents.services.manage import update_incident
from notifications.models import Dispatch, Rule, RuleRecipient
from remediation.models import ActionRun, ApprovalPage, EmergencyApproval, Hold, ProtectedAsset, Refusal
from remediation.services.ask_expert import ask_expert, say
from reviews.models import Lesson, PeriodReport
from tests.conftest import SignedIn
from tests.factories.incidents import DeviceFactory, incident_about
from tests.factories.remediation import ask, company, incident_naming

pytestmark = pytest.mark.django_db
CLOCK = Actor.system("tests")


def everything_stored() -> str:
    """Every row of every table of the portal, as text; history under seal included."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        tables = [name for (name,) in cursor.fetchall()]
        dump = []
        for table in tables:
            cursor.execute(f'SELECT t::text FROM "{table}" t')
            dump += [f"{table}: {row}" for (row,) in cursor.fetchall()]
    return "\n".join(dump).lower()


def tells(word: str) -> list[str]:
    return sorted({line[:160] for line in everything_stored().splitlines() if word.lower() in line})


def worked_here(ada: User) -> Incident:
    incident = incident_about(DeviceFactory.create())
    update_incident(incident, changes={"assigned_to": ada, "status": "inProgress"}, actor=ada.actor)
    comment_on(incident, text="Looked at the mail.", actor=ada.actor)
    return incident


def test_nothing_tells_any_more_who_worked_here(ada: User, rita: User, adam: User) -> None:
    incident = worked_here(ada)
    ask(ada, "device.isolate", company().device(), incident=incident)
    audit.seal()
    deactivate_user(ada, actor=adam.actor)
    erase_user(ada, actor=adam.actor, reason="Left the company, asked for it")
    assert tells("lindqvist") == []
    assert Comment.objects.get().author["name"] == f"Erased person {ada.pk}"
    assert ActionRun.objects.get().requested_by["name"] == f"Erased person {ada.pk}"
    event = AuditEvent.objects.filter(thread=incident.thread, verb="incident.changed").latest("id")
    assert event.actor_name == event.changes["assigned_to"][1] == f"Erased person {ada.pk}"
    assert audit.seal()
    assert audit.verify().broken_at is None


def did_everything_else(ada: User, rita: User, adam: User, incident: Incident) -> PeriodReport:
    """What later rooms keep of ada beside the incident: brakes, questions, lessons, rules, sign-ins."""
    by, name = ada.actor.as_json(), str(ada)
    thing = {"target_kind": "device", "target_id": DeviceFactory.create().pk, "target_name": "x"}
    run = ActionRun.objects.get()
    Hold.objects.create(facet="network", run_id=run.pk, by=by, reason=f"{name} undid it", **thing)
    EmergencyApproval.objects.create(run=run, by=by, by_id=ada.pk, reason="Alone", ratify_until=clock.now(),
                                     settled_by=by, settled_reason=f"{name} again")  # fmt: skip
    Halt.objects.create(reason=f"Ask {name}", by=by, ended_by=by, ended_at=clock.now())
    ProtectedAsset.objects.create(kind="dns", match_by="name", target_kind="device", pattern="ns-*", author=by,
                                  note=f"Says {name}")  # fmt: skip
    ApprovalPage.objects.create(run=run, step=1, people=[name])
    Refusal.objects.create(stage="request", code="cap", message=f"{name} may not", action="device.isolate", actor=by,
                           inputs={"asked": [{"inputs": {"by": name}}]}, **thing)  # fmt: skip
    Lesson.objects.create(what=f"{name} was alone", created_by=by, owner=ada, incident=incident)
    asked = ask_expert(incident, topic="Known?", text=f"{name} wonders", share=[], expert=rita, within_h=4,
                       actor=ada.actor, user=ada)  # fmt: skip
    say(asked, text=f"Dear {name}, yes.", actor=rita.actor, user=rita)
    rule = Rule.objects.create(name=f"Of {name}", kind="incident", author=ada)
    RuleRecipient.objects.create(rule=rule, kind="address", address=ada.email)
    Dispatch.objects.create(rule=rule, address=ada.email, status="sent", said=f"250 for {ada.email}")
    AccessLog.objects.create(username=ada.username, user_agent="x", path_info="/")
    comment_on(incident, text=f"Asked {name}.", actor=rita.actor)
    return PeriodReport.objects.create(title="May", series=1, since=clock.now(), until=clock.now(), author=by,
                                       content={"author": name}, state="ready")  # fmt: skip


def test_an_erased_analyst_is_told_by_no_row_of_any_room(ada: User, rita: User, adam: User) -> None:
    User.objects.filter(pk=ada.pk).update(email="ada.lindqvist@example.org")
    ada.refresh_from_db()
    incident = worked_here(ada)
    ask(ada, "device.isolate", company().device(), incident=incident)
    report = did_everything_else(ada, rita, adam, incident)
    assert len(tells("lindqvist")) > 15
    outbox.deliver()
    audit.seal()
    deactivate_user(ada, actor=adam.actor)
    erase_user(ada, actor=adam.actor, reason="Left the company, asked for it")
    assert [line.partition(":")[0] for line in tells("lindqvist")] == ["reviews_periodreport"]
    report.refresh_from_db()
    assert report.content == {"author": "Ada Lindqvist"}
    event = AuditEvent.objects.get(verb="person.erased")
    assert event.data["kept"] == ["1 report of a period, as frozen, with the PDF"]
    assert not Rule.objects.filter(enabled=True).exists()
    assert not AccessLog.objects.filter(username="ada").exists()
    assert audit.verify().broken_at is None


def test_somebody_who_works_here_is_not_erased(ada: User, adam: User) -> None:
    with pytest.raises(ValidationError, match="switch it off first"):
        erase_user(ada, actor=adam.actor, reason="Too early")


def test_a_legal_hold_keeps_who_worked_on_the_case(ada: User, mona: User, adam: User) -> None:
    place_hold(worked_here(ada), reason="Court", actor=mona.actor)
    deactivate_user(ada, actor=adam.actor)
    with pytest.raises(ValidationError, match="under a legal hold"):
        erase_user(ada, actor=adam.actor, reason="Asked for it")


def an_account() -> tuple[Identity, Incident]:
    account = company().identity()
    names = {"display_name": "Marta Quindel", "upn": "m.quindel@corp.example", "key": "m.quindel@corp.example"}
    Identity.objects.filter(pk=account.pk).update(**names)
    account.refresh_from_db()
    incident = incident_naming(account)
    alert = incident.alerts.get()
    alert.title = "Sign-in of Marta Quindel from abroad"
    alert.additional_data = {"who": ["m.quindel@corp.example"], "count": 3}
    alert.save()
    data = {"by": "Marta Quindel"}
    Evidence.objects.create(alert=alert, type="process", display="runas /user:M.QUINDEL@corp.example", data=data)
    return account, incident


def close(incident: Incident) -> None:
    update_incident(incident, changes={"status": "resolved"}, actor=CLOCK)


def test_alerts_lose_the_names_of_an_erased_account_and_keep_the_rest(ada: User, adam: User) -> None:
    account, incident = an_account()
    comment_on(incident, text="Called Marta Quindel.", actor=ada.actor)
    close(incident)
    erase_account(account, actor=adam.actor, reason="Left the company")
    assert tells("quindel") == []
    alert = Alert.objects.get()
    assert alert.title == f"Sign-in of Erased identity {account.pk} from abroad"
    assert alert.additional_data["count"] == 3
    assert Comment.objects.get().text == f"Called Erased identity {account.pk}."


@pytest.mark.parametrize("state", ["open", "held"])
def test_an_account_of_a_case_that_goes_on_stays(state: str, adam: User, mona: User) -> None:
    account, incident = an_account()
    if state == "held":
        close(incident)
        place_hold(incident, reason="Court", actor=mona.actor)
    with pytest.raises(ValidationError, match="open" if state == "open" else "legal hold"):
        erase_account(account, actor=adam.actor, reason="Left the company")


def test_the_dialog_says_what_stands_in_the_way(signed_in: SignedIn, client: Client, adam: User, ada: User) -> None:
    account, incident = an_account()
    page: Any = signed_in(client, adam)
    address = f"/identities/{account.pk}/erase/"
    assert "open: resolve them first" in page.get(address).content.decode()
    close(incident)
    page.post(address, {"reason": "Left the company"})
    account.refresh_from_db()
    assert account.name_key is None
    assert signed_in(Client(), ada).get(address).status_code == 403
