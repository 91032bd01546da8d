"""Action runs and the catalogue on the wire."""

from datetime import datetime
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from core.api.fields import AnyObject, Choice, Id, Moment, Text, as_text
from core.api.serializers import FrozenActor, In, Out
from incidents.enums import EntityKind
from remediation.catalog import Action
from remediation.enums import Approval, Decision, Facet, LogLevel, Risk, RunStatus, Source
from remediation.models import ActionRun
from remediation.services.request import MAX_COMMENT
from remediation.taken_back import TakenBack, UndoState


class TargetOut(Out):
    kind = serializers.ChoiceField(EntityKind.choices)
    id = Id()
    name = serializers.CharField(help_text="As it was called when the action was asked for.")


class VerificationOut(Out):
    done = serializers.BooleanField()
    method = serializers.CharField()
    at = Moment(allow_null=True)
    detail = serializers.CharField()


class LogLine(Out):
    at = Moment()
    level = serializers.ChoiceField(LogLevel.choices)
    text = serializers.CharField()


class ArtefactOut(Out):
    id = Id(source="pk")
    name = serializers.CharField()
    media_type = serializers.CharField(source="blob.media_type")
    size = serializers.IntegerField(source="blob.size")
    sha256 = serializers.CharField(source="blob.sha256")
    created = Moment()


class RunOut(Out):
    id = Id(source="pk")
    action = serializers.CharField()
    target = serializers.SerializerMethodField()
    facet = serializers.CharField()
    arguments = AnyObject()
    comment = serializers.CharField()
    decision = serializers.ChoiceField(Decision.choices)
    decided_by = FrozenActor(allow_null=True)
    decided_at = Moment(allow_null=True)
    decision_comment = serializers.CharField()
    status = serializers.ChoiceField(RunStatus.choices)
    status_detail = serializers.CharField()
    parent = Id(source="parent_id", allow_null=True)  # type: ignore[assignment]
    undoes = Id(source="undoes_id", allow_null=True)
    undone_by = serializers.SerializerMethodField()
    undo_state = serializers.SerializerMethodField()
    incident_id = Id(allow_null=True)
    emergency = serializers.BooleanField(help_text="Approved by one person alone.")
    source = serializers.ChoiceField(Source.choices)  # type: ignore[assignment]
    simulated = serializers.BooleanField()
    verification = serializers.SerializerMethodField()
    progress = serializers.IntegerField(allow_null=True)
    result = AnyObject()
    artefacts = ArtefactOut(many=True)
    log = LogLine(many=True, source="log_lines")
    requested_by = FrozenActor()
    created = Moment()
    expires_at = Moment(allow_null=True)
    queued = Moment(allow_null=True)
    delivered = Moment(allow_null=True)
    started = Moment(allow_null=True)
    ended = Moment(allow_null=True)
    exercise = serializers.CharField()
    version = serializers.IntegerField()

    @extend_schema_field(TargetOut)
    def get_target(self, run: ActionRun) -> dict[str, str]:
        return {"kind": run.target_kind, "id": str(run.target_id), "name": run.target_name}

    def get_undone_by(self, run: ActionRun) -> str | None:
        """The newest run that takes this one back, or tries to. Of a file action null as long as devices are left that
        none takes back."""
        so_far = self._taken_back(run)
        return str(so_far.latest) if so_far.is_claimed else None

    @extend_schema_field(serializers.ChoiceField([state.value for state in UndoState]))
    def get_undo_state(self, run: ActionRun) -> str:
        """Partly undone is a file action of which some devices are taken back, or about to be, and others are not."""
        return self._taken_back(run).state.value

    def _taken_back(self, run: ActionRun) -> TakenBack:
        found: TakenBack = self.context["taken_back"][run.pk]
        return found

    @extend_schema_field(VerificationOut)
    def get_verification(self, run: ActionRun) -> dict[str, Any]:
        known = run.verification
        at = known.get("at")
        return {
            "done": bool(known.get("done")),
            "method": str(known.get("method", "")),
            "at": as_text(datetime.fromisoformat(at)) if at else None,
            "detail": str(known.get("detail", "")),
        }


class ActionOut(Out):
    """One declaration of the catalogue."""

    key = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]
    target_kind = serializers.ChoiceField(EntityKind.choices)
    facet = serializers.ChoiceField(Facet.choices)
    arguments = AnyObject(source="arguments_schema", help_text="JSON Schema of `arguments`.")
    effects = serializers.ListField(child=serializers.CharField())
    checked_by = serializers.CharField()
    request_permissions = serializers.ListField(child=serializers.CharField())
    decide_permissions = serializers.ListField(child=serializers.CharField())
    risk = serializers.ChoiceField(Risk.choices)
    approval = serializers.ChoiceField(Approval.choices)
    undo = serializers.SerializerMethodField()
    why_no_undo = serializers.CharField()

    def get_undo(self, action: Action) -> str | None:
        return action.undo or None


class CatalogOut(Out):
    results = ActionOut(many=True)
    next = serializers.CharField(allow_null=True)
    count = serializers.IntegerField()


class TargetIn(In):
    kind = Choice(EntityKind.choices)
    id = Id()


class RunNew(In):
    answer = RunOut
    action = Text(max_length=60)
    target = TargetIn()
    arguments = AnyObject(required=False)
    comment = Text(max_length=MAX_COMMENT, help_text="The reason.")
    incident_id = Id(required=False, allow_null=True)


class ContainAddressIn(In):
    answer = RunOut
    address = Text(max_length=45, help_text="IPv4 or IPv6, of one host.")
    arguments = AnyObject(required=False, help_text="As of `device.contain`.")
    comment = Text(max_length=MAX_COMMENT, help_text="The reason.")
    incident_id = Id(required=False, allow_null=True)


class MaybeComment(In):
    comment = Text(max_length=MAX_COMMENT, allow_blank=True, required=False)


class NeededComment(In):
    comment = Text(max_length=MAX_COMMENT)


class DownloadIn(In):
    reason = Text(max_length=MAX_COMMENT, required=False, allow_blank=True, help_text="Needed for what is guarded.")
    part = Text(max_length=300, required=False, allow_blank=True, help_text="One file of a package, as text.")
    password = Text(
        max_length=200, required=False, allow_blank=True, write_only=True,
        help_text="Of the zip that a guarded file of a device comes in: your own choice, at least 8 characters.",
    )  # fmt: skip
