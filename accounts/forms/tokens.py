from datetime import timedelta
from typing import Any

from django import forms

from accounts.enums import BuiltInRole, ScopeKind
from accounts.forms.people import live_groups
from accounts.models import DeviceGroup, Role, User
from accounts.roles import BUILT_IN
from accounts.services.token_care import lifetimes


class Lifetime(forms.TypedChoiceField):
    """As many days as the option allows."""

    def __init__(self) -> None:
        super().__init__(choices=_lifetimes, coerce=_days, initial=90, label="Ends after")


def _lifetimes() -> list[tuple[int, str]]:
    return [(days, "1 year" if days == 365 else f"{days} day{'s' if days > 1 else ''}") for days in lifetimes()]


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


class RotateForm(forms.Form):
    """The successor of a token, and how long both work."""

    lifetime = Lifetime()
    overlap = forms.TypedChoiceField(
        choices=[(0, "Not at all"), (1, "1 hour"), (24, "1 day"), (72, "3 days"), (168, "1 week")],
        coerce=lambda hours: timedelta(hours=int(hours)),
        initial=24,
        label="The former one works on for",
    )


class ElevateForm(forms.Form):
    """The minutes in which a token may do dangerous acts."""

    minutes = forms.TypedChoiceField(
        choices=[(5, "5 minutes"), (15, "15 minutes"), (60, "1 hour")], coerce=int, initial=15, label="For"
    )
