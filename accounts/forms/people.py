from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from accounts.enums import ScopeKind, UserKind
from accounts.models import DeviceGroup, Role, User
from accounts.services.people import valid_username

Groups = forms.ModelMultipleChoiceField


def live_groups() -> Any:
    return DeviceGroup.objects.filter(retired=False)


class RightsForm(forms.Form):
    """Roles and reach: what somebody may do, and where."""

    roles = forms.ModelMultipleChoiceField(
        Role.objects.all(),
        widget=forms.CheckboxSelectMultiple,
        help_text="Rights add up. What each role holds stands under Roles.",
    )
    scope_kind = forms.ChoiceField(choices=ScopeKind.choices, widget=forms.RadioSelect, label="Sees")
    device_groups = forms.ModelMultipleChoiceField(
        DeviceGroup.objects.none(), widget=forms.CheckboxSelectMultiple, required=False, label="Device groups"
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["device_groups"].queryset = live_groups()  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if cleaned.get("scope_kind") == ScopeKind.SELECTED and not cleaned.get("device_groups"):
            self.add_error("device_groups", "Select at least one group, or let this person see all.")
        return cleaned


class NewPersonForm(RightsForm):
    username = forms.CharField(max_length=80, label="User name", help_text="For signing in; case does not matter.")
    display_name = forms.CharField(max_length=120, label="Full name")
    email = forms.EmailField(required=False, label="E-mail")
    field_order = ("username", "display_name", "email", "roles", "scope_kind", "device_groups")

    def clean_username(self) -> str:
        name: str = self.cleaned_data["username"].strip().lower()
        valid_username(name)
        if User.objects.filter(username__iexact=name).exists():
            raise ValidationError("This user name is taken.")
        return name


class PersonForm(RightsForm):
    display_name = forms.CharField(max_length=120, label="Full name")
    email = forms.EmailField(required=False, label="E-mail")
    reason = forms.CharField(max_length=500, required=False, help_text="Kept in the audit log with what changed.")
    field_order = ("display_name", "email", "roles", "scope_kind", "device_groups", "reason")

    @classmethod
    def of(cls, user: User, data: Any = None) -> "PersonForm":
        initial = {
            "display_name": user.display_name,
            "email": user.email,
            "roles": user.roles.all(),
            "scope_kind": user.scope_kind,
            "device_groups": user.device_groups.all(),
        }
        return cls(data, initial=initial)


class ReasonForm(forms.Form):
    """A dialog that asks for nothing but the reason."""

    reason = forms.CharField(max_length=500, widget=forms.Textarea(attrs={"rows": 2, "autofocus": True}))


class PeopleFilterForm(forms.Form):
    q = forms.CharField(
        required=False, max_length=100, label="Name", widget=forms.TextInput(attrs={"placeholder": "Name or user name"})
    )
    role = forms.ChoiceField(required=False)
    kind = forms.ChoiceField(required=False, choices=[("", "People and services"), *UserKind.choices])
    state = forms.ChoiceField(required=False, choices=[("", "On and off"), ("on", "Active"), ("off", "Switched off")])
    factor = forms.ChoiceField(
        required=False,
        label="Second factor",
        choices=[("", "With and without factor"), ("some", "With a second factor"), ("none", "Password only")],
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        roles = Role.objects.values_list("key", "name")
        self.fields["role"].choices = [("", "Any role"), *roles]  # type: ignore[attr-defined]


class ForcePasswordsForm(ReasonForm):
    """Everybody, or everybody of a role."""

    role = forms.ModelChoiceField(
        Role.objects.all(), required=False, empty_label="Everybody who signs in with a password", label="Who"
    )
    field_order = ("role", "reason")
