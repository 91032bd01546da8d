"""Samples of deep analysis are evidence too: who brought them, which host was given them, and when they went."""

import pytest

from accounts.models import User
from core import blobs, clock
from core.actors import Actor
from remediation.enums import CustodyKind
from remediation.models import Custody
from remediation.services.analysis import Sample, request_analysis
from remediation.services.analysis_work import claim
from remediation.services.custody import lines_of

pytestmark = pytest.mark.django_db
HOST = Actor.system("analysis host")


def test_a_sample_is_in_custody_from_the_submitting_to_its_end(ada: User) -> None:
    made = request_analysis(Sample(b"MZ dropper", "dropper"), reason="Seen twice", actor=ada.actor, user=ada)
    assert made.sample is not None
    custody = Custody.objects.get(kind=CustodyKind.SAMPLE)
    assert (custody.reference, custody.sha256, custody.blob) == (f"analysis:{made.pk}", made.sample.sha256, made.sample)
    assert custody.taken_by["name"] == ada.actor.name
    assert claim(actor=HOST, host="box-1") is not None
    assert [(line.word, line.data.get("host", "")) for line in lines_of(custody)] == [
        ("Taken", ""),
        ("Opened", "box-1"),
    ]
    with clock.at(clock.now() + 40 * blobs.UNKNOWN_AFTER):
        blobs.forget_expired()
    custody.refresh_from_db()
    assert (custody.blob, custody.gone is not None) == (None, True)
