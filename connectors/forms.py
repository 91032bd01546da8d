"""What administrators type about connections; the fields of the settings come from the kind's declaration."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from connectors.models import Connection
from connectors.registry import Kind, Setting
from connectors.services.connections import MAX_NAME, MAX_VALUE


class ConnectionForm(forms.Form):
    """Name and settings. A stored secret is never sent to the browser: its field begins empty, and empty keeps it."""

    name = forms.CharField(max_length=MAX_NAME)

    def __init__(self, data: Any = None, *, kind: Kind, connection: Connection | None = None) -> None:
        stored = connection.settings if connection else {}
        initial = {_field(one): stored.get(one.name, one.default) for one in kind.settings if not one.secret}
        super().__init__(data, initial={"name": connection.name if connection else "", **initial})
        self._settings = kind.settings
        for setting in kind.settings:
            self.fields[_field(setting)] = _as_field(setting, stored=connection is not None)

    @property
    def settings(self) -> dict[str, str]:
        """What was filled in, by the names of the declaration."""
        return {one.name: self.cleaned_data[_field(one)] for one in self._settings if _field(one) in self.cleaned_data}

    def tell(self, error: ValidationError) -> None:
        """Put what the service refused beside its field."""
        told = error.message_dict if hasattr(error, "error_dict") else {"": error.messages}
        for name, messages in told.items():
            field = name.replace("settings.", "setting_", 1)
            self.add_error(field if field in self.fields else None, messages)


class ReasonForm(forms.Form):
    reason = forms.CharField(
        max_length=500,
        widget=forms.Textarea(attrs={"rows": 2, "autofocus": True}),
        help_text="Goes into the audit log.",
    )


def _field(setting: Setting) -> str:
    return f"setting_{setting.name}"


def _as_field(setting: Setting, *, stored: bool) -> forms.CharField:
    widget: forms.Widget = forms.TextInput(attrs={"spellcheck": "false", "autocomplete": "off"})
    hint = setting.help
    if setting.secret:
        widget = forms.PasswordInput(attrs={"autocomplete": "new-password"}, render_value=False)
        hint = f"{hint} Left empty, the stored one stays.".strip() if stored else hint
    elif setting.between is not None:
        low, high = setting.between
        widget = forms.NumberInput(attrs={"min": low, "max": high, "step": "any"})
    return forms.CharField(
        label=setting.label, help_text=hint, widget=widget, max_length=MAX_VALUE,
        required=setting.required and not (setting.secret and stored),
    )  # fmt: skip
