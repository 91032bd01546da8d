"""Readiness is computed: each check turns with what it looks at, is told as far as one may see, and is remembered."""

import csv
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from django.core.exceptions import ValidationError
from django.test import Client

from accounts.enums import UserKind
from accounts.models import DeviceGroup, LinkedIdentity, Role, SignInProvider, User
from accounts.services.erase_person import erase_user
from accounts.services.people import deactivate_user
from connectors.models import Connection
from core import clock, options
from core.actors import Actor
from core.backups import note_backup
from core.models import AuditEvent, BackupKind
from core.readiness import Finding, Look, State, declared
from incidents.enums import Criticality, SensorHealth
from incidents.models import Alert, CorrelationLink, Device
from incidents.services.create_incident import create_incident
from notifications.models import Endpoint, Message, Pulse, Rule, RuleHit
from notifications.services.try_mail import code_of
from remediation.models import ApproverRule
from remediation.services.protect import protect
from reviews.models import Contact, Drill, ReadinessChange
from reviews.readiness import REQUIRED
from reviews.services.contacts import add_contact, change_contact
from reviews.services.drills import add_drill, change_drill, remove_drill
from reviews.services.lessons import write_lesson
from reviews.services.readiness import FELL, note_changes, standings
from tests.conftest import SignedIn
from tests.factories.api import caller
from tests.factories.mail import Postbox, mail_server
from tests.factories.people import DeviceGroupFactory, person

pytestmark = pytest.mark.django_db
ACTOR = Actor.system("test")
CHECKS = {check.key: check for check in declared()}


@pytest.fixture
def postbox(settings: Any) -> Iterator[Postbox]:
    with mail_server(settings) as box:
        yield box


def look(key: str, reader: User | None = None, *, later: timedelta = timedelta()) -> Finding:
    return CHECKS[key].compute(Look(clock.now() + later, reader))


def state(key: str, **more: Any) -> str:
    return look(key, **more).state.value


def named(key: str, reader: User | None = None) -> str:
    return " ".join(f"{row.label} {row.note}" for row in look(key, reader).rows)


def guard(*people: User) -> None:
    for one in people:
        Authenticator.objects.create(user=one, type=Authenticator.Type.TOTP, data={"secret": "", "used": []})


def decided(**more: Any) -> dict[str, Any]:
    return {"decision": "pay_ransom", "name": "Ines Roth", "phone": "+49 30 1", "deputy_name": "Jan Vos",
            "deputy_phone": "+49 30 2", "reviewed": clock.now().date(), **more}  # fmt: skip


def drill(**more: Any) -> Drill:
    return add_drill({"kind": "tabletop", "held": clock.now().date(), "scenario": "Ransomware", **more}, actor=ACTOR)


# ---- people ----


def test_somebody_with_strong_rights_and_no_second_factor_is_missing(adam: User, ada: User) -> None:
    assert state("second_factors") == "missing"
    guard(adam)
    assert (state("second_factors"), look("second_factors").count) == ("warn", 1)
    assert "Ada" in named("second_factors")
    guard(ada)
    assert state("second_factors") == "ok"


def test_whom_a_provider_vouches_for_counts_as_guarded(ada: User) -> None:
    provider = SignInProvider.objects.create(key="corp", name="Corp", issuer="https://x.example", client_id="portal")
    LinkedIdentity.objects.create(provider=provider, subject="1", user=ada)
    assert state("second_factors") == "warn"
    SignInProvider.objects.update(factor_values=["mfa"])
    assert state("second_factors") == "ok"


def test_strong_roles_have_to_demand_the_factor(adam: User, ada: User) -> None:
    Role.objects.update(needs_second_factor=False)
    assert state("roles_demand") == "missing"
    Role.objects.filter(users=adam).update(needs_second_factor=True)
    assert state("roles_demand") == "ok"


def test_a_second_administrator_has_to_be_there(adam: User) -> None:
    assert state("second_administrator") == "warn"
    second = person("otto", "admin")
    assert state("second_administrator") == "ok"
    User.objects.filter(pk=second.pk).update(is_active=False)
    assert state("second_administrator") == "warn"


# ---- response ----


def test_one_approver_is_not_enough_and_a_rule_that_names_one_neither(rita: User) -> None:
    group = DeviceGroupFactory.create(name="Servers")
    assert state("second_approver") == "warn"
    omar = person("omar", "responder", name="Omar Aziz")
    assert state("second_approver") == "ok"
    rule = ApproverRule.objects.create(device_group=group, risk="high")
    rule.approvers.set([rita])
    assert "Servers: high impact, device actions Only Rita" in named("second_approver")
    rule.fallbacks.set([omar])
    assert state("second_approver") == "ok"
    User.objects.update(is_active=False)
    assert state("second_approver") == "missing"


def test_a_service_account_is_no_second_approver(rita: User) -> None:
    robot = person("robot", "responder")
    assert state("second_approver") == "ok"
    User.objects.filter(pk=robot.pk).update(kind=UserKind.SERVICE)
    assert state("second_approver") == "warn"


def test_two_people_have_to_decide_on_protected_assets(adam: User, rita: User) -> None:
    assert state("protected_deciders") == "warn"
    person("otto", "admin")
    assert state("protected_deciders") == "ok"


def test_an_entry_that_means_nothing_protects_nothing() -> None:
    assert state("protections") == "missing"
    protect(kind="dns", match_by="name", target_kind="device", pattern="ns-*", note="Names", actor=ACTOR)
    assert "nothing known is meant" in named("protections")
    device("ns-1.example")
    assert state("protections") == "ok"


# ---- data ----


def device(key: str, **more: Any) -> Device:
    group = more.pop("device_group", None) or DeviceGroup.objects.order_by("pk").first() or DeviceGroupFactory.create()
    return Device.objects.create(key=key, display_name=key.upper(), device_group=group, **more)


def test_a_domain_controller_has_to_be_marked_and_protected() -> None:
    controller = device("dc01.example")
    assert state("key_devices") == "missing"
    protect(kind="domain_controller", match_by="name", target_kind="device", pattern="dc*", note="Logon", actor=ACTOR)
    assert (state("key_devices"), "Without criticality" in named("key_devices")) == ("warn", True)
    Device.objects.filter(pk=controller.pk).update(criticality=Criticality.VERY_HIGH)
    assert state("key_devices") == "ok"
    device("backup-1.example")
    assert "backup server" in named("key_devices")


def test_the_share_of_devices_without_criticality_is_measured_against_an_option() -> None:
    device("a.example", criticality=Criticality.LOW)
    device("b.example")
    assert (state("classified_devices"), look("classified_devices").count) == ("warn", 1)
    options.put("readiness.classified_percent", 50, actor=ACTOR)
    assert state("classified_devices") == "ok"
    Device.objects.update(criticality=Criticality.NONE)
    assert state("classified_devices") == "missing"


def test_a_rule_of_correlation_has_worked_when_it_joined() -> None:
    before = look("correlation_rules")
    incident = create_incident("One", severity="low", description="", category="Impact", entities=[], tags=[],
                               actor=ACTOR)  # fmt: skip
    CorrelationLink.objects.create(
        alert=Alert.objects.get(), incident=incident, reason="sameAsset", rule="device", evidence="WS-1"
    )
    after = look("correlation_rules")
    assert (before.state, after.state, after.count) == (State.WARN, State.WARN, (before.count or 0) + 1)


# ---- sources ----


def test_agents_that_do_not_report_are_named() -> None:
    assert state("agents") == "warn"
    for number in range(5):
        device(f"ws-{number}.example", health=SensorHealth.ACTIVE)
    assert state("agents") == "ok"
    Device.objects.filter(key="ws-3.example").update(health=SensorHealth.INACTIVE)
    assert (state("agents"), named("agents")) == ("warn", "WS-3.EXAMPLE Inactive")


def test_a_source_that_fell_silent_turns_the_check() -> None:
    assert state("sources") == "missing"
    Pulse.objects.create(key="feed:graph:edr", label="edr")
    assert state("sources") == "ok"
    Pulse.objects.update(silent_since=clock.now())
    assert state("sources") == "missing"


def test_a_test_mail_counts_when_somebody_says_that_it_arrived(
    client: Client, signed_in: SignedIn, adam: User, postbox: Postbox
) -> None:
    assert state("test_mail") == "missing"
    signed_in(client, adam)
    client.post("/admin/notifications/test-mail/", {"to": "adam@example.org"})
    assert state("test_mail") == "warn"
    code = code_of("of-the-mail")
    assert client.post("/notices/mail-arrived/?code=forged").status_code == 422
    assert state("test_mail") == "warn"
    assert client.get(f"/notices/mail-arrived/?code={code}").status_code == 200
    client.post(f"/notices/mail-arrived/?code={code}")
    assert (state("test_mail"), state("test_mail", later=timedelta(days=100))) == ("ok", "warn")
    postbox.answer = "554 refused"
    client.post("/admin/notifications/test-mail/", {"to": "adam@example.org"})
    assert state("test_mail") == "missing"


def test_connections_have_to_answer_and_to_be_real() -> None:
    assert state("connections") == "missing"
    row = Connection.objects.create(name="EDR", kind="mde")
    assert state("connections") == "warn"
    Connection.objects.update(health="healthy", checked_at=clock.now())
    assert (state("connections"), state("connections", later=timedelta(days=60))) == ("ok", "warn")
    Connection.objects.filter(pk=row.pk).update(kind="simulator")
    assert "simulated" in look("connections").sentence
    Connection.objects.update(health="unhealthy", kind="mde")
    assert state("connections") == "missing"


def test_rules_that_never_spoke_and_webhooks_that_fail_are_found(adam: User) -> None:
    assert (state("notification_rules"), state("endpoints")) == ("missing", "ok")
    rule = Rule.objects.create(name="High ones", kind="incident", author=adam)
    hook = Endpoint.objects.create(name="Chat", host="x.example", sealed_url=b"")
    assert (state("notification_rules"), state("endpoints")) == ("warn", "ok")
    RuleHit.objects.create(rule=rule, subject="incident:1")
    Endpoint.objects.filter(pk=hook.pk).update(paused_at=clock.now())
    assert (state("notification_rules"), state("endpoints")) == ("ok", "missing")


# ---- preparation ----


def test_backup_and_rehearsal_grow_old() -> None:
    for key, kind in (("backup", BackupKind.BACKUP), ("rehearsal", BackupKind.REHEARSAL)):
        assert state(key) == "missing"
        note_backup(kind, began=clock.real_now(), succeeded=True)
        assert (state(key), state(key, later=timedelta(days=120))) == ("ok", "missing")
        note_backup(kind, began=clock.real_now(), succeeded=False, detail="Disk full")
        assert (state(key), "Disk full" in named(key)) == ("warn", True)


def test_every_decision_wants_somebody_who_can_be_asked(rita: User) -> None:
    assert state("deciders") == "missing"
    for kind in REQUIRED:
        add_contact(decided(decision=kind.value), actor=ACTOR)
    assert (state("deciders"), state("deciders", later=timedelta(days=400))) == ("ok", "warn")
    first = Contact.objects.earliest("pk")
    change_contact(first, changes={"person": rita, "name": "", "deputy_name": ""}, actor=ACTOR)
    assert "No deputy" in named("deciders")
    User.objects.filter(pk=rita.pk).update(is_active=False)
    assert state("deciders") == "missing"


def test_an_exercise_becomes_overdue() -> None:
    assert state("drills") == "missing"
    held = drill(held=clock.now().date() - timedelta(days=100))
    assert (state("drills"), state("drills", later=timedelta(days=100))) == ("ok", "missing")
    change_drill(held, changes={"next_due": clock.now().date() - timedelta(days=1)}, actor=ACTOR)
    assert state("drills") == "missing"


# ---- told as far as one may see ----


def test_who_sees_a_part_is_told_of_that_part(client: Client, signed_in: SignedIn) -> None:
    inside, outside = DeviceGroupFactory.create(name="Inside"), DeviceGroupFactory.create(name="Canary-Group")
    device("dc-canary.example", device_group=outside)
    device("dc-seen.example", device_group=inside)
    kim = person("kim", "manager", groups=[inside])
    note_changes()
    page = signed_in(client, kim).get("/readiness/").content.decode()
    answer = str(caller(kim).get("/readiness").body)
    sheet = b"".join(client.get("/readiness/export.csv").streaming_content).decode()  # type: ignore[attr-defined]
    assert "DC-SEEN" in page
    for said in (page, answer, sheet):
        assert "canary" not in said.lower()
    told = standings(kim)
    assert not [one for one in told if one.check.whole or one.history]


def test_names_of_those_without_a_factor_are_for_who_administers_people(mona: User, adam: User) -> None:
    rows = {one["key"]: one["rows"] for one in caller(mona).get("/readiness").body["checks"]}
    assert rows["second_factors"] is None
    rows = {one["key"]: one["rows"] for one in caller(adam).get("/readiness").body["checks"]}
    assert {row["label"] for row in rows["second_factors"]} >= {str(mona), str(adam)}


def test_the_page_counts_what_holds(client: Client, signed_in: SignedIn, mona: User, ada: User) -> None:
    found = standings(mona)
    hold = sum(one.finding.state == State.OK for one in found)
    page = signed_in(client, mona).get("/readiness/").content.decode()
    assert f'<b class="num">{hold}</b> of <span class="num">{len(found)}</span> hold' in page
    assert signed_in(client, ada).get("/readiness/").status_code == 403


# ---- remembered ----


def test_a_row_is_kept_when_a_state_changes_and_a_fall_is_told(mona: User) -> None:
    Pulse.objects.create(key="feed:graph:edr", label="edr")
    assert note_changes() == len(CHECKS)
    assert note_changes() == 0
    assert not Message.objects.filter(topic=FELL).exists()
    Pulse.objects.update(silent_since=clock.now())
    assert note_changes() == 1
    assert [row.state for row in ReadinessChange.objects.filter(check_key="sources")] == ["ok", "missing"]
    assert Message.objects.get(topic=FELL).title == "Sources speak: missing"
    one = next(one for one in standings(mona) if one.check.key == "sources")
    assert one.since == ReadinessChange.objects.filter(check_key="sources").latest("pk").at
    Pulse.objects.update(silent_since=None)
    note_changes()
    assert Message.objects.filter(topic=FELL).count() == 1
    assert ReadinessChange.objects.filter(check_key="sources").latest("pk").former == "missing"


# ---- facts that people keep ----


def test_contacts_are_kept_by_managers_and_read_by_the_team(
    client: Client, signed_in: SignedIn, mona: User, ada: User
) -> None:
    signed_in(client, mona)
    wanted = {"decision": "pay_ransom", "name": "Ines Roth", "phone": "=1+1", "reviewed": str(date(2026, 1, 5))}
    assert client.post("/contacts/new/", {**wanted, "name": ""}).status_code == 422
    client.post("/contacts/new/", wanted)
    row = Contact.objects.get()
    assert "Ines Roth" in signed_in(client, ada).get("/contacts/").content.decode()
    assert client.post(f"/contacts/{row.pk}/confirm/").status_code == 403
    lines = list(csv.reader(b"".join(client.get("/contacts/export.csv").streaming_content).decode().splitlines()))  # type: ignore[attr-defined]
    assert (lines[1][2], lines[1][3]) == ("Ines Roth", "'=1+1")
    signed_in(client, mona).post(f"/contacts/{row.pk}/confirm/")
    row.refresh_from_db()
    assert (row.reviewed, row.version) == (clock.now().date(), 2)
    client.post(f"/contacts/{row.pk}/remove/", {"reason": "Left the company"})
    verbs = AuditEvent.objects.filter(subject=f"contact:{row.pk}").order_by("id").values_list("verb", flat=True)
    assert list(verbs) == ["contact.added", "contact.changed", "contact.removed"]


def test_somebody_who_is_erased_is_named_no_more(rita: User, adam: User) -> None:
    User.objects.filter(pk=rita.pk).update(email="r.moreno@example.org")
    rita.refresh_from_db()
    add_contact(decided(person=rita, name="", phone="+49 30 4711", mail="moreno@home.example"), actor=ACTOR)
    drill(participants="Rita Moreno, the board")
    deactivate_user(rita, actor=adam.actor)
    erase_user(rita, actor=adam.actor, reason="Asked for it")
    row = Contact.objects.get()
    assert (row.person, row.phone, row.decider) == (None, "", f"Erased person {rita.pk}")
    assert Drill.objects.get().participants == f"Erased person {rita.pk}, the board"
    told = str(AuditEvent.objects.get(subject=f"contact:{row.pk}", verb="contact.added").changes)
    assert "4711" not in told
    assert "home.example" not in told


def test_what_makes_no_sense_is_refused(rita: User) -> None:
    tomorrow = clock.now().date() + timedelta(days=1)
    wrong: list[Callable[[], Any]] = [
        lambda: add_contact(decided(name=""), actor=ACTOR),
        lambda: add_contact(decided(decision="other"), actor=ACTOR),
        lambda: add_contact(decided(person=rita, deputy=rita), actor=ACTOR),
        lambda: add_contact(decided(reviewed=tomorrow), actor=ACTOR),
        lambda: add_contact(decided(exercise="demo"), actor=ACTOR),
        lambda: drill(held=tomorrow),
        lambda: drill(scenario=" "),
        lambda: drill(next_due=clock.now().date()),
    ]
    for attempt in wrong:
        with pytest.raises(ValidationError):
            attempt()
    assert not Contact.objects.exists()
    assert not Drill.objects.exists()


def test_an_exercise_is_linked_to_what_was_learned(client: Client, signed_in: SignedIn, mona: User, ada: User) -> None:
    lesson = write_lesson({"what": "Keep a printed list."}, actor=ada.actor)
    signed_in(client, mona)
    client.post("/drills/new/", {"kind": "tabletop", "held": "2026-01-05", "scenario": "Ransomware on a Friday",
                                 "findings": "Nobody had the number.", "lessons": [lesson.pk]})  # fmt: skip
    row = Drill.objects.get()
    assert list(row.lessons.all()) == [lesson]
    assert lesson.number in client.get("/drills/").content.decode()
    assert caller(ada).get("/drills").body["results"][0]["lesson_ids"] == [str(lesson.pk)]
    subject = f"drill:{row.pk}"
    remove_drill(row, actor=mona.actor, reason="Written twice")
    assert AuditEvent.objects.filter(subject=subject, reason="Written twice").exists()
