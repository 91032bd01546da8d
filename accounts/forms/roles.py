from collections.abc import Collection, Iterator
from typing import Any

from django import forms

from accounts.models import Role, User
from core.permissions import registered


def grouped_permissions() -> list[tuple[str, list[tuple[str, str]]]]:
    """The registered rights under the headings of the permission matrix."""
    groups: dict[str, list[tuple[str, str]]] = {}
    for permission in registered():
        groups.setdefault(permission.group, []).append((permission.key, permission.label))
    return list(groups.items())


NOT_YOURS = "you do not hold it, so you cannot grant it"


class RightsInput(forms.CheckboxSelectMultiple):
    """What the person does not hold is off and says why."""

    grantable: Collection[str] = ()

    def create_option(self, name: str, value: Any, label: Any, *rest: Any, **more: Any) -> dict[str, Any]:
        option = super().create_option(name, value, label, *rest, **more)
        if str(value) not in self.grantable:
            option["attrs"]["disabled"] = True
            option["label"] = f"{label}: {NOT_YOURS}"
        return option


class RoleForm(forms.Form):
    name = forms.CharField(max_length=80)
    permissions = forms.MultipleChoiceField(choices=lambda: list(_choices()), widget=RightsInput, label="Rights")

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        widget = self.fields["permissions"].widget
        widget.grantable = {key for _group, rights in grouped_permissions() for key, _ in rights if user.holds(key)}

    @classmethod
    def of(cls, role: Role, data: Any = None, *, user: User) -> "RoleForm":
        return cls(data, initial={"name": role.name, "permissions": role.permissions}, user=user)


def _choices() -> Iterator[tuple[str, list[tuple[str, str]]]]:
    yield from grouped_permissions()
