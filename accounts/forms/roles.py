from collections.abc import Iterator
from typing import Any

from django import forms

from accounts.models import Role
from core.permissions import registered


def grouped_permissions() -> list[tuple[str, list[tuple[str, str]]]]:
    """The registered rights under the headings of the permission matrix."""
    groups: dict[str, list[tuple[str, str]]] = {}
    for permission in registered():
        groups.setdefault(permission.group, []).append((permission.key, permission.label))
    return list(groups.items())


class RoleForm(forms.Form):
    name = forms.CharField(max_length=80)
    permissions = forms.MultipleChoiceField(
        choices=lambda: list(_choices()), widget=forms.CheckboxSelectMultiple, label="Rights"
    )

    @classmethod
    def of(cls, role: Role, data: Any = None) -> "RoleForm":
        return cls(data, initial={"name": role.name, "permissions": role.permissions})


def _choices() -> Iterator[tuple[str, list[tuple[str, str]]]]:
    yield from grouped_permissions()
