"""`/trusted-programs`: what may start, besides the system's packages, on restricted devices of each device group."""

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import keys
from accounts.models import DeviceGroup
from core.api.fields import Id, Moment, Text
from core.api.serializers import In, Out
from core.api.views import ApiViewSet
from remediation.models import TrustedPrograms
from remediation.services.agent_rules import MOST_FOLDERS, MOST_SIGNERS, set_trusted_programs


class TrustedProgramsOut(Out):
    id = Id(source="pk", help_text="Of the device group.")
    device_group = serializers.CharField(source="name")
    folders = serializers.SerializerMethodField()
    signers = serializers.SerializerMethodField(help_text="Ed25519 public keys in PEM.")
    updated = Moment(source="trusted_programs.updated", default=None, allow_null=True)

    def get_folders(self, group: DeviceGroup) -> list[str]:
        return _kept(group).folders

    def get_signers(self, group: DeviceGroup) -> list[str]:
        return _kept(group).signers


class TrustedProgramsIn(In):
    answer = TrustedProgramsOut
    folders = serializers.ListField(child=Text(max_length=500), max_length=MOST_FOLDERS)
    signers = serializers.ListField(child=Text(max_length=2_000), max_length=MOST_SIGNERS)


class TrustedProgramsViewSet(ApiViewSet):
    """One for each device group. A change concerns restrictions that are asked for from then on."""

    queryset = DeviceGroup.objects.none()
    serializer_class = TrustedProgramsOut
    orderings = {"id": ("id",)}
    required_permissions = dict.fromkeys(("list", "retrieve", "update"), keys.MANAGE_SETTINGS)

    def get_queryset(self) -> QuerySet[DeviceGroup]:
        return DeviceGroup.objects.filter(retired=False).select_related("trusted_programs")

    @extend_schema(request=TrustedProgramsIn, responses=TrustedProgramsOut)
    def update(self, _request: Request, pk: str) -> Response:
        """Say anew what a group trusts: all folders and all keys."""
        wanted: dict[str, Any] = self.body(TrustedProgramsIn)
        set_trusted_programs(self.get_object(), **wanted, actor=self.actor)
        return self.show(self.get_object())


def _kept(group: DeviceGroup) -> TrustedPrograms:
    """What the group trusts; nothing while nobody has said."""
    return getattr(group, "trusted_programs", None) or TrustedPrograms()
