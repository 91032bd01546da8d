"""The library against who brings one content twice at once."""

import pytest

from core import blobs
from core.models import Blob
from live_response.models import LibraryFile
from live_response.refused import NotPossible
from live_response.services.library import delete_file, put_in
from tests.factories.live import SETTER

pytestmark = pytest.mark.django_db


def test_one_content_is_one_file_also_when_two_bring_it_at_once() -> None:
    """Both looked before either wrote; else neither file could be deleted."""
    content = blobs.keep(b"#!/bin/sh\n", name="library upload", media_type="text/plain", for_days=1)
    put_in(content, name="one.sh", actor=SETTER)
    with pytest.raises(NotPossible, match="in the library already"):
        put_in(content, name="two.sh", actor=SETTER)
    delete_file("one.sh", actor=SETTER)
    assert not LibraryFile.objects.exists()
    assert not Blob.objects.exists()


def test_a_content_whose_time_is_over_becomes_no_file() -> None:
    content = blobs.keep(b"#!/bin/sh\n", name="library upload", media_type="text/plain", for_days=1)
    Blob.objects.all().delete()
    with pytest.raises(NotPossible, match="or gone"):
        put_in(content, name="one.sh", actor=SETTER)
