"""`/alerts`."""

from typing import Any

from django.db.models import Q, QuerySet
from django.http import Http404
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import keys
from core.api.filters import texts_or_id
from core.api.views import ApiViewSet
from incidents.api import errors as _errors  # noqa: F401 - says how this room's exceptions are told
from incidents.api.alert_shapes import AlertChange, AlertMove, AlertOut
from incidents.api.filters import AlertFilters
from incidents.api.incident_shapes import IncidentOut
from incidents.api.incidents import ALERT_ORDERINGS
from incidents.api.scope import hidden_entities, named_by_alerts, named_by_incidents
from incidents.models import Alert, Incident
from incidents.services.manage_alert import update_alert
from incidents.services.move_alerts import move_alerts


class AlertViewSet(ApiViewSet):
    """Single detections, with the evidence they name and the reason why they belong to their incident."""

    queryset = Alert.objects.none()
    serializer_class = AlertOut
    filterset_class = AlertFilters
    search_fields = ("title", "provider_alert_id")
    orderings = ALERT_ORDERINGS
    default_ordering = "-last_activity"
    required_permissions = {
        "list": keys.READ,
        "retrieve": keys.READ,
        "partial_update": keys.MANAGE_ALERTS,
        "move": keys.MANAGE_ALERTS,
    }

    def search_for(self, text: str) -> Q:
        return texts_or_id(text, ("title",)) | Q(provider_alert_id=text)

    def get_queryset(self) -> QuerySet[Alert]:
        return Alert.objects.visible_to(self.user).with_evidence(self.user)

    def context_of(self, rows: list[Any]) -> dict[str, Any]:
        hidden = hidden_entities(self.user, named_by_alerts(rows))
        return {**super().context_of(rows), "hidden_entities": hidden}

    @extend_schema(request=AlertChange, responses=AlertOut)
    def partial_update(self, _request: Request, pk: str) -> Response:
        """Change an alert; its incident's counts follow."""
        alert = self.get_object()
        version = self.expected_version(alert)
        changes = self.body(AlertChange, partial=True)
        update_alert(alert, changes=changes, actor=self.actor, expected_version=version)
        return self.show(self.get_object())

    @extend_schema(request=AlertMove, responses=IncidentOut)
    @action(detail=False, methods=["post"])
    def move(self, _request: Request) -> Response:
        """Move alerts to another incident, or to a new one."""
        wanted = self.body(AlertMove)
        user = self.user
        alerts = list(Alert.objects.visible_to(user).filter(pk__in=wanted["alerts"]))
        if len(alerts) != len(set(wanted["alerts"])):
            raise Http404
        target = None
        if wanted["incident"] is not None:
            target = get_object_or_404(Incident.objects.visible_to(user), pk=wanted["incident"])
        incident = move_alerts(
            alerts, to=target, actor=self.actor, comment=wanted.get("comment", ""), reason=wanted["reason"]
        )
        incident = Incident.objects.visible_to(user).select_related("assigned_to").get(pk=incident.pk)
        hidden = hidden_entities(user, named_by_incidents([incident]))
        return Response(IncidentOut(incident, context={"hidden_entities": hidden}).data)
