"""`/tokens`: who acts by which token until when. Tokens are made on the pages, where their secret is shown once; a
successor may be made here."""

from datetime import timedelta

from django.db.models import QuerySet
from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import acts, keys, step_up
from accounts.api.permissions import SIGNED_IN
from accounts.models import ApiToken
from accounts.services.token_care import rotate_token
from accounts.services.tokens import revoke_token
from core.api.errors import invalid
from core.api.fields import Id, Moment, Text, Whole, Words
from core.api.filters import AnyText
from core.api.serializers import In, Out
from core.api.views import ApiViewSet

OVERLAP_H = 24


class ApiTokenOut(Out):
    """A token without its secret, of which nobody has more than the beginning."""

    id = Id(source="pk")
    name = serializers.CharField()
    user = serializers.CharField(source="user.username")
    prefix = serializers.CharField()
    permissions = Words()
    may_decide = serializers.BooleanField()
    created = Moment()
    expires_at = Moment()
    last_used_at = Moment(allow_null=True)
    revoked_at = Moment(allow_null=True)
    elevated_until = Moment(allow_null=True)


class RevokeIn(In):
    answer = ApiTokenOut
    reason = Text(max_length=500)


class RotatedOut(ApiTokenOut):
    """The successor, with its secret: the only time that it is seen."""

    secret = serializers.CharField()


class RotateIn(In):
    answer = RotatedOut
    days = Whole(min_value=1, max_value=366, help_text="How long the successor lives.")
    overlap_h = Whole(
        min_value=0, max_value=168, required=False, help_text="How long the former one works beside it; 24 if not said."
    )


class TokenFilters(filters.FilterSet):
    user = AnyText(field_name="user__username")


class TokenViewSet(ApiViewSet):
    """API tokens of people and services."""

    queryset = ApiToken.objects.select_related("user")
    serializer_class = ApiTokenOut
    filterset_class = TokenFilters
    search_fields = ("name", "user__username")
    orderings = {"created": ("created", "id"), "id": ("id",)}
    required_permissions = {
        "list": keys.MANAGE_AUTHORIZATION,
        "retrieve": keys.MANAGE_AUTHORIZATION,
        "revoke": keys.MANAGE_AUTHORIZATION,
        "rotate": SIGNED_IN,
    }

    def get_queryset(self) -> QuerySet[ApiToken]:
        rows = ApiToken.objects.select_related("user")
        return rows if self.user.holds(keys.MANAGE_AUTHORIZATION) else rows.filter(user=self.user.pk)

    @extend_schema(request=RevokeIn, responses=ApiTokenOut)
    @action(detail=True, methods=["post"])
    def revoke(self, _request: Request, pk: str) -> Response:
        """End a token now; the next request with it is refused."""
        token = self.get_object()
        revoke_token(token, actor=self.actor, reason=self.body(RevokeIn)["reason"])
        return self.show(self.get_object())

    @extend_schema(request=RotateIn, responses={201: RotatedOut})
    @action(detail=True, methods=["post"])
    def rotate(self, request: Request, pk: str) -> Response:
        """A successor with the same rights, of one's own token or, with the right to administer them, of any. It is a
        dangerous act. An Idempotency-Key is refused: the secret would be remembered with it."""
        token = self.get_object()
        wanted = self.body(RotateIn)
        step_up.require(request, acts.MAKE_TOKEN)
        if "Idempotency-Key" in request.headers:
            raise invalid("Rotating takes no Idempotency-Key.")
        overlap = timedelta(hours=wanted.get("overlap_h", OVERLAP_H))
        made, secret = rotate_token(token, lifetime=timedelta(days=wanted["days"]), overlap=overlap, actor=self.actor)
        made.secret = secret  # type: ignore[attr-defined]
        response = Response(RotatedOut(made).data, status=201)
        response["Location"] = f"/api/v1/tokens/{made.pk}"
        return response
