"""Incidents that turn out to be one, and that the order of arrival decides nothing."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.models import User
from core.models import AuditEvent
from incidents.correlation.engine import correlate_waiting
from incidents.correlation.second_look import look_again
from incidents.models import Alert, Incident
from incidents.services.comment import comment_on
from incidents.services.manage import update_incident
from tests.factories.wire import MALWARE, correlated, device, file, graph_alert, incidents_of, ip, take_in, user

pytestmark = pytest.mark.django_db


def told(n: int, *evidence: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return graph_alert(*evidence, id=f"a{n}", title=f"Detection {n}", detectorId=f"d{n}", minutes=n, **fields)


def test_an_alert_that_ties_two_incidents_makes_them_one() -> None:
    first = correlated(told(1, device("a")))[0]
    second = correlated(told(2, device("b")))[0]
    bridge = correlated(told(3, device("a"), device("b")))[0]
    second.refresh_from_db()
    assert bridge == first
    assert (second.status, second.redirect_incident) == ("redirected", first)
    assert set(Alert.objects.values_list("incident", flat=True)) == {first.pk}
    assert "Redirected" in second.system_tags
    assert AuditEvent.objects.filter(thread=first.thread, verb="incident.merged").exists()
    assert AuditEvent.objects.filter(thread=second.thread, verb="incident.status").exists()


def test_old_signposts_lead_to_the_last_target() -> None:
    ones = [correlated(told(n, device(f"m{n}")))[0] for n in range(3)]
    correlated(told(4, device("m1"), device("m2")))
    correlated(told(5, device("m0"), device("m1")))
    for one in ones[1:]:
        one.refresh_from_db()
        assert one.redirect_incident == ones[0]


def test_the_incident_that_somebody_works_on_remains(ada: User) -> None:
    untouched = correlated(told(1, device("a")))[0]
    owned = correlated(told(2, device("b")))[0]
    update_incident(owned, changes={"assigned_to": ada}, actor=ada.actor)
    assert correlated(told(3, device("a"), device("b")))[0] == owned
    untouched.refresh_from_db()
    assert untouched.status == "redirected"


def test_two_incidents_that_people_work_on_stay_two(ada: User, rita: User) -> None:
    one, other = correlated(told(1, device("a")))[0], correlated(told(2, device("b")))[0]
    comment_on(one, text="mine", actor=ada.actor)
    update_incident(other, changes={"classification": "falsePositive"}, actor=rita.actor)
    joined = correlated(told(3, device("a"), device("b")))[0]
    assert joined in (one, other)
    assert Incident.objects.filter(status="redirected").count() == 0


def test_an_endless_chain_ends_at_the_longest_incident() -> None:
    day = 60 * 23
    found = correlated(*(graph_alert(ip(), minutes=n * day, title=f"T{n}", detectorId=f"{n}") for n in range(40)))
    assert 1 < len(set(found)) < 6


def test_a_file_joins_also_a_large_incident() -> None:
    many = [graph_alert(device(), minutes=n / 10, title=f"T{n}", detectorId=f"{n}") for n in range(550)]
    large = correlated(*many, graph_alert(device(), file(MALWARE), minutes=1, title="F", detectorId="f"))[-1]
    assert correlated(graph_alert(file(MALWARE), minutes=2, title="G", detectorId="g"))[0] == large


def partition(items: list[dict[str, Any]], *, batch: int) -> set[frozenset[str]]:
    """Which of the alerts are together, by their own ids."""
    receipts = []
    for start in range(0, len(items), batch):
        receipts.append(take_in(*items[start : start + batch]))
        correlate_waiting()
    look_again()
    together: dict[int, set[str]] = {}
    for receipt in receipts:
        for one, incident in zip(receipt.alerts, incidents_of(receipt), strict=True):
            together.setdefault(incident.pk, set()).add(one["provider_alert_id"])
    return {frozenset(names) for names in together.values()}


THINGS = [device("a"), device("b"), device("c"), user("u"), user("v"), file(MALWARE), ip("203.0.113.5")]
ALERTS = st.lists(
    st.tuples(
        st.lists(st.sampled_from(range(len(THINGS))), min_size=1, max_size=3, unique=True),
        st.integers(0, 60 * 60),
        st.sampled_from(["informational", "low", "medium", "high"]),
    ),
    min_size=2,
    max_size=8,
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(shapes=ALERTS, order=st.randoms(use_true_random=False), batch=st.integers(1, 8))
def test_the_order_of_arrival_does_not_decide_what_belongs_together(shapes: Any, order: Any, batch: int) -> None:
    items = [
        graph_alert(*(THINGS[at] for at in named), id=f"a{n}", title=f"T{n}", detectorId=f"{n}", minutes=minutes,
                    severity=severity)
        for n, (named, minutes, severity) in enumerate(shapes)
    ]  # fmt: skip
    together = partition(items, batch=len(items))
    Incident.objects.update(redirect_incident=None)
    Alert.objects.all().delete()
    Incident.objects.all().delete()
    shuffled = list(items)
    order.shuffle(shuffled)
    assert partition(shuffled, batch=batch) == together
    Alert.objects.all().delete()
    Incident.objects.update(redirect_incident=None)
    Incident.objects.all().delete()
