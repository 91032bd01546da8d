"""The base of every endpoint: what all of them refuse, how lists and objects are answered, and asking twice."""

from collections.abc import Mapping
from typing import Any, ClassVar

from django.db import transaction
from django.db.models import Model, Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponseBase
from django_filters.rest_framework import DjangoFilterBackend
from rest_framework.exceptions import AuthenticationFailed, MethodNotAllowed, NotAuthenticated
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from core import idempotency
from core.actors import Actor
from core.api import pagination
from core.api.errors import Problem, conflict, invalid, problem_of
from core.api.fields import MAX_ID_DIGITS
from core.api.filters import SearchFilter, texts_or_id
from core.api.parsing import MAX_BYTES, StrictJSONParser, refuse_unstorable_text
from core.api.serializers import In
from core.api.throttling import PrincipalRateThrottle

LIST_FILTERS = (DjangoFilterBackend, SearchFilter)
ID = f"[0-9]{{1,{MAX_ID_DIGITS}}}"


class AlwaysJson(BaseContentNegotiation):
    """There is one representation, so no `Accept` header is wrong."""

    def select_parser(self, request: Request, parsers: Any) -> Any:
        media_type = (request.content_type or "").partition(";")[0].strip().lower()
        return next((parser for parser in parsers if parser.media_type == media_type), None)

    def select_renderer(self, _request: Request, renderers: Any, _format_suffix: str | None = None) -> Any:
        return renderers[0], renderers[0].media_type


class ApiViewSet(GenericViewSet[Any]):
    """One resource. `required_permissions` says for each action which key it needs; an action not named is closed.

    Lists read `filterset_class`, `search_fields`, `orderings` and `default_ordering`; `query_parameters` names what
    an action understands besides, `list_actions` the actions besides `list` that answer a list.
    """

    required_permissions: ClassVar[Mapping[str, str]] = {}
    format_kwarg = None
    max_body_bytes = MAX_BYTES
    parser_classes = (StrictJSONParser,)
    throttle_classes = (PrincipalRateThrottle,)
    content_negotiation_class = AlwaysJson
    filter_backends: Any = LIST_FILTERS
    filterset_class: Any = None
    search_fields: tuple[str, ...] = ()
    orderings: Mapping[str, tuple[str, ...]] = pagination.NEWEST_FIRST
    default_ordering = "-id"
    query_parameters: tuple[str, ...] = ()
    list_actions: ClassVar[frozenset[str]] = frozenset()
    lookup_value_regex = ID
    http_method_names = ["get", "head", "post", "put", "patch", "delete"]

    # ---- what every request goes through ----

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """As the framework does it, with a POST answered once for each Idempotency-Key."""
        self.args, self.kwargs = args, kwargs
        self.headers = self.default_response_headers
        self.request = wrapped = self.initialize_request(request, *args, **kwargs)
        try:
            self.initial(wrapped, *args, **kwargs)
            handler = getattr(self, str(wrapped.method).lower())
            if wrapped.method == "POST" and "Idempotency-Key" in wrapped.headers:
                response = self._answer_once(handler)
            else:
                response = handler(wrapped, *args, **kwargs)
        except Exception as error:  # noqa: BLE001 - the one place where every error becomes an answer
            response = self.handle_exception(error)
        self.response = self.finalize_response(wrapped, response, *args, **kwargs)
        return self.response

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        request.version = request.versioning_scheme = None
        request.accepted_renderer, request.accepted_media_type = self.perform_content_negotiation(request)
        try:
            self.perform_authentication(request)
        except (NotAuthenticated, AuthenticationFailed):
            self.check_throttles(request)  # guessing is counted by address
            raise
        self.check_throttles(request)
        if request.user.is_authenticated and self.action in {None, "metadata"}:
            raise MethodNotAllowed(str(request.method))
        self.check_permissions(request)
        self._check_query(request)
        if "If-Match" in request.headers and request.method in {"PATCH", "PUT"} and not self.is_versioned:
            raise invalid("This kind of object has no version: If-Match would guard nothing.")
        if "Transfer-Encoding" in request.headers:
            # The server interface hands over as many bytes as Content-Length says: none.
            raise invalid("Say how long the body is (Content-Length); chunked bodies are not taken.")
        self.before_body(request)

    def before_body(self, request: Request) -> None:
        """What an endpoint of large bodies refuses before a byte of one is read; raises as an action does."""

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        response.headers.setdefault("Cache-Control", "no-store")
        return super().finalize_response(request, response, *args, **kwargs)

    def handle_exception(self, exc: Exception) -> Response:
        problem = problem_of(exc)
        if problem.status == 409 and not problem.link and self.detail:
            problem.link = self.request.path  # the newer version
        response = problem.as_response()
        response.exception = True
        return response

    def _check_query(self, request: Request) -> None:
        """A filter that is misspelt must not quietly answer everything."""
        known = set(self.query_parameters)
        if self.is_list:
            known |= pagination.PARAMETERS if self.pagination_class else set()
            known |= set(getattr(self.filterset_class, "base_filters", ()))
            known |= {"search"} if self.search_fields else set()
        for name, values in request.query_params.lists():
            for text in (name, *values):
                refuse_unstorable_text(text, field=name.replace("\x00", "")[:80])
            if name not in known:
                raise invalid("There is no such parameter here.", field=name[:80])

    def search_for(self, text: str) -> Q:
        """What `?search=` finds for this caller, through indexes where a list grows long."""
        return texts_or_id(text, self.search_fields)

    @property
    def is_list(self) -> bool:
        return self.action == "list" or self.action in self.list_actions

    @property
    def is_versioned(self) -> bool:
        """Whether `If-Match` can guard a change."""
        rows: Any = getattr(type(self), "queryset", None)
        return rows is not None and hasattr(rows.model, "version")

    # ---- asking twice ----

    def _answer_once(self, handler: Any) -> Response:
        """Effect and remembered answer are one transaction, so a crash between them cannot double the effect."""
        key = self.request.headers["Idempotency-Key"]
        if not 0 < len(key) <= 200 or not key.isascii() or not key.isprintable():
            raise invalid("An Idempotency-Key has 1 to 200 printable ASCII characters.")
        # Two requests are the same when their bodies are, so all of it is read first.
        if _length_of(self.request) > self.max_body_bytes:
            raise Problem(413, f"With an Idempotency-Key this endpoint takes {self.max_body_bytes:,} bytes at most.")
        actor, path, body = self.actor, self.request.get_full_path()[:300], self.request._request.body
        with transaction.atomic():
            claim = idempotency.begin(principal=f"{actor.kind}:{actor.id}", path=path, key=key, body=body)
            if isinstance(claim, idempotency.Remembered):
                return Response(claim.response, status=200 if claim.status == 201 else claim.status)
            response = self._guarded(handler)
            if response.status_code < 400:
                idempotency.finish(claim, status=response.status_code, response=response.data)
            elif response.status_code >= 500:
                transaction.set_rollback(True)
        return response

    def _guarded(self, handler: Any) -> Response:
        """Errors become answers inside the transaction: what a refusal wrote down about itself stays."""
        try:
            return handler(self.request, *self.args, **self.kwargs)  # type: ignore[no-any-return]
        except Exception as error:  # noqa: BLE001 - as in dispatch()
            return self.handle_exception(error)

    # ---- what actions are written with ----

    @property
    def user(self) -> Any:
        """Whose rights count; the permission check has made sure that it is one of our accounts."""
        return self.request.user

    @property
    def actor(self) -> Actor:
        """Who audit events will name: the token when there is one, else the person."""
        holder: Any = self.request.auth or self.request.user
        actor: Actor = holder.actor
        return actor

    def get_object(self) -> Any:
        """The row of the path, of those that may be seen; anything else is a 404."""
        row = self.get_queryset().filter(pk=self.kwargs["pk"]).first()
        if row is None:
            raise Http404
        return row

    def body(self, shape: type[In], *, partial: bool = False) -> dict[str, Any]:
        """The checked body of the request."""
        given = shape(data=self.request.data, partial=partial, context=self.get_serializer_context())
        given.is_valid(raise_exception=True)
        checked: dict[str, Any] = given.validated_data
        return checked

    def expected_version(self, row: Any) -> int | None:
        """The version of `If-Match`; raises 409 when the row has another one already."""
        header = self.request.headers.get("If-Match", "").strip()
        if header in {"", "*"}:
            return None
        text = header.removeprefix("W/").strip('"')
        if not (text.isascii() and text.isdigit() and len(text) <= MAX_ID_DIGITS):
            raise invalid("If-Match holds the version of the object.")
        if int(text) != row.version:
            raise conflict(f"It was changed in the meantime; its version is {row.version}.")
        return int(text)

    def page_of(self, rows: QuerySet[Any], serializer: Any = None) -> Response:
        """One page of `rows`, filtered and ordered as the query says."""
        page = self.paginate_queryset(self.filter_queryset(rows)) or []
        shape = serializer or self.get_serializer_class()
        context = self.context_of(page) if serializer is None else self.get_serializer_context()
        return self.get_paginated_response(shape(page, many=True, context=context).data)

    def show(self, row: Model, *, status: int = 200) -> Response:
        """One object, with its version as ETag."""
        response = Response(
            self.get_serializer_class()(row, context=self.context_of([row])).data,
            status=status,
        )
        if (version := getattr(row, "version", None)) is not None:
            response["ETag"] = f'"{version}"'
        return response

    def context_of(self, _rows: list[Any]) -> dict[str, Any]:
        """What the serializer needs besides the rows, fetched once for a page."""
        return dict(self.get_serializer_context())

    def list(self, _request: Request) -> Response:
        return self.page_of(self.get_queryset())

    def retrieve(self, _request: Request, pk: str) -> Response:
        return self.show(self.get_object())


def _length_of(request: Request) -> int:
    """As the server interface reads it: nothing comes of a length that is none."""
    told = request.META.get("CONTENT_LENGTH") or "0"
    return int(told) if told.isascii() and told.isdigit() and len(told) <= MAX_ID_DIGITS else 0
