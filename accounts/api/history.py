"""`/audit`: who did what to what, for those who may read the log and see all device groups."""

from django.db.models import Q, QuerySet
from django_filters import rest_framework as filters

from accounts import audit_log, keys
from accounts.api.shapes import AuditEventOut
from accounts.models import User
from core.actors import ActorKind
from core.api.filters import AnyOf, AnyText, Before, Since
from core.api.views import ApiViewSet
from core.models import AuditEvent


class Actors(AnyText):
    """Names of people, of the person behind a token, or of parts of the portal."""

    def filter(self, qs: QuerySet[AuditEvent], value: list[str]) -> QuerySet[AuditEvent]:
        if not value:
            return qs
        people = User.objects.filter(Q(display_name__in=value) | Q(username__in=[name.lower() for name in value]))
        return qs.filter(audit_log.by_people(people) | Q(actor_kind=ActorKind.SYSTEM, actor_name__in=value))


class AuditFilters(filters.FilterSet):
    actor_kind = AnyOf([("person", "Person"), ("token", "Token"), ("system", "System")], field_name="actor_kind")
    actor_id = AnyText(field_name="actor_id")
    actor_name = Actors()
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
