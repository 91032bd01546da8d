from functools import cache
from typing import Any
from zoneinfo import available_timezones

from django import forms
from django.core.exceptions import ValidationError

from accounts.enums import Density, Theme
from accounts.models import User


@cache
def zones() -> list[tuple[str, str]]:
    """Places, not the historical abbreviations beside them."""
    places = sorted(zone for zone in available_timezones() if "/" in zone and not zone.startswith(("Etc/", "SystemV/")))
    return [("", "As this browser says"), ("UTC", "UTC"), *((zone, zone.replace("_", " ")) for zone in places)]


class PreferencesForm(forms.Form):
    time_zone = forms.ChoiceField(choices=zones, required=False, label="Time zone")
    theme = forms.ChoiceField(choices=Theme.choices)
    density = forms.ChoiceField(choices=Density.choices, label="Rows")
    single_key_shortcuts = forms.BooleanField(
        required=False,
        label="Single keys",
        help_text="j, k, / and others act without Ctrl. They never approve anything.",
    )


class AppearanceForm(forms.Form):
    """One choice of the menu at the top right; what is not sent stays."""

    theme = forms.ChoiceField(choices=Theme.choices, required=False)
    density = forms.ChoiceField(choices=Density.choices, required=False)

    def chosen(self) -> dict[str, str]:
        return {name: value for name, value in self.cleaned_data.items() if value}


class PasswordForm(forms.Form):
    """The present password is asked for unless it is the one-time password that was typed a moment ago."""

    present = forms.CharField(
        label="Present password", widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}), strip=False
    )
    new = forms.CharField(
        label="New password",
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        strip=False,
        max_length=200,
        help_text="At least 12 characters, not a common one, not your name.",
    )
    again = forms.CharField(
        label="New password again",
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        strip=False,
        max_length=200,
    )

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.user = user
        if user.must_change_password:
            del self.fields["present"]

    def clean_present(self) -> str:
        present: str = self.cleaned_data["present"]
        if not self.user.check_password(present):
            raise ValidationError("This is not your present password.")
        return present

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if cleaned.get("new") and cleaned.get("again") and cleaned["new"] != cleaned["again"]:
            self.add_error("again", "The two do not agree.")
        return cleaned
