"""`/actions`: asking for actions, deciding on them, stopping and undoing them, and the catalogue of what there is."""

from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404
from django_filters import rest_framework as filters
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import keys, step_up
from core.api.errors import invalid
from core.api.filters import AnyId, AnyOf, AnyText, Before, Since
from core.api.views import ApiViewSet
from core.downloads import download as give
from incidents.enums import EntityKind
from incidents.models import Device, File, Identity, Incident, Mailbox
from remediation import acts
from remediation.api import errors as _errors  # noqa: F401 - says how refusals are told
from remediation.api.brake_shapes import AloneIn
from remediation.api.control_shapes import BulkIn, BulkOut
from remediation.api.shapes import (
    CatalogOut,
    ContainAddressIn,
    DownloadIn,
    MaybeComment,
    NeededComment,
    RunNew,
    RunOut,
)
from remediation.catalog import all_actions, is_known
from remediation.enums import Decision, RunStatus, Source
from remediation.models import ActionRun
from remediation.services.bulk import Deed, Outcome, do_to_many, find_many
from remediation.services.cancel import cancel_run
from remediation.services.contain_address import contain_address
from remediation.services.decide import approve_run, reject_run
from remediation.services.emergency import approve_alone
from remediation.services.open_package import hand_out
from remediation.services.request import request_action
from remediation.services.undo import undo_run
from remediation.taken_back import TakenBack, taken_back_of

TARGETS: dict[str, Any] = {"device": Device, "file": File, "identity": Identity, "mailbox": Mailbox}


class RunFilters(filters.FilterSet):
    action = AnyText(field_name="action")
    decision = AnyOf(Decision.choices, field_name="decision")
    status = AnyOf(RunStatus.choices, field_name="status")
    target_kind = AnyOf(EntityKind.choices, field_name="target_kind")
    target_id = AnyId(field_name="target_id")
    incident_id = AnyId(field_name="incident_id")
    parent = AnyId(field_name="parent_id")
    undoes = AnyId(field_name="undoes_id")
    source = AnyOf(Source.choices, field_name="source")
    simulated = filters.BooleanFilter(field_name="simulated")
    exercise = AnyText(field_name="exercise")
    created_since = Since("created")
    created_before = Before("created")


class ActionViewSet(ApiViewSet):
    """Action runs. The list leaves out the parts of fanned-out runs unless `parent` asks for them."""

    queryset = ActionRun.objects.none()
    serializer_class = RunOut
    filterset_class = RunFilters
    search_fields = ("target_name", "comment")
    default_ordering = "-created"
    orderings = {
        "created": ("created", "id"),
        "ended": ("ended", "id"),
        "expires_at": ("expires_at", "id"),
        "id": ("id",),
    }
    required_permissions = {
        "list": keys.READ,
        "retrieve": keys.READ,
        "create": keys.REQUEST_RESPONSE,
        "contain_address": keys.REQUEST_RESPONSE,
        "approve": keys.DECIDE_RESPONSE,
        "reject": keys.DECIDE_RESPONSE,
        "approve_alone": keys.APPROVE_ALONE,
        "cancel": keys.REQUEST_RESPONSE,
        "undo": keys.REQUEST_RESPONSE,
        "catalog": keys.READ,
        "download": keys.READ,
        "bulk_approve": keys.DECIDE_RESPONSE,
        "bulk_reject": keys.DECIDE_RESPONSE,
        "bulk_undo": keys.REQUEST_RESPONSE,
    }

    def get_queryset(self) -> QuerySet[ActionRun]:
        seen = ActionRun.objects.visible_to(self.user)
        seen = seen.prefetch_related("log_lines", "artefacts__blob")
        return seen.top_level() if self.action == "list" and "parent" not in self.request.query_params else seen

    def context_of(self, rows: list[Any]) -> dict[str, Any]:
        fresh = self.action in {"create", "contain_address", "undo"}
        known = {run.pk: TakenBack() for run in rows} if fresh else taken_back_of(run.pk for run in rows)
        return {**super().context_of(rows), "taken_back": known}

    @extend_schema(request=RunNew, responses={201: RunOut})
    def create(self, _request: Request) -> Response:
        """Ask for an action. 409 links the run that is open on the same part of the target."""
        wanted = self.body(RunNew)
        if not is_known(wanted["action"]):
            raise ValidationError({"action": "There is no such action; see /api/v1/actions/catalog."})
        user = self.user
        named = wanted["target"]
        target = get_object_or_404(TARGETS[named["kind"]].objects.visible_to(user), pk=named["id"])
        incident = None
        if wanted.get("incident_id") is not None:
            incident = get_object_or_404(Incident.objects.visible_to(user), pk=wanted["incident_id"])
        run = request_action(
            wanted["action"], target=target, arguments=wanted.get("arguments", {}), comment=wanted["comment"],
            actor=self.actor, user=user, incident=incident, source=Source.API,
        )  # fmt: skip
        return self._made(run)

    @extend_schema(request=ContainAddressIn, responses={201: RunOut})
    @action(detail=False, methods=["post"], url_path="contain-address", url_name="contain-address")
    def contain_address(self, _request: Request) -> Response:
        """Ask for the containment of an IP address: whatever has it is contained as a device without an agent."""
        wanted, incident = self.body(ContainAddressIn), None
        if wanted.get("incident_id") is not None:
            incident = get_object_or_404(Incident.objects.visible_to(self.user), pk=wanted["incident_id"])
        run = contain_address(
            wanted["address"], arguments=wanted.get("arguments", {}), comment=wanted["comment"], actor=self.actor,
            user=self.user, incident=incident, source=Source.API,
        )  # fmt: skip
        return self._made(run)

    @extend_schema(request=MaybeComment, responses=RunOut)
    @action(detail=True, methods=["post"])
    def approve(self, _request: Request, pk: str) -> Response:
        """Say yes to somebody else's request."""
        run = self.get_object()
        comment = self.body(MaybeComment).get("comment", "")
        approve_run(run, actor=self.actor, user=self.user, comment=comment)
        return self.show(self.get_object())

    @extend_schema(request=AloneIn, responses=RunOut)
    @action(detail=True, methods=["post"], url_path="approve-alone", url_name="approve-alone")
    def approve_alone(self, request: Request, pk: str) -> Response:
        """Say yes without a second person, in an emergency. Somebody else ratifies it, or it is rolled back."""
        run = self.get_object()
        comment = self.body(AloneIn)["comment"]
        step_up.require(request, acts.APPROVE_ALONE)
        approve_alone(run, actor=self.actor, user=self.user, comment=comment)
        return self.show(self.get_object())

    @extend_schema(request=NeededComment, responses=RunOut)
    @action(detail=True, methods=["post"])
    def reject(self, _request: Request, pk: str) -> Response:
        """Say no, with the reason."""
        run = self.get_object()
        reject_run(run, actor=self.actor, user=self.user, comment=self.body(NeededComment)["comment"])
        return self.show(self.get_object())

    @extend_schema(request=MaybeComment, responses=RunOut)
    @action(detail=True, methods=["post"])
    def cancel(self, _request: Request, pk: str) -> Response:
        """Stop what has not happened yet, as far as it can still be stopped."""
        run = self.get_object()
        comment = self.body(MaybeComment).get("comment", "")
        cancel_run(run, actor=self.actor, user=self.user, comment=comment)
        return self.show(self.get_object())

    @extend_schema(request=NeededComment, responses={201: RunOut})
    @action(detail=True, methods=["post"])
    def undo(self, _request: Request, pk: str) -> Response:
        """Ask to take it back; answers the second run."""
        run = self.get_object()
        comment = self.body(NeededComment)["comment"]
        return self._made(undo_run(run, actor=self.actor, user=self.user, comment=comment, source=Source.API))

    @extend_schema(request=DownloadIn, responses={(200, "application/octet-stream"): OpenApiTypes.BINARY})
    @action(detail=True, methods=["post"], url_path=r"artefacts/(?P<artefact_id>[0-9]{1,18})/download")
    def download(self, request: Request, pk: str, artefact_id: str) -> HttpResponseBase:
        """A file that the run produced, as bytes. What holds personal data takes a `reason`, which is kept in the audit
        log; `part` is one file of a package, `password` opens the zip. An Idempotency-Key is refused: the file would be
        remembered with it."""
        run = self.get_object()
        artefact = get_object_or_404(run.artefacts.select_related("blob", "run"), pk=artefact_id)
        wanted = self.body(DownloadIn)
        if "Idempotency-Key" in request.headers:
            raise invalid("A download takes no Idempotency-Key.")
        try:
            content = hand_out(
                artefact, part=wanted.get("part", ""), reason=wanted.get("reason", ""), actor=self.actor,
                user=self.user, password=wanted.get("password", ""),
            )  # fmt: skip
        except LookupError as error:
            raise invalid(str(error), field="part") from None
        return give(content, name=f"{run.number}-{artefact.pk}")

    @extend_schema(responses=CatalogOut)
    @action(detail=False)
    def catalog(self, _request: Request) -> Response:
        """Every action there is, with its arguments, effects, approval and undo."""
        actions = all_actions()
        return Response(CatalogOut({"results": actions, "next": None, "count": len(actions)}).data)

    @extend_schema(request=BulkIn, responses=BulkOut)
    @action(detail=False, methods=["post"], url_path="bulk/approve", url_name="bulk-approve")
    def bulk_approve(self, _request: Request) -> Response:
        """Approve several requests of one action. Each is decided by itself; the answer says what became of each."""
        return self._many(Deed.APPROVE)

    @extend_schema(request=BulkIn, responses=BulkOut)
    @action(detail=False, methods=["post"], url_path="bulk/reject", url_name="bulk-reject")
    def bulk_reject(self, _request: Request) -> Response:
        """Reject several requests of one action, with the reason."""
        return self._many(Deed.REJECT)

    @extend_schema(request=BulkIn, responses=BulkOut)
    @action(detail=False, methods=["post"], url_path="bulk/undo", url_name="bulk-undo")
    def bulk_undo(self, _request: Request) -> Response:
        """Ask to take several actions of one type back; each becomes a second run with its own approval."""
        return self._many(Deed.UNDO)

    def _many(self, deed: Deed) -> Response:
        wanted = self.body(BulkIn)
        ids = [int(one) for one in wanted["ids"]]
        runs = find_many(ids, self.user)
        done = do_to_many(
            runs, deed=deed, actor=self.actor, user=self.user, comment=wanted.get("comment", ""), source=Source.API
        ) if runs else []  # fmt: skip
        seen = {run.pk for run in runs}
        gone = [Outcome(pk, "", ok=False, code="not_found", message="There is no such action.")
                for pk in dict.fromkeys(ids) if pk not in seen]  # fmt: skip
        good = sum(one.ok for one in done)
        results = [*done, *gone]
        return Response(BulkOut({"results": results, "done": good, "refused": len(results) - good}).data)

    def _made(self, run: ActionRun) -> Response:
        response = self.show(run, status=201)
        response["Location"] = f"/api/v1/actions/{run.pk}"
        return response
