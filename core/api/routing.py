"""Addresses of the API: no slash at the end, and the same address with one for clients that add it."""

from collections.abc import Mapping
from typing import Any

from django.urls import URLPattern, URLResolver
from rest_framework.routers import SimpleRouter


class ApiRouter(SimpleRouter):
    """Maps only the actions for which the resource declares a permission."""

    def __init__(self, *, trailing_slash: bool = False) -> None:
        super().__init__(trailing_slash=trailing_slash)

    def get_method_map(self, viewset: Any, method_map: Mapping[str, str]) -> dict[str, str]:
        bound = super().get_method_map(viewset, dict(method_map))
        return {method: action for method, action in bound.items() if action in viewset.required_permissions}


def addresses(resources: dict[str, Any], *, trailing_slash: bool) -> list[URLPattern | URLResolver]:
    """The URL patterns of `{"incidents": IncidentViewSet, ...}`."""
    router = ApiRouter(trailing_slash=trailing_slash)
    for name, viewset in resources.items():
        router.register(name, viewset, basename=name)
    return router.urls
