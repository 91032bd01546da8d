"""The form of who decides: its fields stand together as they belong together, and none is lost in between."""

import re

import pytest
from django.test import Client

from accounts.models import User
from reviews.preparation_forms import ContactForm
from tests.conftest import SignedIn

pytestmark = pytest.mark.django_db


def test_every_field_stands_in_one_part_of_the_form() -> None:
    form = ContactForm()
    shown = [field.name for _, fields in form.parts for field in fields]
    assert sorted(shown) == sorted(field.name for field in form.visible_fields())


def test_the_dialog_shows_the_parts_by_name_and_each_field_once(
    client: Client, signed_in: SignedIn, mona: User
) -> None:
    dialog = signed_in(client, mona).get("/contacts/new/").content.decode()
    assert re.findall(r'class="part"><legend>([^<]+)</legend>', dialog) == [
        "What is decided", "Who decides", "Who stands in", "What has to be known"]  # fmt: skip
    for field in ContactForm():
        assert dialog.count(f'name="{field.name}"') == 1, field.name
