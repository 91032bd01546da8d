"""Service levels, detectors, workload and handover, ATT&CK: one page each."""

import json
from datetime import datetime

from django.http import HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from accounts import keys
from accounts.guard import AccountRequest, requires
from core import clock, exports
from core.pages import leaf
from core.pagination import Keyset
from incidents.enums import ServiceState
from incidents.service_levels import policy
from reviews.figures import levels
from reviews.figures.attack import matrix, navigator_layer
from reviews.figures.detectors import alerts_of, detectors
from reviews.figures.people import handover, last_shift_of, workload
from reviews.views.room import Room, tabs_for

DETECTOR_HEADER = ("source", "detector", "title", "alerts", "judged", "false positives", "rate", "interval from",
                   "interval to", "rate before", "alerts before", "noisy")  # fmt: skip
WORKLOAD_HEADER = ("owner", "open", "open high", "opened", "closed", "mean seconds in progress", "after hours")
BY_ARRIVAL = Keyset(("created", "id"))


@require_safe
@requires(keys.READ_REPORTS)
def service_levels(request: AccountRequest) -> HttpResponse:
    room = Room.enter(request, "levels")
    standing = levels.standing(room.population)
    context = {
        **room.context(),
        "table": levels.kept(room.population, room.period),
        "standing": [{"state": state.value, "label": str(state.label), "count": standing[state.value]}
                     for state in (*levels.LATE, ServiceState.ACTIVE)],
        "late": levels.late(room.population),
        "business": policy().values["incidents.sla_business_severities"],
        "hours": policy().hours,
        "may_set": request.user.holds(keys.MANAGE_SETTINGS),
    }  # fmt: skip
    return render(request, "reviews/service_levels.html", context)


@require_safe
@requires(keys.READ_REPORTS)
def detector_list(request: AccountRequest) -> HttpResponse:
    room = Room.enter(request, "detectors")
    found = detectors(room.population, room.period, source=request.GET.get("source", "")[:80])
    noisy = [one for one in found if one.is_noisy]
    context = {**room.context(), "detectors": found, "noisy": noisy, "alerts": sum(one.alerts for one in found)}
    return render(request, "reviews/detectors.html", context)


@require_safe
@requires(keys.READ_REPORTS)
def detectors_csv(request: AccountRequest) -> StreamingHttpResponse:
    room = Room.enter(request, "detectors")
    found = detectors(room.population, room.period, source=request.GET.get("source", "")[:80])
    rows = (tuple(one.as_json().values()) for one in found)
    return exports.csv_response("detectors", DETECTOR_HEADER, rows)


@require_safe
@requires(keys.READ_REPORTS)
def detector_alerts(request: AccountRequest) -> HttpResponse:
    """The alerts of one detector, each with the verdict that counts."""
    room = Room.enter(request, "detectors")
    source, detector = request.GET.get("source", "")[:80], request.GET.get("detector", "")[:500]
    found = alerts_of(room.population, room.period, source=source, detector=detector.replace("\x00", ""))
    rows = found.select_related("incident").defer("description", "additional_data")
    page = leaf(rows, BY_ARRIVAL, purpose="detector-alerts", cursor=request.GET.get("cursor", ""))
    query = request.GET.copy()
    query.pop("cursor", None)
    context = {
        **room.context(), "rows": page.rows, "source": source, "detector": detector,
        "newer_url": f"?{query.urlencode()}&cursor={page.newer}" if page.newer else "",
        "older_url": f"?{query.urlencode()}&cursor={page.older}" if page.older else "",
    }  # fmt: skip
    return render(request, "reviews/detector_alerts.html", context)


@require_safe
@requires(keys.READ_REPORTS)
def people(request: AccountRequest) -> HttpResponse:
    room = Room.enter(request, "people")
    loads = workload(room.population, room.period)
    most = max((one.open for one in loads), default=0) or 1
    context = {**room.context(), "loads": loads, "most": most, "hours": policy().hours}
    return render(request, "reviews/workload.html", context)


@require_safe
@requires(keys.READ_REPORTS)
def people_csv(request: AccountRequest) -> StreamingHttpResponse:
    room = Room.enter(request, "people")
    rows = (
        (str(one.person or "Nobody"), one.open, one.high, one.opened, one.closed,
         one.in_progress.total_seconds() if one.in_progress else "", one.late_work)
        for one in workload(room.population, room.period)
    )  # fmt: skip
    return exports.csv_response("workload", WORKLOAD_HEADER, rows)


@require_safe
@requires(keys.READ_REPORTS)
def attack(request: AccountRequest) -> HttpResponse:
    room = Room.enter(request, "attack")
    found = matrix(room.population, room.period)
    context = {**room.context(), "matrix": found, "kinds": len(found.counts)}
    return render(request, "reviews/attack.html", context)


@require_safe
@requires(keys.READ_REPORTS)
def layer(request: AccountRequest) -> HttpResponse:
    """The matrix as a layer for the ATT&CK Navigator."""
    room = Room.enter(request, "attack")
    found = navigator_layer(matrix(room.population, room.period), room.period, who=str(request.user))
    response = HttpResponse(json.dumps(found, indent=2), content_type="application/json")
    response["Content-Disposition"] = 'attachment; filename="attack-layer.json"'
    return response


@require_safe
@requires(keys.READ)
def handover_page(request: AccountRequest) -> HttpResponse:
    """What changed since the reader's last shift, or since a time they name."""
    asked = _moment(request.GET.get("since", ""))
    since = asked or last_shift_of(request.user)
    context = {
        "tabs": tabs_for(request.user, "handover"),
        "handover": handover(request.user, since),
        "chosen": asked is not None,
    }
    return render(request, "reviews/handover.html", context)


def _moment(text: str) -> datetime | None:
    """A local time of the form; none that lies ahead or far back."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    from_form = moment if moment.tzinfo else moment.replace(tzinfo=clock.now().tzinfo)
    found = clock.as_utc(from_form)
    return found if found and 0 <= (clock.now() - found).total_seconds() < 60 * 86400 else None
