"""`./soc demo`, as the supervisor and a person call it."""

from io import StringIO

import psycopg
import pytest
from django.core.management import call_command
from django.db import connection

from accounts.models import User
from exercises.keys import PLAYER_LOCK
from exercises.models import Exercise
from incidents.models import Alert, Incident


def demo(*words: str) -> str:
    out = StringIO()
    call_command("play_demo", *words, stdout=out)
    return out.getvalue()


@pytest.mark.django_db(transaction=True)
def test_the_attacks_are_told_of_with_their_numbers() -> None:
    said = demo("--no-history")
    top = Incident.objects.order_by("-priority_score")[0]
    assert f"three attacks are under way: {top.number} Ransomware spreading on 4 devices" in said
    assert said.rstrip().endswith("is complete")


@pytest.mark.django_db(transaction=True)
def test_playing_again_adds_nothing() -> None:
    demo("--no-history")
    before = Alert.objects.count()
    assert "is complete" in demo("--no-history")
    assert Alert.objects.count() == before
    assert "goes on with its seed" in demo("--no-history", "--seed", "5")
    assert Exercise.objects.get().seed != 5


@pytest.mark.django_db(transaction=True)
def test_removed_is_removed_until_somebody_asks_for_it_again() -> None:
    demo("--no-history")
    assert "is removed" in demo("--remove")
    assert not User.objects.exists()
    assert "was removed earlier" in demo("--unless-removed")
    assert not Exercise.objects.exists()
    assert "is not there" in demo("--remove")


@pytest.mark.django_db(transaction=True)
def test_there_is_never_a_second_player() -> None:
    settings = connection.get_connection_params()
    words = {key: settings[key] for key in ("host", "user", "password", "dbname") if key in settings}
    with psycopg.connect(**words) as other:
        other.execute("SELECT pg_advisory_lock(%s)", [PLAYER_LOCK])
        assert "is being played already" in demo("--no-history")
    assert not Exercise.objects.exists()
