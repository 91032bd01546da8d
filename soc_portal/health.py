"""`/healthz`: whether the portal does its work, for load balancers and for the supervisor. Needs no sign-in."""

from datetime import timedelta
from typing import Any

import redis
from django.db import DatabaseError, InterfaceError
from django.db.models import Min
from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_GET

from core import clock, heartbeat
from core.models import OutboxEvent
from incidents.models import Alert
from soc_portal import measures


@require_GET
def healthz(_request: HttpRequest) -> JsonResponse:
    """200 when database, broker, workers and beat all answer, else 503. Lags are seconds, null if not known. A disk
    that is nearly full is told, and still 200: taking the portal out of service would not empty it."""
    found = {**_database(), **_broker(), "disk": not measures.disk_is_nearly_full()}
    alive = all(found[part] for part in ("database", "broker", "workers", "beat"))
    response = JsonResponse(found, status=200 if alive else 503)
    response["Cache-Control"] = "no-store"
    # Who asks learns it from the answer; the log of a start is not to be full of errors that are none.
    response._has_been_logged = True  # type: ignore[attr-defined]
    return response


healthz.required_permission = "anonymous"  # type: ignore[attr-defined]


def _database() -> dict[str, Any]:
    """Lags: how long the oldest arrival waits to be handed on, and the oldest alert for its incident."""
    now = clock.real_now()
    try:
        oldest = OutboxEvent.objects.filter(topic="alerts.stored", delivered_at=None).aggregate(at=Min("created"))["at"]
        waiting = Alert.objects.lag(now)
    except (DatabaseError, InterfaceError):
        return {"database": False, "ingest_lag_s": None, "correlation_lag_s": None}
    return {
        "database": True,
        "ingest_lag_s": _seconds(now - oldest if oldest else None),
        "correlation_lag_s": _seconds(waiting),
    }


def _seconds(lag: timedelta | None) -> float:
    return 0.0 if lag is None else round(max(0.0, lag.total_seconds()), 3)


def _broker() -> dict[str, bool]:
    try:
        ages = {part: heartbeat.age_s(sign) for part, sign in (("workers", "worker"), ("beat", "beat"))}
    except redis.RedisError:
        return {"broker": False, "workers": False, "beat": False}
    return {"broker": True} | {part: age is not None and age < heartbeat.MAX_AGE_S for part, age in ages.items()}
