"""The OpenAPI schema says what every endpoint has in common, so that no endpoint has to."""

from typing import Any

from drf_spectacular.extensions import OpenApiSerializerExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.plumbing import get_lib_doc_excludes
from drf_spectacular.utils import Direction, OpenApiParameter

from core.api.serializers import Error, In, Out
from core.api.views import ApiViewSet

ANY_REQUEST = (400, 401, 403, 404, 429, 503)
ANY_WRITE = (409, 413, 415, 422)


class ApiSchema(AutoSchema):
    """Adds the answers that are no success, the headers of writes, and the permission an operation needs."""

    def get_tags(self) -> list[str]:
        return [self.path.removeprefix("/api/v1/").partition("/")[0]]

    def get_override_parameters(self) -> list[Any]:
        if self.method == "POST":
            return [_header("Idempotency-Key", "The same key with the same body is carried out once.", 200)]
        if self.method in {"PATCH", "PUT"} and getattr(self.view, "is_versioned", False):
            return [_header("If-Match", "The `version` that was read; 409 when it is no longer that one.", 40)]
        return []

    def get_operation(self, path: str, path_regex: str, path_prefix: str, method: str, registry: Any) -> Any:
        operation = super().get_operation(path, path_regex, path_prefix, method, registry)
        if operation is not None:
            operation["x-permission"] = getattr(self.view, "required_permissions", {}).get(
                getattr(self.view, "action", ""), ""
            )
        return operation

    def _get_response_bodies(self, direction: Direction = "response") -> dict[str, Any]:
        bodies: dict[str, Any] = super()._get_response_bodies(direction)
        for status in (*ANY_REQUEST, *(() if self.method == "GET" else ANY_WRITE)):
            bodies.setdefault(str(status), self._get_response_for_code(Error, str(status)))  # type: ignore[no-untyped-call]
        if self.method == "POST" and "201" in bodies:
            again = "What an earlier request with the same Idempotency-Key was answered."
            bodies.setdefault("200", {**bodies["201"], "description": again})
        return bodies


def _header(name: str, description: str, longest: int) -> OpenApiParameter:
    pattern = '^(\\*|(W/)?"?[0-9]{1,18}"?)$' if name == "If-Match" else "^[ -~]+$"
    return OpenApiParameter(
        name,
        {"type": "string", "minLength": 1, "maxLength": longest, "pattern": pattern},
        OpenApiParameter.HEADER,
        description=description,
    )


class InExtension(OpenApiSerializerExtension):  # type: ignore[no-untyped-call]
    """A request takes no field that it does not declare."""

    target_class = "core.api.serializers.In"
    match_subclasses = True

    def map_serializer(self, auto_schema: AutoSchema, direction: Direction) -> Any:
        schema = auto_schema._map_serializer(self.target, direction, bypass_extensions=True)  # type: ignore[no-untyped-call]
        return {**schema, "additionalProperties": False}


def bases() -> list[type]:
    """Classes whose own description says nothing about what is built on them."""
    return [*get_lib_doc_excludes(), In, Out, ApiViewSet]  # type: ignore[no-untyped-call]


def without_marks(result: Any, **_rest: Any) -> Any:
    """Postprocessing hook: the generator's own marks are nobody else's business."""
    stack = [result]
    while stack:
        part = stack.pop()
        if isinstance(part, dict):
            part.pop("x-spec-enum-id", None)
        stack.extend(part.values() if isinstance(part, dict) else part if isinstance(part, list) else ())
    return result


def without_slash_twins(endpoints: list[Any], **_rest: Any) -> list[Any]:
    """Preprocessing hook: an address with a slash at its end is the same one again."""
    return [endpoint for endpoint in endpoints if not endpoint[0].endswith("/")]
