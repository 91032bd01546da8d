"""Every operation that an address answers, with the right that it needs, read from the URL map."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.urls import URLPattern, URLResolver, get_resolver, reverse

API = "api:"
_OF_TWO_WORDS = (
    "sweep-findings",
    "control-states",
    "correlation-rules",
    "correlation-changes",
    "notification-rules",
    "dead-letters",
    "device-groups",
    "follow-ups",
    "isolation-exclusions",
    "trusted-programs",
    "agent-orders",
    "enrolment-tokens",
    "legal-holds",
    "live-library",
    "live-questions",
    "live-sessions",
    "period-reports",
)
TWINS = "with_slash:"  # the same addresses with a slash at their end


@dataclass(frozen=True)
class Operation:
    """`permission` is None when the code says nothing; `action` is empty on pages."""

    name: str
    parameters: tuple[str, ...]
    method: str
    action: str
    permission: str | None

    @property
    def is_api(self) -> bool:
        return self.name.startswith(API)

    @property
    def resource(self) -> str:
        """`incidents` of `api:incidents-detail`; the room of a page."""
        if not self.is_api:
            return self.name.partition(":")[0]
        words = self.name.removeprefix(API).removeprefix(TWINS)
        return next((two for two in _OF_TWO_WORDS if words.startswith(two)), words.partition("-")[0])

    def path(self, places: Mapping[str, Any]) -> str:
        """The address, each parameter found as `name.parameter`, `resource.parameter`, then `parameter`."""
        chosen = {}
        for parameter in self.parameters:
            keys = (f"{self.name}.{parameter}", f"{self.resource}.{parameter}", parameter)
            found = next((key for key in keys if key in places), None)
            if found is None:
                raise LookupError(f"no example for {keys[0]}: name one, so that its access can be tested")
            chosen[parameter] = places[found]
        return reverse(self.name, kwargs=chosen) + str(places.get(f"{self.name}?", ""))

    def __str__(self) -> str:
        return f"{self.method} {self.name}"


def operations() -> list[Operation]:
    return list(_walk(get_resolver(), "", ()))


def _walk(resolver: URLResolver, prefix: str, above: tuple[str, ...]) -> Iterator[Operation]:
    for entry in resolver.url_patterns:
        pattern: Any = entry.pattern
        parameters = (*above, *(pattern.converters or pattern.regex.groupindex))
        if isinstance(entry, URLPattern):
            yield from _of(entry.callback, f"{prefix}{entry.name}", parameters)
        else:
            name = entry.namespace or entry.app_name
            yield from _walk(entry, f"{prefix}{name}:" if name else prefix, parameters)


def _of(view: Any, name: str, parameters: tuple[str, ...]) -> Iterator[Operation]:
    endpoint = getattr(view, "cls", None)
    if endpoint is None:
        permission = getattr(view, "required_permission", None)
        yield from (Operation(name, parameters, method, "", permission) for method in ("GET", "POST"))
        return
    actions: Mapping[str, str] = getattr(view, "actions", None) or {"get": "GET"}
    for method, action in actions.items():
        if method != "head":
            declared = endpoint.required_permissions.get(action)
            yield Operation(name, parameters, method.upper(), action, declared)
