"""What of live response is deleted by age."""

from collections.abc import Sequence

from core import retention
from core.models import Blob
from live_response.enums import OPEN_SESSIONS
from live_response.models import FleetQuery, LiveArtefact, LiveSession
from remediation.services.custody import forget_blobs

ON_HOLD = "of an incident under a legal hold"


def declare_kinds() -> None:
    retention.declare(
        retention.Kind(
            "live_sessions", "Live-response sessions that have ended",
            "With commands, recordings and files. The audit log keeps that they were held.",
            lambda edge: LiveSession.objects.filter(ended__lt=edge).exclude(state__in=OPEN_SESSIONS), "ended",
            forget_sessions, days=400, least=30,
        )
    )  # fmt: skip
    retention.keep_back("live_sessions", ON_HOLD, lambda rows: rows.filter(incident__on_hold=True))
    retention.declare(
        retention.Kind(
            "fleet_queries", "Questions to many devices", "With their answers.",
            lambda edge: FleetQuery.objects.filter(created__lt=edge), "created",
            lambda keys: FleetQuery.objects.filter(pk__in=keys).delete()[0], days=180, least=7,
        )
    )  # fmt: skip


def forget_sessions(keys: Sequence[int]) -> int:
    """With the content of the files that their commands brought."""
    blobs = list(LiveArtefact.objects.filter(command__session__in=keys).values_list("blob", flat=True))
    forget_blobs(blobs, why="Its time was over.")
    gone = LiveSession.objects.filter(pk__in=keys).delete()[1].get("live_response.LiveSession", 0)
    Blob.objects.filter(pk__in=blobs).delete()
    return gone
