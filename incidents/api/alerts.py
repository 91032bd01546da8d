"""`/alerts`."""

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import keys
from core.api.views import ApiViewSet
from incidents.api import errors as _errors  # noqa: F401 - says how this room's exceptions are told
from incidents.api.alert_shapes import AlertChange, AlertOut
from incidents.api.filters import AlertFilters
from incidents.api.incidents import ALERT_ORDERINGS
from incidents.api.scope import hidden_entities, named_by_alerts
from incidents.models import Alert
from incidents.services.manage_alert import update_alert


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
    }

    def get_queryset(self) -> QuerySet[Alert]:
        return Alert.objects.visible_to(self.user).with_evidence()

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
