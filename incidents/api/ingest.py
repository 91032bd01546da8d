"""`POST /ingest/{format}`: alerts come in."""

import time
from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from django.conf import settings
from django.http import Http404
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiRequest, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import keys
from core.api.errors import Problem, invalid
from core.api.throttling import PrincipalRateThrottle, parse_rate
from core.api.views import ApiViewSet
from incidents.api.dead_letters import ReceiptOut
from incidents.ingest import formats
from incidents.ingest.accept import MAX_SOURCE
from incidents.ingest.gathering import Feed, accept_together
from incidents.ingest.parse import TooLarge, Unparsable, decompress, parse_body
from incidents.models import Alert

if TYPE_CHECKING:  # the framework's views read the settings that name this class while they are imported
    from rest_framework.views import APIView


class IngestThrottle(PrincipalRateThrottle):
    """Alerts come in bursts, and a sensor has no hand to slow down: a rate of its own, counted in each process, so
    that taking in an alert never waits for the broker."""

    setting = "INGEST_RATE"
    _counts: ClassVar[Counter[str]] = Counter()
    _window: ClassVar[int] = 0

    def allow_request(self, request: Request, _view: "APIView") -> bool:
        most, seconds = parse_rate(getattr(settings, self.setting))
        window, self.left = int(time.time()) // seconds, seconds - time.time() % seconds
        if window != IngestThrottle._window:
            IngestThrottle._window = window
            self._counts.clear()
        principal = self._principal(request)
        self._counts[principal] += 1
        return self._counts[principal] <= most


class IngestViewSet(ApiViewSet):
    """At most 1,000 alerts or 20 MB a request, plain or gzipped: one object, a list, `{"value": [...]}` or JSON lines.

    What is accepted is stored before the answer. A repeat changes nothing, a changed alert updates, and an item that
    cannot become an alert is kept as a dead letter without touching the others.
    """

    queryset = Alert.objects.none()
    required_permissions: ClassVar[Mapping[str, str]] = {"accept": keys.INGEST}
    throttle_classes = (IngestThrottle,)
    query_parameters = ("source",)

    @extend_schema(
        operation_id="ingest_alerts",
        parameters=[
            OpenApiParameter("format_key", str, OpenApiParameter.PATH, enum=sorted(formats.registered())),
            OpenApiParameter("source", str, description="Name of the feed; the name of the format without it."),
        ],
        request={"application/json": OpenApiRequest(OpenApiTypes.ANY)},
        responses={202: ReceiptOut},
    )
    def accept(self, request: Request, format_key: str) -> Response:
        """Store alerts of one source."""
        if format_key not in formats.registered():
            raise Http404
        source = request.query_params.get("source", format_key).strip()
        if not 0 < len(source) <= MAX_SOURCE:
            raise invalid(f"A source has a name of 1 to {MAX_SOURCE} characters.", field="source")
        receipt = accept_together(_items(request), feed=Feed(format_key, source, self.actor))
        return Response(receipt.as_json(), status=202)


def _items(request: Request) -> list[Any]:
    """The items of the body, within both limits."""
    most = settings.INGEST_MAX_BYTES
    body = request._request.body
    if len(body) > most:
        raise Problem(413, f"A request takes at most {most:,} bytes.")
    try:
        items = parse_body(decompress(body, limit=most))
    except TooLarge as error:
        raise Problem(413, str(error)) from None
    except Unparsable as error:
        raise invalid(str(error)) from None
    if len(items) > settings.INGEST_MAX_ALERTS:
        raise Problem(413, f"A request takes at most {settings.INGEST_MAX_ALERTS:,} alerts; this has {len(items):,}.")
    return items
