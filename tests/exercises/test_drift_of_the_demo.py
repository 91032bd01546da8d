"""The demo leaves a quarantine that somebody has lifted by hand, so that drift can be seen there."""

import pytest

from accounts.models import User
from connectors.kinds.simulator import world
from exercises.keys import DEMO
from exercises.services.standing import let_drift
from remediation.models import ActionRun, ControlState
from remediation.services.drift import look_at
from tests.factories.remediation import FileFactory, company, done, saw

pytestmark = pytest.mark.django_db


def test_only_a_quarantine_of_the_demo_drifts(ada: User, rita: User) -> None:
    place, states = company(), []
    for exercise in (DEMO, ""):
        file, device = FileFactory.create(), place.device()
        world.put_file(place.connection, device.key, file.key, name=file.display_name)
        saw(file, device)
        run = done(ada, rita, "file.quarantine", file)
        ActionRun.objects.filter(parent=run).update(exercise=exercise)
        states.append(ControlState.objects.get(target_id=device.pk))

    let_drift()

    assert [look_at(state).is_drifting for state in states] == [True, False]


def test_without_a_past_nothing_drifts(ada: User, rita: User) -> None:
    let_drift()
    assert not ControlState.objects.exists()
