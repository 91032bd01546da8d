"""Evidence of any size leaves the portal piece by piece: locked for a person, sealed for somebody else."""

import hashlib
import io
import random
import subprocess
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import pyzipper
from django.http import StreamingHttpResponse
from django.test import Client
from pytest_django import DjangoCaptureOnCommitCallbacks, Settings

from accounts.models import User
from core import blobs, clock, content_files
from core.downloads import AT_ONCE, download, zipped
from core.encryption import Unreadable
from remediation.enums import CustodyKind
from remediation.models import ActionRun, Custody, RunArtefact
from remediation.services.custody import Piece, lines_of, take_artefact, take_into_custody
from remediation.services.export_evidence import export_evidence
from remediation.services.open_package import open_package
from tests.factories.people import sign_in
from tests.factories.remediation import company, done

pytestmark = pytest.mark.django_db
CONTENT = random.Random(3).randbytes(5 * AT_ONCE + 11)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, settings: Settings) -> None:
    settings.BLOBS_DIR = tmp_path / "files"


@pytest.fixture
def image(ada: User, rita: User) -> RunArtefact:
    """A large file that a run collected."""
    run = done(ada, rita, "device.collect_package", company().device())
    ActionRun.objects.filter(pk=run.pk).update(action="file.collect")
    blob = blobs.keep(CONTENT, name="image.raw", media_type="application/octet-stream", for_days=180)
    made = RunArtefact.objects.create(run=ActionRun.objects.get(pk=run.pk), name="image.raw", blob=blob)
    take_artefact(made)
    return made


def test_it_leaves_locked_in_pieces_and_on_record(image: RunArtefact, client: Client, ada: User) -> None:
    answer: Any = sign_in(client, ada).post(
        f"/actions/{image.run_id}/packages/{image.pk}/", {"reason": "Analysis", "password": "long enough"}
    )
    assert answer.streaming
    parts = list(answer.streaming_content)
    assert max(map(len, parts)) < 3 * AT_ONCE
    with pyzipper.AESZipFile(io.BytesIO(b"".join(parts))) as archive:
        with pytest.raises(RuntimeError):
            archive.read("image.raw")
        archive.setpassword(b"long enough")
        assert archive.read("image.raw") == CONTENT
    custody = Custody.objects.get(reference=f"run:{image.run_id}/{image.pk}")
    assert [line.word for line in lines_of(custody)] == ["Taken", "Opened"]


def test_what_was_changed_on_the_disk_does_not_leave(image: RunArtefact, client: Client, ada: User) -> None:
    file = content_files.path_of(image.blob.place)
    file.write_bytes(file.read_bytes()[: -AT_ONCE // 2])
    pieces = open_package(image, part="", reason="Analysis", actor=ada.actor, user=ada, password="long enough")
    with pytest.raises(Unreadable):
        b"".join(pieces)


def test_a_sealed_export_of_it_is_checked_without_the_portal(image: RunArtefact, ada: User, tmp_path: Path) -> None:
    custody = Custody.objects.get(reference=f"run:{image.run_id}/{image.pk}")
    pieces = export_evidence([custody], reason="For the court", actor=ada.actor, user=ada)
    with zipfile.ZipFile(io.BytesIO(b"".join(pieces))) as archive:
        archive.extractall(tmp_path / "export")
    checked = subprocess.run(["sha256sum", "-c", "SHA256SUMS"], cwd=tmp_path / "export", check=False)
    assert checked.returncode == 0
    assert hashlib.sha256(CONTENT).hexdigest() in (tmp_path / "export" / "manifest.json").read_text()


def test_its_file_goes_when_its_time_is_over_and_its_record_stays(
    ada: User, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    with clock.at(clock.real_now() - blobs.UNKNOWN_AFTER):
        blob = blobs.keep(CONTENT, name="x", media_type="x/y", for_days=0)
    piece = Piece("test:1", CustodyKind.FILE, "x", blob.sha256, blob.size, blob)
    custody = take_into_custody(piece, actor=ada.actor)
    with django_capture_on_commit_callbacks(execute=True):
        assert blobs.forget_expired() == 1
    custody.refresh_from_db()
    assert (custody.blob, custody.gone is not None, list(content_files.all_places())) == (None, True, [])


def test_a_download_of_a_mebibyte_is_whole_and_a_larger_one_flows() -> None:
    def endless() -> Iterator[bytes]:
        while True:
            yield bytes(AT_ONCE)

    small, large = download([b"a", b"b"], name="x"), download(endless(), name="x")
    assert not isinstance(small, StreamingHttpResponse)
    assert small.content == b"ab"
    assert isinstance(large, StreamingHttpResponse)
    parts: Any = large.streaming_content
    assert len(next(parts)) == 2 * AT_ONCE


def test_a_zip_is_made_while_it_is_read() -> None:
    read = 0

    def pieces() -> Iterator[bytes]:
        nonlocal read
        for _ in range(20):
            read += 1
            yield random.Random(read).randbytes(AT_ONCE)

    made = zipped([("a", pieces()), ("b", [b"second"])])
    first = next(made)
    assert (read < 3, first[:2]) == (True, b"PK")
    with zipfile.ZipFile(io.BytesIO(first + b"".join(made))) as archive:
        assert (archive.testzip(), archive.read("b"), archive.namelist()) == (None, b"second", ["a", "b"])
