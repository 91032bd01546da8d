from datetime import timedelta
from typing import Any

from django import forms

from accounts.enums import BuiltInRole, ScopeKind
from accounts.forms.people import live_groups
from accounts.models import DeviceGroup, Role, User
from accounts.roles import BUILT_IN

LIFETIMES = [(7, "7 days"), (30, "30 days"), (90, "90 days"), (180, "180 days"), (365, "1 year")]


class Lifetime(forms.TypedChoiceField):
    def __init__(self) -> None:
        super().__init__(choices=LIFETIMES, coerce=_days, initial=90, label="Ends after")


def _days(text: str) -> timedelta:
    return timedelta(days=int(text))


class OwnTokenForm(forms.Form):
    """A token that counts as its person; it may be narrowed to what a lesser role grants."""

    name = forms.CharField(max_length=80, help_text="Where it is used, so that you know it again.")
    lifetime = Lifetime()
    narrowed_to = forms.ChoiceField(required=False, label="May do")
    may_decide = forms.BooleanField(
        required=False, label="May approve and reject", help_text="Counts as you: never for what you asked for."
    )

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        lesser = [role for role, held in BUILT_IN.items() if user.permission_keys.issuperset(held)]
        choices = [("", "All that you may"), *((role.value, f"What a role {role.label} may") for role in lesser)]
        self.fields["narrowed_to"].choices = choices  # type: ignore[attr-defined]

    @property
    def permissions(self) -> list[str]:
        """The keys of the lesser role; empty is no narrowing."""
        chosen = self.cleaned_data["narrowed_to"]
        return list(BUILT_IN[BuiltInRole(chosen)]) if chosen else []


class ServiceTokenForm(forms.Form):
    """A service account with its first token, as `./soc token` makes it."""

    name = forms.CharField(max_length=80, label="Name of the service", help_text="Letters, digits and . _ @ + -")
    role = forms.ModelChoiceField(Role.objects.all(), empty_label="Choose", to_field_name="key")
    scope_kind = forms.ChoiceField(
        choices=ScopeKind.choices, widget=forms.RadioSelect, label="Sees", initial=ScopeKind.ALL
    )
    device_groups = forms.ModelMultipleChoiceField(
        DeviceGroup.objects.none(), widget=forms.CheckboxSelectMultiple, required=False, label="Device groups"
    )
    lifetime = Lifetime()
    may_decide = forms.BooleanField(required=False, label="May approve and reject what others ask for")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["device_groups"].queryset = live_groups()  # type: ignore[attr-defined]
