"""The page of a file names the devices that have it, dialogs say how much they touch and what a hash is of."""

from typing import Any

import pytest
from django.test import Client

from accounts.models import User
from incidents.models import Device, Evidence, File
from incidents.services.restrict import restrict_incident
from remediation.cleaning_forms import SweepForm
from remediation.models import ControlState, QuarantinedItem
from remediation.services.gather_signs import Sign
from remediation.services.preview import preview_action
from tests.conftest import SignedIn
from tests.factories.remediation import Company, FileFactory, company, saw

pytestmark = pytest.mark.django_db


@pytest.fixture
def place() -> Company:
    return company()


@pytest.fixture
def on_two(place: Company) -> tuple[File, Device, Device]:
    file, first, second = FileFactory.create(path="/srv/x", display_name="x"), place.device(), place.device()
    saw(file, first, second)
    return file, first, second


def card_of(client: Client, signed_in: SignedIn, user: User, file: File) -> str:
    page = signed_in(client, user).get(f"/files/{file.pk}/").content.decode()
    return page.partition('id="file-devices"')[2].partition("</section>")[0]


def test_the_page_of_a_file_names_the_devices_that_have_it_and_how_it_stands(
    client: Client, signed_in: SignedIn, on_two: Any, ada: User
) -> None:
    file, first, second = on_two
    QuarantinedItem.objects.create(device=first, file=file, item="a" * 24, name="x", path="/srv/x")
    card = card_of(client, signed_in, ada, file)
    assert f'href="/devices/{first.pk}/"' in card
    assert f'href="/devices/{second.pk}/"' in card
    assert (card.count("In quarantine"), card.count(">Seen<")) == (1, 1)
    assert "/srv/x" in card
    ControlState.objects.create(target_kind="device", target_id=second.pk, facet="files", facet_key=file.key,
                                desired="quarantined", observed="present")  # fmt: skip
    assert ">Present<" in card_of(client, signed_in, ada, file)


def test_devices_out_of_scope_are_not_named(client: Client, signed_in: SignedIn, on_two: Any, eve: User) -> None:
    assert card_of(client, signed_in, eve, on_two[0]) == ""


def test_what_only_a_restricted_incident_tells_is_not_told(
    client: Client, signed_in: SignedIn, place: Company, ada: User, mona: User, rita: User
) -> None:
    file, open_one, kept = FileFactory.create(), place.device(), place.device()
    saw(file, open_one)
    saw(file, kept)
    secret = Evidence.objects.get(device=kept).alert.incident
    assert secret is not None
    restrict_incident(secret, people=[mona, rita], actor=mona.actor, reason="An insider")
    saw(file, open_one)
    hidden = f'href="/devices/{kept.pk}/"'
    card = card_of(client, signed_in, ada, file)
    assert (hidden in card, f'href="/devices/{open_one.pk}/"' in card) == (False, True)
    assert hidden in card_of(client, signed_in, rita, file)


def test_a_file_that_no_device_had_has_no_such_card(client: Client, signed_in: SignedIn, ada: User) -> None:
    assert card_of(client, signed_in, ada, FileFactory.create()) == ""


def test_the_dialog_says_how_many_devices_and_copies_it_touches(
    client: Client, signed_in: SignedIn, on_two: Any, ada: User
) -> None:
    file, first, second = on_two
    names = ", ".join(sorted([str(first), str(second)]))
    assert preview_action("file.quarantine", file, {}, ada).reach == f"2 devices ({names}), 2 known copies."
    page = signed_in(client, ada).get(f"/actions/ask/file/{file.pk}/file.quarantine/").content.decode()
    assert f"2 devices ({names}), 2 known copies." in page


def test_many_devices_are_counted_and_some_of_them_named(place: Company, ada: User) -> None:
    file = FileFactory.create()
    saw(file, *[place.device() for _ in range(9)])
    reach = preview_action("file.quarantine", file, {}, ada).reach
    assert reach.startswith("9 devices (")
    assert reach.endswith(" and 3 more).")


def test_one_target_is_not_counted(place: Company, ada: User) -> None:
    assert preview_action("device.isolate", place.device(), {}, ada).reach == ""


def test_a_hash_in_the_sweep_says_which_file_it_is_of() -> None:
    offered = [Sign("hash", "ab" * 32, name="loader\u202e.exe"), Sign("path", "/srv/x")]
    labels = [label for _, label in SweepForm(offered=offered).fields["signs"].choices]  # type: ignore[attr-defined]
    assert f'loader‹U+202E›.exe (<code title="{"ab" * 32}">abababababab…abababab</code>)' in labels[0]
    assert ": <bdi>/srv/x</bdi>" in labels[1]
