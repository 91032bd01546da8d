"""What only looks like an attack is one incident each, under a name that says no more than its detections do."""

import pytest

from core import clock
from exercises.services.noise import play_day
from incidents.models import Alert, Identity, Incident
from tests.factories.exercises import MOMENT, open_demo

LOOK_ALIKES = {
    "Integrity checksum changed for many files": "Integrity checksum changed",
    "Mass file changes by one process": "Integrity checksum changed",
    "Remote tool installed outside its window": "Remote tool installed",
    "New Windows service created by an administrator": "New Windows service",
    "Impossible travel for a travelling executive": "Impossible travel",
}
CLAIMS = ("Ransomware", "Multi-stage", "Mailbox takeover", "Stolen sign-in")


@pytest.mark.django_db(transaction=True)  # a day of alerts, as it is played
def test_a_day_of_noise_claims_no_attack() -> None:
    with clock.at(MOMENT):
        exercise, _ = open_demo(anchor=MOMENT)
    attacks = set(Incident.objects.values_list("pk", flat=True))
    play_day(exercise, anchor=MOMENT)
    for title, name in LOOK_ALIKES.items():
        incidents = Incident.objects.filter(pk__in=Alert.objects.filter(title=title).values("incident"))
        assert [one.display_name.startswith(name) for one in incidents] == [True], title
    noise = Incident.objects.exclude(pk__in=attacks)
    assert noise.count() > 20
    assert not [one.display_name for one in noise if one.display_name.startswith(CLAIMS)]
    assert Identity.objects.get(account_name="svc-backup").is_hub
