"""Restricting execution, packages, facts of the portal, passwords, sessions and inbox rules, from request to undo."""

import io
import json
import zipfile
from typing import Any

import pytest
from django.test import Client

from accounts.models import User
from connectors.kinds.simulator import world
from connectors.kinds.simulator.package import MANIFEST
from core import blobs
from core.models import AuditEvent
from incidents.models import Device
from remediation.models import ActionRun, ControlState, RunArtefact
from remediation.refused import Refused
from remediation.services.carry_out import carry_out
from remediation.services.open_package import ZIP
from remediation.services.undo import undo_run
from tests.conftest import SignedIn
from tests.factories.remediation import Company, DeviceFactory, approve, ask, company, done

pytestmark = pytest.mark.django_db
RULE = "hide-invoices"


@pytest.fixture
def place(db: None) -> Company:
    return company()


def undone(run: ActionRun, asker: User, approver: User) -> ActionRun:
    back = undo_run(run, actor=asker.actor, user=asker, comment="No longer needed")
    return carry_out(approve(approver, back) if back.decision == "pending" else back)


def package_of(run: ActionRun) -> RunArtefact:
    return run.artefacts.get(blob__media_type=ZIP)


def test_restricted_apps_are_verified_and_given_free_again(ada: User, rita: User, place: Company) -> None:
    device = place.device()
    run = done(ada, rita, "device.restrict_execution", device, mode="restricted")
    assert (run.status, run.verification["observed"]) == ("succeeded", "restricted")
    assert Device.objects.get(pk=device.pk).mitigation["execution"]["active"] is True
    assert undone(run, ada, rita).status == "succeeded"
    assert ControlState.objects.get(facet="execution").observed == "unrestricted"


def test_restricting_and_isolating_one_device_do_not_wait_for_each_other(ada: User, place: Company) -> None:
    device = place.device()
    runs = [ask(ada, action, device) for action in ("device.isolate", "device.restrict_execution")]
    assert [run.is_open for run in runs] == [True, True]


def test_a_package_is_a_zip_whose_manifest_tells_what_failed(ada: User, rita: User, place: Company) -> None:
    run = done(ada, rita, "device.collect_package", place.device())
    assert run.status == "succeeded"
    archive = zipfile.ZipFile(io.BytesIO(blobs.read(package_of(run).blob)))
    points = json.loads(archive.read(MANIFEST))["data_points"]
    assert {point["status"] for point in points} == {"succeeded", "failed"}
    assert {point["file"] for point in points} <= set(archive.namelist())
    assert run.result["failed"] == sum(point["status"] == "failed" for point in points)


def test_what_ran_on_the_device_is_in_its_package(ada: User, rita: User, place: Company) -> None:
    device = place.device()
    world.put_file(place.connection, device.key, "sha256:aa", name="dropper.exe", path="C:\\Temp", running=True)
    run = done(ada, rita, "device.collect_package", device)
    archive = zipfile.ZipFile(io.BytesIO(blobs.read(package_of(run).blob)))
    assert b"dropper.exe" in archive.read("Processes/processes.csv")


def test_a_package_cannot_be_taken_back_and_says_why(ada: User, rita: User, place: Company) -> None:
    run = done(ada, rita, "device.collect_package", place.device())
    with pytest.raises(Refused, match="Collecting changes nothing"):
        undo_run(run, actor=ada.actor, user=ada, comment="Undo")


def test_a_package_is_opened_for_a_reason_that_is_recorded(
    client: Client, ada: User, rita: User, signed_in: SignedIn, place: Company
) -> None:
    run = done(ada, rita, "device.collect_package", place.device())
    url = f"/actions/{run.pk}/packages/{package_of(run).pk}/"
    assert signed_in(client, ada).post(url, {"part": "", "reason": ""}).status_code == 422
    answer = client.post(url, {"part": "", "reason": "Looking for persistence"})
    assert answer.content == blobs.read(package_of(run).blob)
    event = AuditEvent.objects.get(verb="artefact.opened")
    assert (event.reason, event.data["part"]) == ("Looking for persistence", "the whole")


def test_one_part_of_a_package_is_shown_escaped(
    client: Client, ada: User, rita: User, signed_in: SignedIn, place: Company
) -> None:
    device = place.device()
    world.put_file(place.connection, device.key, "sha256:aa", name="<script>x</script>", running=True)
    run = done(ada, rita, "device.collect_package", device)
    url = f"/actions/{run.pk}/packages/{package_of(run).pk}/"
    page = signed_in(client, ada).post(url, {"part": "Processes/processes.csv", "reason": "Looking"}).content.decode()
    assert "&lt;script&gt;x&lt;/script&gt;" in page
    assert "<script>x" not in page


def test_who_only_reads_sees_the_contents_by_name_and_opens_nothing(
    client: Client, ada: User, rita: User, mona: User, signed_in: SignedIn, place: Company
) -> None:
    run = done(ada, rita, "device.collect_package", place.device())
    url = f"/actions/{run.pk}/packages/{package_of(run).pk}/"
    assert MANIFEST in signed_in(client, mona).get(url).content.decode()
    assert "lacks the right" in client.post(url, {"part": "", "reason": "Curious"}).content.decode()
    assert not AuditEvent.objects.filter(verb="artefact.opened").exists()


def test_a_package_of_a_device_out_of_scope_does_not_exist(
    client: Client, ada: User, rita: User, eve: User, signed_in: SignedIn, place: Company
) -> None:
    run = done(ada, rita, "device.collect_package", place.device())
    url = f"/actions/{run.pk}/packages/{package_of(run).pk}/"
    assert signed_in(client, eve).get(url).status_code == 404


def test_the_plain_address_of_a_package_leads_to_the_page_that_asks_why(
    client: Client, ada: User, rita: User, signed_in: SignedIn, place: Company
) -> None:
    run = done(ada, rita, "device.collect_package", place.device())
    answer = signed_in(client, ada).get(f"/actions/{run.pk}/artefacts/{package_of(run).pk}/")
    assert answer.headers["Location"] == f"/actions/{run.pk}/packages/{package_of(run).pk}/"


@pytest.mark.parametrize(
    ("action", "arguments", "column", "after", "before"),
    [
        ("device.set_value", {"value": "high"}, "value", "high", "normal"),
        ("device.set_criticality", {"criticality": "veryHigh"}, "criticality", "veryHigh", "none"),
        ("device.add_tag", {"tag": "Patient zero"}, "tags", ["Patient zero"], []),
    ],
)
def test_a_fact_is_written_at_once_read_back_and_taken_back(
    ada: User,
    rita: User,
    place: Company,
    action: str,
    arguments: dict[str, Any],
    column: str,
    after: object,
    before: object,
) -> None:
    device = place.device()
    run = ask(ada, action, device, **arguments)
    assert (run.status, run.verification["done"]) == ("succeeded", True)
    assert getattr(Device.objects.get(pk=device.pk), column) == after
    assert undone(run, ada, rita).status == "succeeded"
    assert getattr(Device.objects.get(pk=device.pk), column) == before


def test_a_fact_needs_no_connection(ada: User) -> None:
    run = ask(ada, "device.set_value", DeviceFactory.create(), value="low")
    assert (run.status, run.connection) == ("succeeded", None)


def test_a_fact_that_was_so_already_is_not_taken_back(ada: User, place: Company) -> None:
    device = place.device()
    ask(ada, "device.add_tag", device, tag="Kiosk")
    again = ask(ada, "device.add_tag", device, tag="kiosk")
    with pytest.raises(Refused, match="changed nothing"):
        undo_run(again, actor=ada.actor, user=ada, comment="Undo")


def test_setting_a_value_twice_is_two_deeds_and_no_undo(ada: User, place: Company) -> None:
    device = place.device()
    first = ask(ada, "device.set_value", device, value="high")
    second = ask(ada, "device.set_value", device, value="low")
    assert second.undoes is None
    back = undo_run(second, actor=ada.actor, user=ada, comment="Undo")
    assert Device.objects.get(pk=device.pk).value == first.arguments["value"] == back.arguments["value"]


def test_each_account_of_a_person_answers_for_itself(ada: User, rita: User, place: Company) -> None:
    person = place.identity()
    world.put_accounts(place.connection, person.key, "directory", "cloud")
    run = done(ada, rita, "identity.force_password_change", person)
    assert run.status == "succeeded"
    assert run.result["accounts"] == [
        {"account": "directory", "outcome": "change_required"},
        {"account": "cloud", "outcome": "change_required"},
    ]


def test_a_password_demanded_in_one_account_of_two_is_partly_done(ada: User, rita: User, place: Company) -> None:
    person = place.identity(half_fails=True)
    world.put_accounts(place.connection, person.key, "directory", "cloud")
    run = done(ada, rita, "identity.force_password_change", person)
    assert (run.status, run.verification["observed"]) == ("partially_succeeded", "partly_required")


def test_revoked_sessions_are_verified_by_this_very_order_and_stay_revoked(ada: User, place: Company) -> None:
    person = place.identity()
    first = carry_out(ask(ada, "identity.revoke_sessions", person))
    second = carry_out(ask(ada, "identity.revoke_sessions", person))
    assert [first.status, second.status] == ["succeeded", "succeeded"]
    with pytest.raises(Refused, match="cannot be brought back"):
        undo_run(second, actor=ada.actor, user=ada, comment="Undo")


def test_an_inbox_rule_is_switched_off_and_on_as_it_was_written(ada: User, rita: User, place: Company) -> None:
    mailbox = place.mailbox()
    world.put_rule(place.connection, mailbox.key, RULE, name="Hide invoices", does="Moves to RSS Feeds")
    run = done(ada, rita, "mailbox.disable_rule", mailbox, rule_id=RULE)
    assert run.status == "succeeded"
    assert place.state(mailbox)["rules"][RULE]["enabled"] is False
    assert undone(run, ada, rita).status == "succeeded"
    assert place.state(mailbox)["rules"][RULE] == {
        "name": "Hide invoices",
        "does": "Moves to RSS Feeds",
        "enabled": True,
    }


def test_two_rules_of_one_mailbox_are_switched_apart(ada: User, rita: User, place: Company) -> None:
    mailbox = place.mailbox()
    for name in ("first", "second"):
        world.put_rule(place.connection, mailbox.key, name, name=name)
    run = done(ada, rita, "mailbox.disable_rule", mailbox, rule_id="first")
    assert run.facet_key == "first"
    assert [rule["enabled"] for rule in place.state(mailbox)["rules"].values()] == [False, True]


def test_a_rule_that_is_not_there_is_a_failure(ada: User, rita: User, place: Company) -> None:
    run = done(ada, rita, "mailbox.disable_rule", place.mailbox(), rule_id="nothing")
    assert (run.status, "no such rule" in run.status_detail) == ("failed", True)


def test_the_dialog_offers_the_rules_of_the_mailbox(
    client: Client, ada: User, signed_in: SignedIn, place: Company
) -> None:
    mailbox = place.mailbox()
    world.put_rule(place.connection, mailbox.key, RULE, name="Hide invoices", does="Moves to RSS Feeds")
    world.put_rule(place.connection, mailbox.key, "off", name="Old one", enabled=False)
    page = signed_in(client, ada).get(f"/actions/ask/mailbox/{mailbox.pk}/mailbox.disable_rule/").content.decode()
    assert "Hide invoices: Moves to RSS Feeds" in page
    assert "Old one" not in page
