"""Devices, files, identities and mailboxes on the wire: one frame, and each kind's own fields."""

from datetime import datetime
from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from core.api.fields import Choice, Id, Moment, Words, as_text
from core.api.serializers import In, Out
from incidents.enums import Criticality, DeviceValue, ExposureLevel, Onboarding, RiskLevel, SensorHealth
from incidents.services.changes import MAX_TAG, MAX_TAGS


class BindingOut(Out):
    connection = serializers.CharField(source="connection.name")
    remote_id = serializers.CharField()
    simulated = serializers.BooleanField()


class MitigationOut(Out):
    """One facet: what is wanted, what was last observed, since when and by whom."""

    state = serializers.CharField()
    active = serializers.BooleanField()
    desired = serializers.CharField()
    observed = serializers.CharField()
    since = Moment(allow_null=True)
    by = serializers.CharField()
    simulated = serializers.BooleanField()

    def to_representation(self, instance: dict[str, Any]) -> dict[str, Any]:
        since = instance.get("since")
        return {
            "state": str(instance.get("state", "")),
            "active": bool(instance.get("active")),
            "desired": str(instance.get("desired", "")),
            "observed": str(instance.get("observed", "")),
            "since": as_text(datetime.fromisoformat(since)) if since else None,
            "by": str(instance.get("by", "")),
            "simulated": bool(instance.get("simulated")),
        }


class EntityOut(Out):
    """What every entity has; a field that a kind knows nothing of is null."""

    id = Id(source="pk")
    kind = serializers.CharField()
    key = serializers.CharField()
    display_name = serializers.CharField()
    bindings = serializers.SerializerMethodField()
    device_group = serializers.SerializerMethodField()
    risk_level = serializers.SerializerMethodField()
    exposure_level = serializers.SerializerMethodField()
    criticality = serializers.SerializerMethodField()
    value = serializers.SerializerMethodField()
    health = serializers.SerializerMethodField()
    mitigation = serializers.SerializerMethodField()
    tags = Words()
    is_hub = serializers.BooleanField()
    first_seen = Moment()
    last_seen = Moment()
    exercise = serializers.CharField()
    version = serializers.IntegerField()

    @extend_schema_field(BindingOut(many=True))
    def get_bindings(self, row: Any) -> Any:
        return BindingOut(row.bindings.all() if hasattr(row, "bindings") else (), many=True).data

    def get_device_group(self, row: Any) -> str | None:
        return row.device_group.name if hasattr(row, "device_group") else None

    def get_risk_level(self, row: Any) -> str | None:
        return getattr(row, "risk_level", None)

    def get_exposure_level(self, row: Any) -> str | None:
        return getattr(row, "exposure_level", None)

    def get_criticality(self, row: Any) -> str | None:
        return getattr(row, "criticality", None)

    def get_value(self, row: Any) -> str | None:
        return getattr(row, "value", None)

    def get_health(self, row: Any) -> str | None:
        return getattr(row, "health", None)

    @extend_schema_field(serializers.DictField(child=MitigationOut()))
    def get_mitigation(self, row: Any) -> Any:
        facets: dict[str, Any] = getattr(row, "mitigation", {})
        return {facet: MitigationOut(state).data for facet, state in facets.items()}


class DeviceOut(EntityOut):
    risk_level = serializers.ChoiceField(RiskLevel.choices)  # type: ignore[assignment]
    exposure_level = serializers.ChoiceField(ExposureLevel.choices)  # type: ignore[assignment]
    criticality = serializers.ChoiceField(Criticality.choices)  # type: ignore[assignment]
    value = serializers.ChoiceField(DeviceValue.choices)  # type: ignore[assignment]
    health = serializers.ChoiceField(SensorHealth.choices)  # type: ignore[assignment]
    onboarding = serializers.ChoiceField(Onboarding.choices)
    device_group_id = Id()
    host_name = serializers.CharField()
    domain = serializers.CharField()
    os_platform = serializers.CharField()
    os_version = serializers.CharField()
    category = serializers.CharField()
    ip_addresses = Words()
    mac_addresses = Words()
    logged_on_users = Words()
    aliases = Words()
    internet_facing = serializers.BooleanField()


class FileOut(EntityOut):
    sha256 = serializers.CharField()
    sha1 = serializers.CharField()
    md5 = serializers.CharField()
    names = Words()
    path = serializers.CharField()
    size = serializers.IntegerField(allow_null=True)
    publisher = serializers.CharField()
    signer = serializers.CharField()


class IdentityOut(EntityOut):
    risk_level = serializers.ChoiceField(RiskLevel.choices)  # type: ignore[assignment]
    criticality = serializers.ChoiceField(Criticality.choices)  # type: ignore[assignment]
    account_name = serializers.CharField()
    domain = serializers.CharField()
    upn = serializers.CharField()
    sid = serializers.CharField()
    aliases = Words()
    department = serializers.CharField()
    job_title = serializers.CharField()
    is_service = serializers.BooleanField()


class MailboxOut(EntityOut):
    risk_level = serializers.ChoiceField(RiskLevel.choices)  # type: ignore[assignment]
    criticality = serializers.ChoiceField(Criticality.choices)  # type: ignore[assignment]
    primary_address = serializers.CharField()
    upn = serializers.CharField()


class FileChange(In):
    answer: ClassVar[type[Out] | None] = FileOut
    tags = Words(longest=MAX_TAG, max_length=MAX_TAGS, required=False)


class IdentityChange(FileChange):
    answer: ClassVar[type[Out] | None] = IdentityOut
    criticality = Choice(Criticality.choices, required=False)


class MailboxChange(IdentityChange):
    answer = MailboxOut


class DeviceChange(IdentityChange):
    answer = DeviceOut
    value = Choice(DeviceValue.choices, required=False)
