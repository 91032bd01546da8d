"""What a review says of containment: what was held at the close, by what, and what was taken back."""

from datetime import timedelta

import pytest
from django.test import Client

from accounts.models import User
from connectors.kinds.simulator import world
from core import clock
from incidents.models import Device, File, Identity, Incident
from incidents.services.manage import update_incident
from incidents.told_times import told_times
from remediation.models import ActionRun
from remediation.services.carry_out import carry_out
from remediation.services.quarantined import run_ended
from remediation.services.undo import undo_run
from reviews.clocks import Clock, clocks_of
from reviews.containment import asset_states
from reviews.models import Review
from reviews.report import build_report, report_of
from reviews.services.print import as_html
from reviews.services.sign import sign_review
from reviews.services.write import open_review
from tests.conftest import SignedIn
from tests.factories.people import DeviceGroupFactory, person
from tests.factories.remediation import Company, FileFactory, approve, company, done, incident_naming, saw
from tests.factories.reviews import NINE, resolved_incident, written_review

pytestmark = pytest.mark.django_db

ATTACKED = 4


@pytest.fixture
def place() -> Company:
    return company()


@pytest.fixture
def incident(place: Company) -> Incident:
    """Four devices and one account were attacked at nine."""
    things: list[Device | Identity] = [place.device() for _ in range(ATTACKED)]
    with clock.at(NINE):
        return incident_naming(*things, place.identity(), severity="high")


def attacked_devices(incident: Incident) -> list[Device]:
    return list(Device.objects.filter(evidence__alert__incident=incident).order_by("display_name"))


def isolated(incident: Incident, device: Device, ada: User, rita: User, *, minute: int) -> ActionRun:
    with clock.at(NINE + timedelta(minutes=minute)):
        return done(ada, rita, "device.isolate", device, incident=incident)


def taken_back(run: ActionRun, ada: User, rita: User, *, after_s: int) -> None:
    assert run.ended is not None
    with clock.at(run.ended + timedelta(seconds=after_s)):
        carry_out(approve(rita, undo_run(run, actor=ada.actor, user=ada, comment="False alarm")))


def closed(incident: Incident, actor: User, *, minute: int = 60) -> Incident:
    with clock.at(NINE + timedelta(minutes=minute)):
        changes = {"status": "resolved", "classification": "truePositive"}
        return update_incident(incident, changes=changes, actor=actor.actor)


def contain_clock(incident: Incident) -> Clock:
    incident.refresh_from_db()
    return next(one for one in clocks_of(incident) if one.key == "contain")


def quarantined(place: Company, incident: Incident, ada: User, rita: User) -> ActionRun:
    """One file of the first device that was attacked."""
    device, file = attacked_devices(incident)[0], FileFactory.create()
    world.put_file(place.connection, device.key, file.key, name=file.display_name)
    saw(file, device)
    return done(ada, rita, "file.quarantine", file, incident=incident)


def test_a_device_from_which_one_file_was_taken_is_not_contained_by_that(
    place: Company, incident: Incident, ada: User, rita: User
) -> None:
    run = quarantined(place, incident, ada, rita)
    assert run.children.get().target_id == attacked_devices(incident)[0].pk
    assert not any(state.contained for state in asset_states(incident))


def test_a_containment_taken_back_before_the_close_says_so(incident: Incident, ada: User, rita: User) -> None:
    run = isolated(incident, attacked_devices(incident)[0], ada, rita, minute=47)
    taken_back(run, ada, rita, after_s=54)
    closed(incident, ada)

    found = contain_clock(incident)

    assert (found.seconds, found.words, found.note) == (None, "Never contained", "Undone after 54 s")
    assert found.aside == "At the close, 0 of 4 devices, 0 of 1 account contained."


def test_a_containment_that_holds_says_how_far_it_went(incident: Incident, ada: User, rita: User) -> None:
    isolated(incident, attacked_devices(incident)[0], ada, rita, minute=20)
    closed(incident, ada)

    found = contain_clock(incident)

    assert (found.note, found.met) == ("", True)
    assert found.aside == "At the close, 1 of 4 devices, 0 of 1 account contained."


def test_a_containment_that_only_began_is_not_called_met_anywhere(
    incident: Incident, client: Client, ada: User, rita: User, signed_in: SignedIn
) -> None:
    isolated(incident, attacked_devices(incident)[0], ada, rita, minute=20)
    signed_in(client, ada)
    review = written_review(closed(incident, ada), ada)
    assert contain_clock(incident).partly
    page = client.get(f"/reviews/{incident.pk}/").content.decode()
    assert "Begun in time" in page.partition("First containment")[2].partition("</div></div>")[0]
    assert "begun in time" in as_html(review)
    head = client.get(f"/incidents/{incident.pk}/").content.decode().partition('class="drop start clocks"')[2]
    assert "Begun in time" in head.partition("</details>")[0]


def test_another_containment_that_stands_saves_the_figure(incident: Incident, ada: User, rita: User) -> None:
    first, second, *_ = attacked_devices(incident)
    taken_back(isolated(incident, first, ada, rita, minute=10), ada, rita, after_s=60)
    isolated(incident, second, ada, rita, minute=20)
    closed(incident, ada)

    found = contain_clock(incident)
    assert (found.seconds, found.note) == (20 * 60, "")


def test_a_containment_that_was_undone_and_done_again_counts_from_the_second_time(
    incident: Incident, ada: User, rita: User
) -> None:
    device = attacked_devices(incident)[0]
    taken_back(isolated(incident, device, ada, rita, minute=10), ada, rita, after_s=60)
    assert contain_clock(incident).seconds is None
    isolated(incident, device, ada, rita, minute=30)
    assert contain_clock(incident).seconds == 30 * 60


def test_a_quarantine_that_was_undone_is_no_containment(
    place: Company, incident: Incident, ada: User, rita: User
) -> None:
    run = quarantined(place, incident, ada, rita)
    assert contain_clock(incident).ended is not None
    carry_out(approve(rita, undo_run(run, actor=ada.actor, user=ada, comment="False alarm")))
    assert contain_clock(incident).ended is None


def test_a_quarantine_whose_parts_were_undone_one_by_one_is_no_containment(
    place: Company, incident: Incident, ada: User, rita: User
) -> None:
    file, devices = FileFactory.create(), attacked_devices(incident)[:2]
    for device in devices:
        world.put_file(place.connection, device.key, file.key, name=file.display_name)
    saw(file, *devices)
    run = done(ada, rita, "file.quarantine", file, incident=incident)
    for part in run.children.all():
        assert contain_clock(incident).ended is not None
        carry_out(approve(rita, undo_run(part, actor=ada.actor, user=ada, comment="Needed here")))
    assert contain_clock(incident).ended is None


def test_a_quarantine_that_was_given_back_in_part_is_not_called_undone(
    place: Company, incident: Incident, ada: User, rita: User
) -> None:
    near, far = attacked_devices(incident)[:2]
    file, group = FileFactory.create(), DeviceGroupFactory.create()
    Device.objects.filter(pk=near.pk).update(device_group=group)
    for device in (near, far):
        world.put_file(place.connection, device.key, file.key, name=file.display_name)
    saw(file, near, far)
    half = person("half", "analyst", groups=[group])
    with clock.at(NINE + timedelta(minutes=20)):
        run = done(ada, rita, "file.quarantine", file, incident=incident)
        back = carry_out(approve(rita, undo_run(run, actor=half.actor, user=half, comment="Needed here")))
    closed(incident, ada)
    found = contain_clock(incident)
    assert (back.result["total"], found.ended is None, found.note) == (1, False, "")


def test_one_restore_gives_back_what_two_quarantines_took(
    place: Company, incident: Incident, ada: User, rita: User
) -> None:
    run = quarantined(place, incident, ada, rita)
    file = File.objects.get(pk=run.target_id)
    again = done(ada, rita, "file.quarantine", file, incident=incident)
    back = done(ada, rita, "file.restore", file)
    for one in (run, again, back):
        for part in one.children.all():
            run_ended(part.pk, part.status)
    assert (back.status, contain_clock(incident).ended) == ("succeeded", None)


def test_one_release_takes_back_every_isolation_before_it(incident: Incident, ada: User, rita: User) -> None:
    device = attacked_devices(incident)[0]
    isolated(incident, device, ada, rita, minute=10)
    with clock.at(NINE + timedelta(minutes=20)):
        run = done(ada, rita, "device.isolate", device, incident=incident, isolation_type="selective")
    assert contain_clock(incident).ended is not None
    taken_back(run, ada, rita, after_s=60)
    assert contain_clock(incident).ended is None


def test_the_log_alone_tells_the_same_times_after_an_undo(incident: Incident, ada: User, rita: User) -> None:
    first, second, *_ = attacked_devices(incident)
    taken_back(isolated(incident, first, ada, rita, minute=10), ada, rita, after_s=60)
    isolated(incident, second, ada, rita, minute=20)
    incident.refresh_from_db()
    assert told_times(clock.now())[incident.pk].contained == incident.contained_at


def test_what_is_released_after_the_close_was_contained_at_the_close(incident: Incident, ada: User, rita: User) -> None:
    run = isolated(incident, attacked_devices(incident)[0], ada, rita, minute=20)
    closed(incident, ada, minute=30)
    taken_back(run, ada, rita, after_s=3600)

    found = contain_clock(incident)

    assert (found.seconds, found.note) == (20 * 60, "")
    assert "1 of 4 devices" in found.aside


def test_the_report_tells_each_asset_with_action_time_and_end(incident: Incident, ada: User, rita: User) -> None:
    first, second, *_ = attacked_devices(incident)
    run = isolated(incident, first, ada, rita, minute=10)
    taken_back(run, ada, rita, after_s=60)
    held = isolated(incident, second, ada, rita, minute=20)
    closed(incident, ada)
    incident.refresh_from_db()

    rows = {row["name"]: row for row in build_report(open_review(incident, actor=ada.actor))["containment"]}

    assert len(rows) == ATTACKED + 1
    assert (rows[first.display_name]["contained"], rows[first.display_name]["run"]) == (False, run.number)
    assert rows[first.display_name]["undone"] == NINE + timedelta(minutes=11)
    assert (rows[second.display_name]["contained"], rows[second.display_name]["since"]) == (True, held.ended)
    assert rows[second.display_name]["action"] == "Isolate device"


def test_a_closed_incident_that_nobody_took_was_never_acknowledged_and_missed() -> None:
    incident = resolved_incident()
    incident.acknowledged = incident.contained_at = None

    acknowledge, contain, _ = clocks_of(incident)

    assert (acknowledge.words, acknowledge.met, acknowledge.seconds) == ("Never acknowledged", False, None)
    assert contain.words == "Never contained"


def test_page_and_document_tell_the_table_and_what_was_verified(
    incident: Incident, client: Client, ada: User, rita: User, signed_in: SignedIn
) -> None:
    isolated(incident, attacked_devices(incident)[0], ada, rita, minute=20)
    review = written_review(closed(incident, ada), ada)

    page = signed_in(client, ada).get(f"/reviews/{incident.pk}/").content.decode()

    for text in (page, as_html(review)):
        assert "What was contained when it was closed" in text
        assert "1 of 4 devices" in text
        assert "Isolated, verified" in text


def test_the_signed_document_names_author_owner_and_signer(ada: User, rita: User, mona: User) -> None:
    incident = resolved_incident()
    Incident.objects.filter(pk=incident.pk).update(assigned_to=rita)
    incident.refresh_from_db()

    review = sign_review(written_review(incident, ada), actor=mona.actor)

    report = report_of(review)
    assert (report["author"], report["incident"]["owner"]) == ("Ada Lindqvist", "Rita Moreno")
    assert "Mona Haddad" in report["people"]
    assert "Mona Haddad" in as_html(review).partition("People involved")[2]


def test_a_review_signed_before_containment_was_told_still_prints(ada: User, mona: User) -> None:
    review = sign_review(written_review(resolved_incident(), ada), actor=mona.actor)
    old = {key: value for key, value in (review.snapshot or {}).items() if key not in {"containment", "author"}}
    old["clocks"] = [
        {key: value for key, value in row.items() if key not in {"words", "note", "aside", "partly"}}
        for row in old["clocks"]
    ]
    Review.objects.filter(pk=review.pk).update(snapshot=old)
    review.refresh_from_db()

    page = as_html(review)

    assert "Ada Lindqvist" in page
    assert "What was contained" not in page


def test_what_was_taken_back_before_the_incident_began_tells_of_another_one(
    place: Company, ada: User, rita: User
) -> None:
    device = place.device()
    with clock.at(NINE - timedelta(days=2)):
        earlier = incident_naming(device, severity="high")
    taken_back(isolated(earlier, device, ada, rita, minute=-2000), ada, rita, after_s=60)
    with clock.at(NINE):
        later = incident_naming(device, severity="high")
    [state] = asset_states(closed(later, ada))
    assert (state.name, state.contained, state.action, state.since) == (device.display_name, False, "", None)
