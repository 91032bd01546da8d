"""Several runs of one action in one go: each is authorised and recorded by itself, and the answer tells of each."""

import pytest
from django.test import Client

from accounts.models import DeviceGroup, User
from connectors.kinds.simulator import world
from incidents.models import File
from remediation.models import ActionRun
from remediation.services.bulk import Deed, alike
from remediation.services.undo import undo_run
from reviews.timeline import timeline_of
from tests.conftest import SignedIn
from tests.factories.api import caller
from tests.factories.people import person
from tests.factories.remediation import (
    MESSAGE_ID,
    Company,
    FileFactory,
    approve,
    ask,
    company,
    done,
    incident_naming,
    saw,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def place(db: None) -> Company:
    return company()


def quarantined(place: Company, ada: User, rita: User, file: File, number: int) -> ActionRun:
    devices = [place.device() for _ in range(number)]
    for device in devices:
        world.put_file(place.connection, device.key, file.key, name=file.display_name)
    saw(file, *devices)
    return done(ada, rita, "file.quarantine", file)


def decisions(*runs: ActionRun) -> list[str]:
    return [ActionRun.objects.get(pk=run.pk).decision for run in runs]


def test_each_request_is_decided_by_itself_and_the_answer_tells_of_each(place: Company, ada: User, rita: User) -> None:
    others, own = ask(ada, "device.isolate", place.device()), ask(rita, "device.isolate", place.device())
    answer = caller(rita).post("/actions/bulk/approve", {"ids": [str(others.pk), str(own.pk), "999999"]})
    assert answer.status == 200
    assert (answer.body["done"], answer.body["refused"]) == (1, 2)
    told = {row["id"]: (row["ok"], row["code"]) for row in answer.body["results"]}
    assert told == {str(others.pk): (True, ""), str(own.pk): (False, "same_person"), "999999": (False, "not_found")}
    assert decisions(others, own) == ["approved", "pending"]


def test_actions_of_two_types_are_refused_with_the_reason(place: Company, ada: User, rita: User) -> None:
    runs = [ask(ada, "device.isolate", place.device()), ask(ada, "identity.disable", place.identity())]
    answer = caller(rita).post("/actions/bulk/approve", {"ids": [str(run.pk) for run in runs]})
    assert answer.status == 400
    assert "Only actions of one type" in answer.body["error"]["message"]
    assert decisions(*runs) == ["pending", "pending"]


def test_rejecting_many_needs_a_reason(place: Company, ada: User, rita: User) -> None:
    runs = [ask(ada, "device.isolate", place.device()) for _ in range(2)]
    ids = [str(run.pk) for run in runs]
    assert caller(rita).post("/actions/bulk/reject", {"ids": ids}).status == 400
    assert decisions(*runs) == ["pending", "pending"]
    assert caller(rita).post("/actions/bulk/reject", {"ids": ids, "comment": "Wrong hosts"}).body["done"] == 2
    assert decisions(*runs) == ["rejected", "rejected"]


def test_undoing_many_makes_a_second_run_of_each_that_another_person_approves(
    place: Company, ada: User, rita: User
) -> None:
    runs = [done(ada, rita, "device.isolate", place.device()) for _ in range(2)]
    answer = caller(ada).post("/actions/bulk/undo", {"ids": [str(run.pk) for run in runs], "comment": "Clean"})
    seconds = ActionRun.objects.filter(undoes__in=runs)
    assert {row["run_id"] for row in answer.body["results"]} == {str(run.pk) for run in seconds}
    assert {run.decision for run in seconds} == {"pending"}
    again = caller(ada).post("/actions/bulk/undo", {"ids": [str(run.pk) for run in runs], "comment": "Clean"})
    assert (again.body["done"], {row["code"] for row in again.body["results"]}) == (0, {"conflict"})


def test_what_lies_outside_the_scope_is_as_if_it_were_not_there(
    place: Company, ada: User, elsewhere: DeviceGroup
) -> None:
    run = ask(ada, "device.isolate", place.device())
    answer = caller(person("egon", "responder", groups=[elsewhere])).post(
        "/actions/bulk/approve", {"ids": [str(run.pk)]}
    )
    assert [row["code"] for row in answer.body["results"]] == ["not_found"]
    assert decisions(run) == ["pending"]


def test_the_pages_dialog_says_what_would_be_refused_and_then_what_was(
    client: Client, place: Company, ada: User, rita: User, signed_in: SignedIn
) -> None:
    others, own = ask(ada, "device.isolate", place.device()), ask(rita, "device.isolate", place.device())
    signed_in(client, rita)
    query = f"what=approve&id={others.pk}&id={own.pk}"
    dialog = client.get(f"/actions/decide/?{query}").content.decode()
    assert "cut off from the network" in dialog
    assert f"{own.number}: " in dialog
    answer = client.post("/actions/decide/", {"id": [others.pk, own.pk], "what": "approve", "reason": "Both"})
    assert "1 of 2 approved" in answer.content.decode()
    assert decisions(others, own) == ["approved", "pending"]


def test_checked_rows_of_two_types_open_a_dialog_that_says_why_not(
    client: Client, place: Company, ada: User, rita: User, signed_in: SignedIn
) -> None:
    runs = [done(ada, rita, "device.isolate", place.device()), done(ada, rita, "identity.disable", place.identity())]
    signed_in(client, ada)
    query = "&".join(f"id={run.pk}" for run in runs)
    dialog = client.get(f"/actions/decide/?what=undo&{query}").content.decode()
    assert "Only actions of one type are done together" in dialog
    assert "Disable account, Isolate device" in dialog
    assert (
        client.post("/actions/decide/", {"what": "undo", "id": [runs[0].pk, runs[1].pk], "reason": "x"}).status_code
        == 422
    )
    assert not ActionRun.objects.exclude(undoes=None).exists()


def test_undo_in_the_history_asks_for_each_of_the_checked_rows(
    client: Client, place: Company, ada: User, rita: User, signed_in: SignedIn
) -> None:
    runs = [done(ada, rita, "device.isolate", place.device()) for _ in range(3)]
    signed_in(client, ada)
    page = client.get("/actions/history/").content.decode()
    assert page.count('name="id"') == 3
    client.post("/actions/decide/", {"id": [run.pk for run in runs], "what": "undo", "reason": "All clean"})
    assert ActionRun.objects.filter(undoes__in=runs, action="device.release").count() == 3


def test_undoing_one_device_of_a_quarantine_offers_the_others_with_the_same_file(
    client: Client, place: Company, ada: User, rita: User, signed_in: SignedIn
) -> None:
    whole = quarantined(place, ada, rita, FileFactory.create(), 3)
    first, *rest = whole.children.order_by("pk")
    assert {run.pk for run in alike(first, ada, deed=Deed.UNDO)} == {run.pk for run in rest}
    signed_in(client, ada)
    dialog = client.get(f"/actions/{first.pk}/undo/").content.decode()
    assert "Apply to 2 more instances" in dialog
    assert all(run.target_name in dialog for run in rest)
    also = [str(run.pk) for run in rest]
    client.post(f"/actions/{first.pk}/undo/", {"reason": "A tool of ours", "more": "1", "also": also})
    assert ActionRun.objects.filter(undoes__in=[first, *rest]).count() == 3


def test_undoing_one_device_of_a_quarantine_speaks_of_the_file_and_of_that_device(
    client: Client, place: Company, ada: User, rita: User, signed_in: SignedIn
) -> None:
    file = FileFactory.create()
    whole = quarantined(place, ada, rita, file, 2)
    first = whole.children.order_by("pk")[0]
    dialog = signed_in(client, ada).get(f"/actions/{first.pk}/undo/").content.decode()
    assert f"Quarantine {whole.target_name} on {first.target_name}" in dialog
    assert f"{whole.target_name} is put back where it lay" in dialog
    assert f"on {first.target_name} alone" in dialog
    assert "on every device" not in dialog
    dialog = client.get(f"/actions/{whole.pk}/undo/").content.decode()
    assert "on every device" in dialog


def test_the_undo_of_one_part_names_its_file_wherever_it_is_told(
    client: Client, place: Company, ada: User, rita: User, signed_in: SignedIn
) -> None:
    whole = quarantined(place, ada, rita, FileFactory.create(), 2)
    part = whole.children.order_by("pk")[0]
    file, device = whole.target_name, part.target_name
    incident = incident_naming(place.device())
    back = undo_run(part, actor=ada.actor, user=ada, comment="Ours", incident=incident)
    dialog = signed_in(client, rita).get(f"/actions/{back.pk}/approve/").content.decode()
    assert f"Approve: Restore {file} on {device}" in dialog
    assert f"{file} is put back where it lay" in dialog
    assert f"on {device} alone." in dialog
    assert "on every device" not in dialog
    assert f"{file} is put back where it lay" in client.get("/actions/").content.decode()
    assert f"Quarantine {file} on {device}" in client.get(f"/actions/{part.pk}/").content.decode()
    told = [moment.text for moment in timeline_of(incident)]
    assert f"Restore file from quarantine: {file} on {device} requested" in told


def test_without_the_check_only_the_one_is_undone(
    client: Client, place: Company, ada: User, rita: User, signed_in: SignedIn
) -> None:
    whole = quarantined(place, ada, rita, FileFactory.create(), 2)
    first, other = whole.children.order_by("pk")
    signed_in(client, ada)
    client.post(f"/actions/{first.pk}/undo/", {"reason": "A tool of ours", "also": [other.pk]})
    assert list(ActionRun.objects.filter(undoes__in=[first, other]).values_list("undoes_id", flat=True)) == [first.pk]


def test_approving_one_request_offers_the_equal_ones_that_wait(
    client: Client, place: Company, ada: User, rita: User, signed_in: SignedIn
) -> None:
    boxes = [place.mailbox() for _ in range(3)]
    runs = [ask(ada, "mailbox.soft_delete_message", box, message_id=MESSAGE_ID) for box in boxes]
    signed_in(client, rita)
    assert "Apply to 2 more instances" in client.get(f"/actions/{runs[0].pk}/approve/").content.decode()
    also = [run.pk for run in runs[1:]]
    client.post(f"/actions/{runs[0].pk}/approve/", {"reason": "", "more": "1", "also": also})
    assert decisions(*runs) == ["approved"] * 3


def test_more_instances_are_only_those_that_are_alike(
    client: Client, place: Company, ada: User, rita: User, signed_in: SignedIn
) -> None:
    device, stranger = place.device(), place.device()
    incident = incident_naming(device)
    run, other = ask(ada, "device.isolate", device, incident=incident), ask(ada, "device.isolate", stranger)
    signed_in(client, rita)
    client.post(f"/actions/{run.pk}/approve/", {"reason": "", "more": "1", "also": [other.pk]})
    assert decisions(run, other) == ["approved", "pending"]
    assert approve(rita, other).decision == "approved"
