"""`/figures`: the figures of the managers' room, the rows behind them, and the ATT&CK layer."""

from collections.abc import Mapping
from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import keys
from core.api.errors import invalid
from core.api.fields import AnyObject, Id, Moment
from core.api.serializers import Out
from core.api.views import ApiViewSet
from incidents.enums import Classification, IncidentStatus, ServiceClock, ServiceState, Severity
from incidents.models import Incident
from reviews.figures.attack import matrix, navigator_layer
from reviews.figures.durations import MEASURES
from reviews.figures.period import CUSTOM, SPANS, Period, read_period
from reviews.figures.population import Population
from reviews.figures.rows import FIGURES, STANDING, STATES, Figure, took
from reviews.figures.summary import summarise
from reviews.report import zone_called

PERIOD = ("period", "since", "until", "time_zone")
FILTERS = ("severity", "classification", "owner", "source", "technique")


def _text(name: str, said: str, **schema: Any) -> OpenApiParameter:
    return OpenApiParameter(name, {"type": "string", **schema}, description=said)


PARAMETERS = [
    _text("period", "A span that ends now; not with `since`.", enum=sorted(SPANS)),
    _text("since", "With `until`: the exact span; it includes `since`.", format="date-time"),
    _text("until", "Not included.", format="date-time"),
    _text("time_zone", "Where days and weeks begin; UTC if not given."),
    _text("severity", "Only these.", enum=sorted(Severity.values)),
    _text("classification", "Only these.", enum=sorted(Classification.values)),
    _text("owner", "The id of a user, or `nobody`."),
    _text("source", "The name of a feed."),
    _text("technique", "The id of an ATT&CK technique."),
]
OF_ROWS = [
    _text("figure", "Which figure.", enum=sorted(FIGURES)),
    _text("clock", "One clock of the service level.", enum=sorted(ServiceClock.values)),
    _text("state", "How that clock stands; without `clock`, how the incident stands.",
          enum=sorted({*STATES, *STANDING})),
]  # fmt: skip


class FiguresOut(Out):
    """Times in seconds; `p50` is the median."""

    period = AnyObject()
    seen_by = serializers.CharField(help_text="Whose view the figures are computed from.")
    totals = AnyObject()
    totals_before = AnyObject()
    times = serializers.ListField(child=AnyObject())
    times_by_severity = serializers.ListField(child=AnyObject())
    opened_by = AnyObject()
    opened_over_time = serializers.ListField(child=AnyObject())
    service_levels = serializers.ListField(child=AnyObject())
    detectors = serializers.ListField(child=AnyObject())
    workload = serializers.ListField(child=AnyObject())
    techniques = serializers.ListField(child=AnyObject())


class FigureRowOut(Out):
    """One incident with the very times that the figure was computed from."""

    incident_id = Id(source="pk")
    display_name = serializers.CharField()
    severity = serializers.ChoiceField(Severity.choices)
    status = serializers.ChoiceField(IncidentStatus.choices)
    classification = serializers.ChoiceField(Classification.choices)
    owner = serializers.CharField(source="assigned_to.username", allow_null=True, default=None)
    first_activity = Moment()
    created = Moment()
    acknowledged = Moment(allow_null=True)
    contained_at = Moment(allow_null=True)
    resolved = Moment(allow_null=True)
    seconds_to = serializers.SerializerMethodField()
    service_level = serializers.ChoiceField(ServiceState.choices, source="sla_state", allow_blank=True)
    clocks = AnyObject(source="sla")

    def get_seconds_to(self, incident: Incident) -> dict[str, float | None]:
        return {key: took(incident, measure.column) for key, measure in MEASURES.items()}


class LayerOut(Out):
    """A layer as the ATT&CK Navigator reads it."""

    name = serializers.CharField()
    versions = AnyObject()
    domain = serializers.CharField()
    description = serializers.CharField()
    sorting = serializers.IntegerField()
    layout = AnyObject()
    hideDisabled = serializers.BooleanField()  # noqa: N815 - the Navigator's own word
    techniques = serializers.ListField(child=AnyObject())
    gradient = AnyObject()
    legendItems = serializers.ListField(child=AnyObject())  # noqa: N815
    metadata = serializers.ListField(child=AnyObject())
    showTacticRowBackground = serializers.BooleanField()  # noqa: N815
    selectTechniquesAcrossTactics = serializers.BooleanField()  # noqa: N815
    selectSubtechniquesWithParent = serializers.BooleanField()  # noqa: N815


class FiguresViewSet(ApiViewSet):
    """Computed over the incidents that the caller may see."""

    queryset = Incident.objects.none()
    serializer_class = FiguresOut
    filter_backends = ()
    orderings: Mapping[str, tuple[str, ...]] = {"created": ("created", "id")}
    default_ordering = "-created"
    list_actions = frozenset({"rows"})
    query_parameters = (*PERIOD, *FILTERS, "figure", "clock", "state")
    required_permissions = {"figures": keys.READ_REPORTS, "rows": keys.READ_REPORTS, "layer": keys.READ_REPORTS}

    @extend_schema(responses=FiguresOut, parameters=PARAMETERS, operation_id="figures")
    def figures(self, _request: Request) -> Response:
        """All figures of a period, with those of the span before it."""
        return Response(summarise(self._population(), self._period()))

    @extend_schema(responses=FigureRowOut(many=True), parameters=[*OF_ROWS, *PARAMETERS], operation_id="figures_rows")
    def rows(self, request: Request) -> Response:
        """The incidents behind one figure."""
        asked = request.query_params
        figure = Figure.read(asked.dict())
        if figure is None:
            raise invalid(f"One of {', '.join(sorted(FIGURES))} is needed.", field="figure")
        if asked.get("clock") and not figure.clock:
            raise invalid("There is no such clock.", field="clock")
        if asked.get("state") and not figure.state:
            raise invalid("There is no such state here.", field="state")
        return self.page_of(figure.rows(self._population(), self._period()).for_rows(), FigureRowOut)

    @extend_schema(responses=LayerOut, parameters=PARAMETERS, operation_id="figures_navigator_layer")
    def layer(self, _request: Request) -> Response:
        """Techniques of the incidents opened in the period, as a layer (version 4.5) for the ATT&CK Navigator."""
        period = self._period()
        return Response(navigator_layer(matrix(self._population(), period), period, who=str(self.user)))

    def _population(self) -> Population:
        asked = self.request._request.GET
        for name, known in (("severity", Severity.values), ("classification", Classification.values)):
            if wrong := [value for value in asked.getlist(name) if value not in known]:
                raise invalid(f"{wrong[0][:40]!r} is not one of the known values.", field=name)
        return Population.read(asked, self.user)

    def _period(self) -> Period:
        asked = self.request.query_params
        zone = zone_called(asked.get("time_zone", ""))
        if asked.get("time_zone", "UTC") not in {"UTC", zone.key}:
            raise invalid("There is no such time zone.", field="time_zone")
        if asked.get("period", "month") not in SPANS:
            raise invalid(f"One of {', '.join(SPANS)}, or since and until.", field="period")
        found = read_period({name: asked.get(name) for name in PERIOD if name in asked}, zone=zone)
        if ("since" in asked or "until" in asked) and found.word != CUSTOM:
            raise invalid("Two times with a zone are needed, the first before the second.", field="since")
        return found
