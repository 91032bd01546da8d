from typing import TYPE_CHECKING

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models

from core import clock
from incidents.enums import (
    Criticality,
    DeviceValue,
    EntityKind,
    ExposureLevel,
    Onboarding,
    RiskLevel,
    SensorHealth,
)
from incidents.queries.entities import DeviceQuerySet

if TYPE_CHECKING:
    from accounts.models import DeviceGroup


class Device(models.Model):
    """A machine. `key` is the lower-cased DNS name when known, else the lower-cased host name; `aliases` are further
    keys it goes by (host name, vendor ids as `mde:...`, `aad:...`, `wazuh:...`), each of which names one device only.
    Criticality, value, risk and exposure are four different things. `mitigation` is `{facet: {"state",
    "active", "desired", "observed", "since", "by", "simulated"}}`, written by `services.mitigation` alone; `active`
    says that something is withheld now, so a badge is shown."""

    key = models.CharField(max_length=255, unique=True)
    aliases = ArrayField(models.CharField(max_length=255), default=list)
    display_name = models.CharField(max_length=255)
    host_name = models.CharField(max_length=255, blank=True)
    domain = models.CharField(max_length=255, blank=True)
    os_platform = models.CharField(max_length=80, blank=True)
    os_version = models.CharField(max_length=80, blank=True)
    category = models.CharField(max_length=40, default="computersAndMobile")
    ip_addresses = ArrayField(models.CharField(max_length=45), default=list)
    mac_addresses = ArrayField(models.CharField(max_length=17), default=list)
    logged_on_users = ArrayField(models.CharField(max_length=255), default=list)
    device_group: "models.ForeignKey[DeviceGroup, DeviceGroup]" = models.ForeignKey(
        "accounts.DeviceGroup", models.PROTECT, related_name="devices"
    )
    group_fixed = models.BooleanField(
        default=False, db_default=False, help_text="Its agent joined for this group; no rule moves it."
    )
    tags = ArrayField(models.CharField(max_length=80), default=list)
    risk_level = models.CharField(max_length=16, choices=RiskLevel.choices, default=RiskLevel.NONE)
    exposure_level = models.CharField(max_length=10, choices=ExposureLevel.choices, default=ExposureLevel.NO_DATA)
    criticality = models.CharField(max_length=10, choices=Criticality.choices, default=Criticality.NONE)
    value = models.CharField(max_length=8, choices=DeviceValue.choices, default=DeviceValue.NORMAL)
    health = models.CharField(max_length=24, choices=SensorHealth.choices, default=SensorHealth.UNKNOWN)
    onboarding = models.CharField(max_length=20, choices=Onboarding.choices, default=Onboarding.INSUFFICIENT_INFO)
    internet_facing = models.BooleanField(default=False)
    is_hub = models.BooleanField(default=False, help_text="Seen in so many alerts that it proves no relation.")
    mitigation = models.JSONField(default=dict)
    first_seen = models.DateTimeField(default=clock.now)
    last_seen = models.DateTimeField(default=clock.now)
    version = models.PositiveIntegerField(default=1)
    exercise = models.CharField(max_length=40, blank=True, db_index=True)

    kind = EntityKind.DEVICE
    objects = DeviceQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(fields=["display_name", "id"], name="device_name"),
            models.Index(fields=["-last_seen", "-id"], name="device_last_seen"),
            GinIndex(fields=["aliases"], name="device_aliases", fastupdate=False),
            GinIndex(fields=["ip_addresses"], name="device_ips"),
            GinIndex(fields=["display_name"], name="device_name_trgm", opclasses=["gin_trgm_ops"]),
            GinIndex(fields=["key"], name="device_key_trgm", opclasses=["gin_trgm_ops"]),
        ]

    def __str__(self) -> str:
        return self.display_name
