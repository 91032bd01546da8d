"""How much may be set going in an hour, by class of target and by whose hand it is."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connection as database

from accounts.models import User
from accounts.services.tokens import issue_token
from connectors.kinds.simulator import world
from core import clock
from remediation.models import ActionRun, Refusal
from remediation.refused import Refused
from remediation.services.carry_out import carry_out
from remediation.services.decide import reject_run
from remediation.services.request import request_action
from tests.factories.brakes import cap
from tests.factories.remediation import Company, FileFactory, approve, ask, company, done, saw

pytestmark = pytest.mark.django_db
ASKERS = 20


@pytest.fixture
def place(db: None) -> Company:
    return company()


def refused(user: User, action: str, place: Company) -> Refused:
    with pytest.raises(Refused) as refusal:
        ask(user, action, place.device())
    return refusal.value


def test_a_full_cap_refuses_with_the_count_and_when_it_frees(place: Company, ada: User) -> None:
    cap(2)
    first = ask(ada, "device.isolate", place.device())
    ask(ada, "device.isolate", place.device())
    refusal = refused(ada, "device.isolate", place)
    frees = first.created + timedelta(hours=1)
    assert (refusal.code, refusal.rule) == ("cap_reached", "cap")
    assert "2 of 2 destructive actions on devices by people" in refusal.message
    assert f"free at {frees:%H:%M:%S} UTC" in refusal.message
    kept = Refusal.objects.get().inputs["said"]
    assert (kept["used"], kept["cap"], kept["class"], kept["by"]) == (2, 2, "devices", "person")


def test_it_frees_after_an_hour(place: Company, ada: User) -> None:
    cap(1)
    with clock.at(clock.now() - timedelta(minutes=61)):
        ask(ada, "device.isolate", place.device())
    assert ask(ada, "device.isolate", place.device()).pk


def test_what_was_rejected_does_not_count(place: Company, ada: User, rita: User) -> None:
    cap(1)
    reject_run(ask(ada, "device.isolate", place.device()), actor=rita.actor, user=rita, comment="No")
    assert ask(ada, "device.isolate", place.device()).pk


def test_classes_and_hands_are_counted_apart(place: Company, adam: User) -> None:
    cap(1)
    cap(1, by="token")
    server = place.device()
    server.tags = ["File server"]
    server.save()
    token, _ = issue_token(adam, name="t", lifetime=timedelta(days=1), actor=adam.actor)
    ask(adam, "device.isolate", place.device())
    ask(adam, "device.isolate", server)
    request_action("device.isolate", target=place.device(), comment="x", actor=token.actor, user=adam)
    counted = ActionRun.objects.order_by("pk").values_list("asset_class", "requester_kind")
    assert list(counted) == [("devices", "person"), ("servers", "person"), ("devices", "token")]


def test_what_takes_nothing_away_and_what_gives_back_is_not_capped(place: Company, ada: User, rita: User) -> None:
    cap(1)
    device = place.device()
    done(ada, rita, "device.isolate", device)
    assert ask(ada, "device.antivirus_scan", place.device()).pk
    assert done(ada, rita, "device.release", device).status == "succeeded"


def test_a_file_action_counts_each_device(place: Company, ada: User) -> None:
    cap(2, "files")
    file, devices = FileFactory.create(), [place.device() for _ in range(3)]
    for device in devices:
        world.put_file(place.connection, device.key, file.key, name=file.display_name)
    saw(file, *devices)
    with pytest.raises(Refused) as refusal:
        ask(ada, "file.quarantine", file)
    assert refusal.value.inputs["adds"] == 3


def test_old_requests_approved_together_meet_the_cap_when_they_are_carried_out(
    place: Company, ada: User, rita: User
) -> None:
    with clock.at(clock.now() - timedelta(hours=3)):
        runs = [ask(ada, "device.isolate", place.device()) for _ in range(3)]
    cap(2)
    ends = [carry_out(approve(rita, run)) for run in runs]
    assert [run.status for run in ends] == ["succeeded", "succeeded", "failed"]
    assert ends[-1].result == {"refused": "cap_reached"}


@pytest.mark.django_db(transaction=True)
def test_many_requests_at_once_do_not_pass_a_cap(ada: User) -> None:
    place = company()
    cap(5)
    devices = [place.device() for _ in range(ASKERS)]

    def one(number: int) -> bool:
        try:
            return bool(ask(User.objects.get(pk=ada.pk), "device.isolate", devices[number]).pk)
        except Refused:
            return False
        finally:
            database.close()

    with ThreadPoolExecutor(ASKERS) as hands:
        assert sum(hands.map(one, range(ASKERS))) == 5
    assert ActionRun.objects.count() == 5
    assert Refusal.objects.filter(code="cap_reached").count() == ASKERS - 5
