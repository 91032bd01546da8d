"""Filters of this room's lists; the names are those of the fields."""

from django.db.models import Q, QuerySet
from django_filters import rest_framework as filters

from core.api.filters import AnyId, AnyOf, AnyText, Before, Since
from incidents.enums import (
    AlertStatus,
    Category,
    Classification,
    Criticality,
    DeadLetterState,
    Determination,
    DeviceValue,
    ExposureLevel,
    IncidentStatus,
    RiskLevel,
    SensorHealth,
    ServiceState,
    Severity,
)
from incidents.models import Incident
from incidents.queries.incidents import OWNERLESS

NOBODY = "nobody"


class Owner(AnyText):
    """User names; `nobody` finds what has no owner, or one whose account is switched off."""

    def filter(self, qs: QuerySet[Incident], value: list[str]) -> QuerySet[Incident]:
        if not value:
            return qs
        wanted = Q(assigned_to__username__in=[name.lower() for name in value])
        return qs.filter(wanted | OWNERLESS) if NOBODY in value else qs.filter(wanted)


class IncidentFilters(filters.FilterSet):
    status = AnyOf(IncidentStatus.choices, field_name="status")
    severity = AnyOf(Severity.choices, field_name="severity")
    classification = AnyOf(Classification.choices, field_name="classification")
    determination = AnyOf(Determination.choices, field_name="determination")
    assigned_to = Owner()
    service_level = AnyOf(ServiceState.choices, field_name="sla_state")
    custom_tags = AnyText(field_name="custom_tags", lookup="overlap")
    system_tags = AnyText(field_name="system_tags", lookup="overlap")
    categories = AnyOf(Category.choices, field_name="categories", lookup="overlap")
    mitre_techniques = AnyText(field_name="mitre_techniques", lookup="overlap")
    service_sources = AnyText(field_name="service_sources", lookup="overlap")
    detection_sources = AnyText(field_name="detection_sources", lookup="overlap")
    sources = AnyText(field_name="sources", lookup="overlap")
    exercise = AnyText(field_name="exercise")
    created_since = Since("created")
    created_before = Before("created")
    updated_since = Since("updated")
    updated_before = Before("updated")
    last_activity_since = Since("last_activity")
    last_activity_before = Before("last_activity")


class AlertFilters(filters.FilterSet):
    source = AnyText(field_name="source")
    provider_alert_id = AnyText(field_name="provider_alert_id")
    format = AnyText(field_name="format")
    severity = AnyOf(Severity.choices, field_name="severity")
    status = AnyOf(AlertStatus.choices, field_name="status")
    classification = AnyOf(Classification.choices, field_name="classification")
    determination = AnyOf(Determination.choices, field_name="determination")
    assigned_to = Owner()
    categories = AnyOf(Category.choices, field_name="categories", lookup="overlap")
    mitre_techniques = AnyText(field_name="mitre_techniques", lookup="overlap")
    service_source = AnyText(field_name="service_source")
    detection_source = AnyText(field_name="detection_source")
    incident_id = AnyId(field_name="incident_id")
    exercise = AnyText(field_name="exercise")
    created_since = Since("created")
    created_before = Before("created")
    updated_since = Since("updated")
    last_activity_since = Since("last_activity")
    last_activity_before = Before("last_activity")


class EntityFilters(filters.FilterSet):
    tags = AnyText(field_name="tags", lookup="overlap")
    exercise = AnyText(field_name="exercise")
    last_seen_since = Since("last_seen")
    last_seen_before = Before("last_seen")


class FileFilters(EntityFilters):
    sha256 = AnyText(field_name="sha256")
    sha1 = AnyText(field_name="sha1")
    md5 = AnyText(field_name="md5")


class MailboxFilters(EntityFilters):
    risk_level = AnyOf(RiskLevel.choices, field_name="risk_level")
    criticality = AnyOf(Criticality.choices, field_name="criticality")


class IdentityFilters(MailboxFilters):
    upn = AnyText(field_name="upn")
    domain = AnyText(field_name="domain")


class DeviceFilters(MailboxFilters):
    device_group = AnyText(field_name="device_group__name")
    exposure_level = AnyOf(ExposureLevel.choices, field_name="exposure_level")
    value = AnyOf(DeviceValue.choices, field_name="value")
    health = AnyOf(SensorHealth.choices, field_name="health")
    os_platform = AnyText(field_name="os_platform")
    domain = AnyText(field_name="domain")


class DeadLetterFilters(filters.FilterSet):
    state = AnyOf(DeadLetterState.choices, field_name="state")
    source = AnyText(field_name="source")
    format = AnyText(field_name="format")
    code = AnyText(field_name="code")
    exercise = AnyText(field_name="exercise")
