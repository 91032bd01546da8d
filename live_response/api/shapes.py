"""Sessions, commands, library files and questions on the wire."""

import base64
import binascii
from typing import Any

from rest_framework import serializers

from core.api.fields import AnyObject, Choice, Flag, Id, Moment, Text
from core.api.serializers import FrozenActor, In, Out
from live_response.enums import CommandState, Level, SessionKind, SessionState
from live_response.limits import MOST_DEVICES, MOST_UPLOAD
from live_response.models import LiveCommand
from live_response.services.batch import MOST, ORDER
from remediation.services.request import MAX_COMMENT


class LiveArtefactOut(Out):
    id = Id(source="pk")
    name = serializers.CharField()
    path = serializers.CharField()
    size = serializers.IntegerField(source="blob.size")
    sha256 = serializers.CharField(source="blob.sha256")


class LiveCommandOut(Out):
    """`output` and `table` are what the console shows."""

    id = Id(source="pk")
    number = serializers.IntegerField()
    line = serializers.CharField()
    name = serializers.CharField()
    level = serializers.ChoiceField(Level.choices)
    state = serializers.ChoiceField(CommandState.choices)
    code = serializers.CharField()
    detail = serializers.CharField()
    output = serializers.CharField()
    table = serializers.ListField(child=AnyObject(), source="ordered")
    truncated = serializers.BooleanField()
    exit_code = serializers.IntegerField(allow_null=True)
    progress = serializers.IntegerField(allow_null=True)
    run_id = Id(allow_null=True)
    artefacts = LiveArtefactOut(many=True)
    typed_by = FrozenActor()
    created = Moment()
    ended = Moment(allow_null=True)


class LiveSessionOut(Out):
    id = Id(source="pk")
    device_id = Id()
    incident_id = Id(allow_null=True)
    kind = serializers.ChoiceField(SessionKind.choices)
    level = serializers.ChoiceField(Level.choices)
    state = serializers.ChoiceField(SessionState.choices)
    state_detail = serializers.CharField()
    reason = serializers.CharField()
    folder = serializers.CharField()
    opened_by = FrozenActor()
    created = Moment()
    started = Moment(allow_null=True)
    ended = Moment(allow_null=True)
    last_input_at = Moment()
    recording_sha256 = serializers.CharField(source="recording_head")


class LiveSessionNew(In):
    answer = LiveSessionOut
    device_id = Id()
    incident_id = Id(required=False, allow_null=True)
    reason = Text(max_length=MAX_COMMENT)


class LiveLineIn(In):
    line = Text(max_length=2_000)


class LiveCancelIn(In):
    number = serializers.IntegerField(min_value=1, max_value=1_000_000)


class LivePairIn(In):
    key = Text(max_length=40)
    value = Text(max_length=2_000, allow_blank=True)


class LiveStepIn(In):
    type = Choice([(one, one) for one in ORDER])
    params = serializers.ListField(child=LivePairIn(), required=False, max_length=4)


class LiveBatchIn(In):
    """Files are put, scripts run and files fetched, in this order; the first that fails ends it."""

    device_id = Id()
    incident_id = Id(required=False, allow_null=True)
    comment = Text(max_length=MAX_COMMENT)
    commands = serializers.ListField(child=LiveStepIn(), min_length=1, max_length=MOST)


_STATUS = {CommandState.SUCCEEDED: "completed", CommandState.WAITING: "created", CommandState.QUEUED: "created",
           CommandState.STARTED: "created"}  # fmt: skip


class LiveStepOut(Out):
    """One command of a batch. A script's result tells its name, exit code and output."""

    index = serializers.SerializerMethodField()
    command_status = serializers.SerializerMethodField()
    start_time = Moment(source="started", allow_null=True)
    end_time = Moment(source="ended", allow_null=True)
    errors = serializers.SerializerMethodField()  # type: ignore[assignment]
    command = LiveCommandOut(source="*")

    def get_index(self, row: LiveCommand) -> int:
        return row.number - 2

    def get_command_status(self, row: LiveCommand) -> str:
        return _STATUS.get(CommandState(row.state), "failed")

    def get_errors(self, row: LiveCommand) -> list[str]:
        return [row.detail] if self.get_command_status(row) == "failed" and row.detail else []


class LiveBatchOut(LiveSessionOut):
    commands = serializers.SerializerMethodField()

    def get_commands(self, row: Any) -> list[dict[str, Any]]:
        steps = row.commands.filter(number__gt=1).prefetch_related("artefacts__blob").order_by("number")
        return [dict(LiveStepOut(one).data) for one in steps]


class LibraryFileOut(Out):
    id = Id(source="pk")
    name = serializers.CharField()
    sha256 = serializers.CharField()
    size = serializers.IntegerField()
    description = serializers.CharField()
    has_parameters = serializers.BooleanField()
    parameters_description = serializers.CharField()
    created_by = FrozenActor()
    updated_by = FrozenActor()
    created = Moment()
    updated = Moment()


class LibraryFileTexts(In):
    """What is said of a file that comes as it is."""

    answer = LibraryFileOut
    name = Text(max_length=100, required=False, help_text="The file's own name if it is left out.")
    description = Text(max_length=2_000, required=False, allow_blank=True)
    has_parameters = Flag(required=False)
    parameters_description = Text(max_length=2_000, required=False, allow_blank=True)
    overwrite = Flag(required=False)


class LibraryFileUpload(LibraryFileTexts):
    """As a form; the flags are `true` or `false`."""

    file = serializers.FileField(help_text="At most 250 MiB.")


class LibraryFileNew(In):
    answer = LibraryFileOut
    name = Text(max_length=100)
    content = Text(max_length=MOST_UPLOAD * 4 // 3 + 8, trim_whitespace=False, help_text="Base64.")
    description = Text(max_length=2_000, required=False, allow_blank=True)
    has_parameters = Flag(required=False)
    parameters_description = Text(max_length=2_000, required=False, allow_blank=True)
    overwrite = Flag(required=False)

    def validate_content(self, text: str) -> bytes:
        try:
            return base64.b64decode(text, validate=True)
        except (binascii.Error, ValueError):
            raise serializers.ValidationError("The content is Base64.") from None


class LiveQuestionNew(In):
    line = Text(max_length=2_000)
    reason = Text(max_length=MAX_COMMENT)
    device_ids = serializers.ListField(child=Id(), min_length=1, max_length=MOST_DEVICES)


class LiveAnswerOut(Out):
    device_id = Id()
    state = serializers.ChoiceField(CommandState.choices)
    code = serializers.CharField()
    detail = serializers.CharField()
    table = serializers.ListField(child=AnyObject(), source="ordered")
    output = serializers.CharField()
    truncated = serializers.BooleanField()


class LiveQuestionOut(Out):
    id = Id(source="pk")
    line = serializers.CharField()
    reason = serializers.CharField()
    asked_by = FrozenActor()
    created = Moment()


class LiveQuestionAnswersOut(LiveQuestionOut):
    answers = LiveAnswerOut(many=True, source="seen")
