"""Deny by default: a view says which right each of its operations needs, or nobody gets in."""

from typing import TYPE_CHECKING, Any

from rest_framework.exceptions import PermissionDenied
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from accounts.models import User
from core.permissions import is_registered

if TYPE_CHECKING:  # the framework's views read the settings that name this class while they are imported
    from rest_framework.views import APIView

SIGNED_IN = "signed_in"


class HasDeclaredPermission(BasePermission):
    """Reads `required_permissions` of the view: `{"GET": key, "POST": key}` by method or, for a view set, by action
    (`{"list": key, "approve": key}`); the action counts first. `SIGNED_IN` needs a sign-in and no further right.

    What is not declared is denied. Which rows an operation may touch is decided by `visible_to(user)`.
    """

    def has_permission(self, request: Request, view: "APIView") -> bool:
        user = request.user
        if not isinstance(user, User) or not user.is_active:
            return False
        key = required_permission(request, view)
        if key is None:
            raise PermissionDenied("This operation is not open to anybody.")
        if key != SIGNED_IN and not user.holds(key):
            raise PermissionDenied(f"This needs the permission {key}.")
        return True


def required_permission(request: Request, view: Any) -> str | None:
    """The key that this operation needs; None when nothing is declared. OPTIONS needs what reading needs."""
    declared: dict[str, str] = getattr(view, "required_permissions", {})
    method = {"HEAD": "GET", "OPTIONS": "GET"}.get(request.method or "", request.method or "")
    key = declared.get(getattr(view, "action", None) or "") or declared.get(method)
    if key is None and request.method == "OPTIONS":
        key = declared.get("list") or declared.get("retrieve")
    if key is not None and key != SIGNED_IN and not is_registered(key):
        raise LookupError(f"{type(view).__name__} asks for the unknown permission {key!r}.")
    return key
