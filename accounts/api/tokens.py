"""`/tokens`: who acts by which token until when. Tokens are made on the pages, where their secret is shown once."""

from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import keys
from accounts.models import ApiToken
from accounts.services.tokens import revoke_token
from core.api.fields import Id, Moment, Text, Words
from core.api.filters import AnyText
from core.api.serializers import In, Out
from core.api.views import ApiViewSet


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
    }

    @extend_schema(request=RevokeIn, responses=ApiTokenOut)
    @action(detail=True, methods=["post"])
    def revoke(self, _request: Request, pk: str) -> Response:
        """End a token now; the next request with it is refused."""
        token = self.get_object()
        revoke_token(token, actor=self.actor, reason=self.body(RevokeIn)["reason"])
        return self.show(self.get_object())
