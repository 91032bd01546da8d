"""`/live-sessions`: opening, typing, watching and ending; batches of commands; what many devices answer."""

from typing import Any

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import keys, step_up
from core.api.filters import AnyOf, Before, Since
from core.api.serializers import NothingIn
from core.api.views import ApiViewSet
from incidents.models import Device, Incident
from live_response.acts import OPEN_SESSION
from live_response.api import errors as _errors  # noqa: F401 - says how refusals are told
from live_response.api.shapes import (
    LiveBatchIn,
    LiveBatchOut,
    LiveCancelIn,
    LiveCommandOut,
    LiveLineIn,
    LiveQuestionAnswersOut,
    LiveQuestionNew,
    LiveQuestionOut,
    LiveSessionNew,
    LiveSessionOut,
)
from live_response.enums import SessionKind, SessionState
from live_response.models import FleetQuery, LiveSession
from live_response.services.batch import open_batch
from live_response.services.fleet import ask_fleet
from live_response.services.sessions import end_session, open_session
from live_response.services.type_line import stop_command, type_line


class SessionFilters(filters.FilterSet):
    state = AnyOf(SessionState.choices, field_name="state")
    kind = AnyOf(SessionKind.choices, field_name="kind")
    created_since = Since("created")
    created_before = Before("created")


class LiveSessionViewSet(ApiViewSet):
    """Sessions on devices in the caller's scope. Opening one needs a confirmation, as in the browser."""

    queryset = LiveSession.objects.none()
    serializer_class = LiveSessionOut
    filterset_class: Any = SessionFilters
    required_permissions = {
        "list": keys.LIVE_BASIC,
        "retrieve": keys.LIVE_BASIC,
        "create": keys.LIVE_BASIC,
        "commands": keys.LIVE_BASIC,
        "type_line": keys.LIVE_BASIC,
        "cancel": keys.LIVE_BASIC,
        "end": keys.LIVE_BASIC,
        "run": keys.LIVE_BASIC,
        "result": keys.LIVE_BASIC,
    }
    list_actions = frozenset({"commands"})

    def get_queryset(self) -> QuerySet[LiveSession]:
        return LiveSession.objects.visible_to(self.user).select_related("device", "incident")

    def _check_query(self, request: Request) -> None:
        if self.action == "commands":  # filters are of sessions
            self.filterset_class = None
        super()._check_query(request)

    @extend_schema(request=LiveSessionNew, responses={201: LiveSessionOut})
    def create(self, request: Request) -> Response:
        """Open a session; 409 links the one that holds the device."""
        wanted = self.body(LiveSessionNew)
        device, incident = self._place(wanted)
        step_up.require(request, OPEN_SESSION)
        made = open_session(device, reason=wanted["reason"], actor=self.actor, user=self.user, incident=incident)
        return self.show(self.get_queryset().get(pk=made.pk), status=201)

    def _place(self, wanted: dict[str, Any]) -> tuple[Device, Incident | None]:
        device = get_object_or_404(Device.objects.visible_to(self.user), pk=wanted["device_id"])
        incident, number = None, wanted.get("incident_id")
        if number is not None:
            seen = get_object_or_404(Incident.objects.visible_to(self.user), pk=number)
            incident = Incident.objects.get(pk=seen.pk)
        return device, incident

    @extend_schema(responses=LiveCommandOut(many=True))
    @action(detail=True, methods=["get"])
    def commands(self, _request: Request, pk: str) -> Response:
        """The commands of a session."""
        rows = self.get_object().commands.prefetch_related("artefacts__blob")
        return self.page_of(rows, LiveCommandOut)

    @extend_schema(request=LiveLineIn, responses={201: LiveCommandOut})
    @action(detail=True, methods=["post"], url_path="type")
    def type_line(self, _request: Request, pk: str) -> Response:
        """Type a line, as in the console; what is not understood comes back as a refused command."""
        session = self.get_object()
        command = type_line(session, text=self.body(LiveLineIn)["line"], actor=self.actor, user=self.user)
        return Response(LiveCommandOut(command).data, status=201)

    @extend_schema(request=LiveCancelIn, responses=LiveCommandOut)
    @action(detail=True, methods=["post"])
    def cancel(self, _request: Request, pk: str) -> Response:
        """End a command on the device."""
        session = self.get_object()
        command = get_object_or_404(
            session.commands.select_related("session"), number=self.body(LiveCancelIn)["number"]
        )
        stop_command(command, actor=self.actor, user=self.user)
        command.refresh_from_db()
        return Response(LiveCommandOut(command).data)

    @extend_schema(request=NothingIn, responses=LiveSessionOut)
    @action(detail=True, methods=["post"])
    def end(self, _request: Request, pk: str) -> Response:
        """End a session and what runs in it."""
        session = self.get_object()
        self.body(NothingIn)
        end_session(session, actor=self.actor, user=self.user)
        return self.show(self.get_object())

    @extend_schema(request=LiveBatchIn, responses={201: LiveBatchOut})
    @action(detail=False, methods=["post"])
    def run(self, request: Request) -> Response:
        """Put files, run scripts and fetch files on a device, one after the other; it is waited for up to 3 days."""
        wanted = self.body(LiveBatchIn)
        device, incident = self._place(wanted)
        step_up.require(request, OPEN_SESSION)
        made = open_batch(
            device, commands=wanted["commands"], comment=wanted["comment"], actor=self.actor, user=self.user,
            incident=incident,
        )  # fmt: skip
        return Response(LiveBatchOut(self.get_queryset().get(pk=made.pk)).data, status=201)

    @extend_schema(responses=LiveBatchOut)
    @action(detail=True, methods=["get"])
    def result(self, _request: Request, pk: str) -> Response:
        """A session with its commands and what came of each."""
        return Response(LiveBatchOut(self.get_object()).data)


class LiveQuestionViewSet(ApiViewSet):
    """One question that only reads, put to many devices at once."""

    queryset = FleetQuery.objects.none()
    serializer_class = LiveQuestionOut
    required_permissions = {"list": keys.LIVE_BASIC, "retrieve": keys.LIVE_BASIC, "create": keys.LIVE_BASIC}

    def get_queryset(self) -> QuerySet[FleetQuery]:
        return FleetQuery.objects.visible_to(self.user)

    @extend_schema(responses=LiveQuestionAnswersOut)
    def retrieve(self, _request: Request, pk: str) -> Response:
        """A question with the answers of the devices in the caller's scope."""
        return self._told(self.get_object())

    @extend_schema(request=LiveQuestionNew, responses={201: LiveQuestionAnswersOut})
    def create(self, _request: Request) -> Response:
        """Ask. A device that cannot be asked says why."""
        wanted = self.body(LiveQuestionNew)
        ids = set(wanted["device_ids"])
        devices = list(Device.objects.visible_to(self.user).filter(pk__in=ids).order_by("display_name", "pk"))
        if len(devices) != len(ids):
            get_object_or_404(Device.objects.none())
        query = ask_fleet(wanted["line"], devices=devices, reason=wanted["reason"], actor=self.actor, user=self.user)
        return self._told(query, status=201)

    def _told(self, query: FleetQuery, *, status: int = 200) -> Response:
        seen = Device.objects.visible_to(self.user)
        query.seen = query.answers.filter(device__in=seen).order_by("number")  # type: ignore[attr-defined]
        return Response(LiveQuestionAnswersOut(query).data, status=status)
