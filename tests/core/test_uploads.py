"""A file that somebody sends, signed in or not, goes nowhere."""

from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from accounts.models import User
from tests.conftest import SignedIn

pytestmark = pytest.mark.django_db
LARGE = 4 * 1024 * 1024  # more than is kept in memory by custom


@pytest.fixture
def folder(tmp_path: Path, settings: Any) -> Path:
    settings.FILE_UPLOAD_TEMP_DIR = str(tmp_path)
    return tmp_path


def test_a_file_in_a_form_is_not_kept_and_its_fields_are_read(client: Client, ada: User, folder: Path) -> None:
    form = {"login": "ada", "password": "wrong", "file": SimpleUploadedFile("x.bin", b"x" * LARGE)}
    answer = client.post("/accounts/login/", form)
    assert answer.status_code == 200
    assert answer.context["form"].errors
    assert not answer.wsgi_request.FILES
    assert list(folder.iterdir()) == []


def test_a_body_beyond_every_limit_is_refused(client: Client, settings: Any, folder: Path) -> None:
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 1_000_000
    assert client.post("/accounts/login/", {"file": SimpleUploadedFile("x", b"x" * LARGE)}).status_code == 400


def test_a_page_of_somebody_signed_in_reads_its_fields_from_such_a_form(
    client: Client, ada: User, signed_in: SignedIn, folder: Path
) -> None:
    assert signed_in(client, ada).post("/me/appearance/", {"theme": "dark"}).status_code == 204
    ada.refresh_from_db()
    assert ada.theme == "dark"
