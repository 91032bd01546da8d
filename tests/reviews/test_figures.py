"""The managers' room: every figure is that of its rows, and of what the reader may see."""

import csv
from datetime import UTC, timedelta
from typing import Any

import pytest
from django.db import connection
from django.http import QueryDict
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import DeviceGroup, User
from core import clock
from incidents.models import Incident
from incidents.services.restrict import restrict_incident
from reviews.figures import durations, levels, volume
from reviews.figures.attack import matrix, navigator_layer
from reviews.figures.detectors import detectors, wilson
from reviews.figures.people import handover, last_shift_of, workload
from reviews.figures.period import Period, read_period
from reviews.figures.population import Population
from reviews.figures.rows import FIGURES, Figure
from tests.conftest import SignedIn
from tests.factories.incidents import AlertFactory, DeviceFactory, incident_about
from tests.factories.past import MONDAY, change_at, handled, incident_at, later

pytestmark = pytest.mark.django_db
WEEK = Period("custom", MONDAY - timedelta(hours=9), MONDAY + timedelta(days=7), UTC, "day")
SPAN = f"since={WEEK.span['since']}&until={WEEK.span['until']}"
PAGES = ("/reports/", "/reports/service-levels/", "/reports/detectors/", "/reports/workload/", "/reports/attack/",
         "/reports/rows/?figure=opened", "/reports/periods/", "/follow-ups/", "/lessons/", "/handover/")  # fmt: skip


def all_of(user: User, query: str = "") -> Population:
    return Population.read(QueryDict(query), user)


@pytest.fixture
def week(ada: User, rita: User) -> None:
    """Ten handled after 10, 20 ... 100 minutes, one closed as nothing, one open, one of the week before."""
    for n in range(1, 11):
        handled(ada if n % 2 else rita, begun=later(hours=n), minutes=(10 * n, 20 * n, 600))
    handled(rita, severity="low", minutes=(30, None, 90), classification="falsePositive")
    incident_at(later(days=2))
    handled(ada, begun=later(days=-5), minutes=(5, 6, 60))


def test_percentiles_are_times_of_real_incidents(week: None, mona: User) -> None:
    found = durations.times(durations.MEASURES["contained"], all_of(mona), WEEK)
    assert found.count == 10
    assert found.percentiles == (1200.0, 6000.0, 10800.0, 12000.0)


def test_what_has_no_such_time_is_counted_openly(week: None, mona: User) -> None:
    assert durations.missing(all_of(mona), WEEK) == {
        "unacknowledged": 1, "never_contained": 1, "uncontained": 1, "still_open": 1,
    }  # fmt: skip


def test_the_span_before_is_counted_apart(week: None, mona: User) -> None:
    now, then = volume.totals(all_of(mona), WEEK), volume.totals(all_of(mona), WEEK.before)
    assert (now["opened"], now["closed"], now["false_positives"], now["open"]) == (12, 11, 1, 1)
    assert (then["opened"], then["closed"]) == (1, 1)


@pytest.mark.parametrize("key", FIGURES)
def test_every_figure_has_as_many_rows_as_it_says(week: None, mona: User, key: str) -> None:
    counts: dict[str, int] = {**volume.totals(all_of(mona), WEEK), **durations.missing(all_of(mona), WEEK)}
    for name, measure in durations.MEASURES.items():
        counts[name] = durations.times(measure, all_of(mona), WEEK).count
    assert Figure(key).rows(all_of(mona), WEEK).count() == counts[key]


@pytest.mark.parametrize("by", volume.BY)
def test_the_parts_of_the_chart_add_up(week: None, mona: User, by: str) -> None:
    chart = volume.over_time(all_of(mona), WEEK, by)
    assert sum(column["total"] for column in chart["columns"]) == 12
    assert sum(band["count"] for band in chart["bands"]) == 12


def test_each_bar_leads_to_its_own_rows(week: None, mona: User) -> None:
    for column in volume.over_time(all_of(mona), WEEK, "severity")["columns"]:
        part = read_period({"since": column["since"], "until": column["until"]}, zone=UTC)
        assert Figure("opened").rows(all_of(mona), part).count() == column["total"]


def test_service_levels_by_severity_with_their_rows(week: None, mona: User) -> None:
    cell = next(row for row in levels.kept(all_of(mona), WEEK) if row["severity"] == "high")["cells"][0]
    assert (cell["clock"], cell["met"], cell["missed"]) == ("acknowledge", 3, 7)
    for state in ("met", "missed", "running"):
        rows = Figure("opened", "acknowledge", state).rows(all_of(mona, "severity=high"), WEEK)
        assert rows.count() == cell[state]


def test_the_same_filters_hold_for_figures_and_rows(week: None, mona: User, rita: User) -> None:
    narrowed = all_of(mona, f"owner={rita.pk}&severity=high")
    assert volume.totals(narrowed, WEEK)["opened"] == 5 == Figure("opened").rows(narrowed, WEEK).count()


def test_a_restricted_incident_is_in_nobody_elses_figures(week: None, ada: User, rita: User, mona: User) -> None:
    secret = handled(ada, begun=later(hours=30))
    restrict_incident(secret, people=[ada, rita], actor=ada.actor, reason="insider")
    assert volume.totals(all_of(ada), WEEK)["opened"] == 13
    assert volume.totals(all_of(mona), WEEK)["opened"] == 12
    assert durations.times(durations.MEASURES["resolved"], all_of(mona), WEEK).count == 11


def test_somebody_of_another_group_counts_nothing(eve: User, elsewhere: DeviceGroup) -> None:
    with clock.at(MONDAY):
        incident_about(DeviceFactory.create())
        mine = incident_about(DeviceFactory.create(device_group=elsewhere))
    assert list(Figure("opened").rows(all_of(eve), WEEK)) == [mine]
    assert sum(one.alerts for one in detectors(all_of(eve), WEEK)) == 1


@pytest.mark.parametrize(
    ("hits", "n", "low", "high"), [(0, 0, 0, 1), (0, 10, 0, 0.278), (10, 10, 0.722, 1), (8, 10, 0.490, 0.943)]
)
def test_the_interval_is_wilsons(hits: int, n: int, low: float, high: float) -> None:
    assert wilson(hits, n) == pytest.approx((low, high), abs=0.001)


def test_a_detector_is_noisy_only_when_enough_was_judged(ada: User, mona: User) -> None:
    for name, count in (("loud", 20), ("new", 4)):
        incident = incident_at(MONDAY)
        AlertFactory.create_batch(count, incident=incident, detector_id=name, created=MONDAY)
        change_at(later(hours=1), incident, ada, classification="falsePositive")
    alert = AlertFactory.create(incident=incident, detector_id="loud", created=MONDAY, classification="truePositive")
    found = {one.name: one for one in detectors(all_of(mona), WEEK)}
    assert (found["loud"].judged, found["loud"].false, found["loud"].is_noisy) == (21, 20, True)
    assert (found["new"].rate, found["new"].is_noisy) == (1.0, False)
    assert alert.classification == "truePositive"


def test_workload_counts_what_a_person_has_in_hand(week: None, ada: User, rita: User, mona: User) -> None:
    loads = {one.key: one for one in workload(all_of(mona), WEEK)}
    assert (loads[str(rita.pk)].closed, loads[str(rita.pk)].open) == (6, 0)
    assert (loads["nobody"].open, loads["nobody"].high) == (1, 1)
    assert loads[str(rita.pk)].late_work == pytest.approx(7 / 12)


def test_the_matrix_tells_unknown_ids_apart(mona: User) -> None:
    incident = incident_at(MONDAY)
    Incident.objects.filter(pk=incident.pk).update(mitre_techniques=["T1059.001", "T1566", "T9999"])
    found = matrix(all_of(mona), WEEK)
    execution = next(tactic for tactic in found.tactics if tactic["shortname"] == "execution")
    assert [(one.id, one.count, [part.id for part in one.parts]) for one in execution["techniques"]] == [
        ("T1059", 0, ["T1059.001"])
    ]
    assert [one.id for one in found.unknown] == ["T9999"]


def test_the_layer_is_one_that_the_navigator_reads(mona: User) -> None:
    incident = incident_at(MONDAY)
    Incident.objects.filter(pk=incident.pk).update(mitre_techniques=["T1059.001", "T1566", "T9999"])
    layer = navigator_layer(matrix(all_of(mona), WEEK), WEEK, who="Mona")
    assert (layer["domain"], layer["versions"]["layer"]) == ("enterprise-attack", "4.5")
    assert [(one["techniqueID"], one["score"], one["enabled"]) for one in layer["techniques"]] == [
        ("T1059.001", 1, True), ("T1566", 1, True),
    ]  # fmt: skip
    assert set(layer["gradient"]) == {"colors", "minValue", "maxValue"}
    assert "T9999" in layer["description"]


def test_handover_tells_what_is_new_and_what_rose(ada: User, rita: User) -> None:
    now = clock.now()
    old = incident_at(now - timedelta(hours=30), severity="low")
    change_at(now - timedelta(hours=20), old, ada, assigned_to=ada)
    since = last_shift_of(ada)
    assert since == now - timedelta(hours=20)
    change_at(now - timedelta(hours=1), old, rita, severity="high")
    new = incident_at(now - timedelta(hours=2))
    found = handover(ada, since)
    assert (found.new, [(one.pk, before) for one, before in found.escalated]) == ([new], [(old.pk, "low")])
    assert old in found.due


@pytest.mark.parametrize(
    "query",
    [
        "period=year",
        "since=x&until=y",
        "from=2026-99-99",
        "since=9999-12-31T23:59:59-23:59",
        "from=0001-01-01&to=0001-01-02",
        "owner=x&severity=%00&source=",
    ],
)
def test_nonsense_in_the_address_is_answered(client: Client, signed_in: SignedIn, mona: User, query: str) -> None:
    signed_in(client, mona)
    for page in PAGES:
        assert client.get(page + ("&" if "?" in page else "?") + query).status_code == 200


def test_managers_read_figures_and_analysts_do_not(client: Client, signed_in: SignedIn, ada: User, mona: User) -> None:
    assert {signed_in(client, mona).get(page).status_code for page in PAGES} == {200}
    assert "Reports" in client.get("/overview/").content.decode()
    signed_in(client, ada)
    assert {page: client.get(page).status_code for page in PAGES[:7]} == dict.fromkeys(PAGES[:7], 403)
    assert {client.get(page).status_code for page in PAGES[7:]} == {200}


def test_the_csv_of_rows_is_the_list(week: None, client: Client, signed_in: SignedIn, mona: User) -> None:
    incident = Incident.objects.latest("pk")
    Incident.objects.filter(pk=incident.pk).update(display_name="=cmd()", created=MONDAY)
    answer: Any = signed_in(client, mona).get(f"/reports/rows.csv?figure=opened&{SPAN}")
    lines = list(csv.DictReader(b"".join(answer.streaming_content).decode().splitlines()))
    page = client.get(f"/reports/rows/?figure=opened&{SPAN}").content.decode()
    assert len(lines) == 13
    assert all(line["number"] in page for line in lines)
    assert "'=cmd()" in {line["name"] for line in lines}


@pytest.mark.parametrize("page", PAGES)
def test_a_page_costs_as_much_with_many_incidents(
    client: Client, signed_in: SignedIn, mona: User, ada: User, page: str
) -> None:
    def cost() -> int:
        with CaptureQueriesContext(connection) as queries:
            assert client.get(page).status_code == 200
        return len(queries)

    signed_in(client, mona)
    now = clock.now()
    handled(ada, begun=now - timedelta(days=3))
    few = cost()
    for n in range(12):
        handled(ada, begun=now - timedelta(days=3, hours=n))
    assert cost() <= few <= 50
