"""`/me`: whom the caller counts as, and what they may do."""

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.permissions import SIGNED_IN
from accounts.api.shapes import MeOut
from core.api.views import ApiViewSet


class MeViewSet(ApiViewSet):
    """The caller."""

    serializer_class = MeOut
    pagination_class = None
    filter_backends = ()
    required_permissions = {"show_me": SIGNED_IN}

    @extend_schema(responses=MeOut, operation_id="me")
    def show_me(self, request: Request) -> Response:
        """Name, roles, permissions and reach; with a token, what the token leaves of them."""
        context = {**self.get_serializer_context(), "token": request.auth}
        return Response(MeOut(request.user, context=context).data)
