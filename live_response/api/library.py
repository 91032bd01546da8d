"""`/live-library`: files that sessions may run or put onto devices."""

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import keys, step_up
from core.api.errors import Problem
from core.api.forms import is_form, read_form
from core.api.views import ApiViewSet
from core.content_files import Source
from core.models import Blob
from live_response.acts import CHANGE_LIBRARY
from live_response.api import errors as _errors  # noqa: F401 - says how refusals are told
from live_response.api.shapes import LibraryFileNew, LibraryFileOut, LibraryFileTexts, LibraryFileUpload
from live_response.limits import MOST_LIBRARY, MOST_UPLOAD
from live_response.models import LibraryFile
from live_response.services.library import delete_file, put_in, store_file, take_content


class LiveLibraryViewSet(ApiViewSet):
    """Files are signed by the portal when they are taken in. Changing the library needs a confirmation."""

    queryset = LibraryFile.objects.all()
    serializer_class = LibraryFileOut
    search_fields = ("name", "description")
    max_body_bytes = MOST_UPLOAD * 4 // 3 + 64 * 1024
    required_permissions = {
        "list": keys.LIVE_BASIC,
        "retrieve": keys.LIVE_BASIC,
        "create": keys.LIVE_LIBRARY,
        "destroy": keys.LIVE_LIBRARY,
    }

    def get_queryset(self) -> QuerySet[LibraryFile]:
        return LibraryFile.objects.order_by()

    def before_body(self, request: Request) -> None:
        """Nothing of a file is read for somebody who may not, nor of one who has to confirm first."""
        if self.action != "create":
            return
        if is_form(request._request) and request.auth is None:
            raise Problem(415, "A form needs a token here; who is signed in sends files on the page of the library.")
        step_up.require(request, CHANGE_LIBRARY)

    @extend_schema(request={"multipart/form-data": LibraryFileUpload, "application/json": LibraryFileNew},
                   responses={201: LibraryFileOut})  # fmt: skip
    def create(self, request: Request) -> Response:
        """Take a file in, as a form or, up to 15 MiB, as JSON; one of the same name is replaced when `overwrite` says
        so."""
        if is_form(request._request):
            return self._take_form(request)
        wanted = self.body(LibraryFileNew)
        made = store_file(
            wanted["content"], name=wanted["name"], description=wanted.get("description", ""),
            parameters=wanted.get("parameters_description", ""), has_parameters=wanted.get("has_parameters", False),
            overwrite=wanted.get("overwrite", False), actor=self.actor,
        )  # fmt: skip
        return self.show(made, status=201)

    def _take_form(self, request: Request) -> Response:
        kept: list[Blob] = []

        def keep(source: Source, name: str) -> str:
            kept.append(take_content(source, user=self.user)[1])
            return name

        try:
            texts, called = read_form(
                request._request, file="file", limit=MOST_LIBRARY, keep=keep, flags=LibraryFileTexts.flags()
            )
            shape = LibraryFileTexts(data={"name": called, **texts}, context=self.get_serializer_context())
            shape.is_valid(raise_exception=True)
            wanted = shape.validated_data
            made = put_in(
                kept[0], name=wanted["name"], description=wanted.get("description", ""),
                parameters=wanted.get("parameters_description", ""), has_parameters=wanted.get("has_parameters", False),
                overwrite=wanted.get("overwrite", False), actor=self.actor,
            )  # fmt: skip
        except Exception:
            for blob in kept:
                blob.delete()
            raise
        return self.show(made, status=201)

    @extend_schema(responses={204: None})
    def destroy(self, request: Request, pk: str) -> Response:
        """Delete a file; copies on devices stay."""
        found = self.get_object()
        step_up.require(request, CHANGE_LIBRARY)
        delete_file(found.name, actor=self.actor)
        return Response(status=204)
