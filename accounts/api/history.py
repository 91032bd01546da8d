"""`/audit`: who did what to what, for those who may read the log and see all device groups."""

from django.db.models import QuerySet
from django_filters import rest_framework as filters

from accounts import audit_log, keys
from accounts.api.shapes import AuditEventOut
from core.api.filters import AnyOf, AnyText, Before, Since
from core.api.views import ApiViewSet
from core.models import AuditEvent


class AuditFilters(filters.FilterSet):
    actor_kind = AnyOf([("person", "Person"), ("token", "Token"), ("system", "System")], field_name="actor_kind")
    actor_id = AnyText(field_name="actor_id")
    actor_name = AnyText(field_name="actor_name")
    verb = AnyText(field_name="verb")
    subject = AnyText(field_name="subject")
    thread = AnyText(field_name="thread")
    at_since = Since("at")
    at_before = Before("at")


class AuditViewSet(ApiViewSet):
    """The append-only history."""

    queryset = AuditEvent.objects.none()
    serializer_class = AuditEventOut
    filterset_class = AuditFilters
    orderings = {"at": ("at", "id")}
    default_ordering = "-at"
    required_permissions = {"list": keys.READ_AUDIT}

    def get_queryset(self) -> QuerySet[AuditEvent]:
        return audit_log.visible_to(self.user)
