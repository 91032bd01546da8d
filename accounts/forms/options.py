from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from core.options import Option


class OptionForm(forms.Form):
    """One option, with the field that its kind asks for."""

    def __init__(self, *args: Any, option: Option, value: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.option = option
        self.fields["value"] = _field(option, value)
        self.fields["reason"] = forms.CharField(max_length=500, help_text="Kept with the former value.")

    def clean_value(self) -> Any:
        value = self.cleaned_data["value"]
        if self.option.kind == "list":
            value = [line.strip() for line in value.splitlines() if line.strip()]
        cleaned = self.option.clean(value)
        if isinstance(cleaned, str) and "\x00" in cleaned:
            raise ValidationError("Text without NUL is needed.")
        return cleaned


def _field(option: Option, value: Any) -> forms.Field:
    limits: dict[str, Any] = {"min_value": option.minimum, "max_value": option.maximum}
    common: dict[str, Any] = {"label": option.label, "help_text": option.help, "initial": value}
    if option.kind == "bool":
        return forms.BooleanField(required=False, **common)
    if option.kind == "int":
        return forms.IntegerField(**common, **limits)
    if option.kind == "float":
        return forms.FloatField(**common, **limits)
    if option.kind == "list":
        return forms.CharField(
            required=False,
            max_length=5000,
            widget=forms.Textarea(attrs={"rows": 4, "spellcheck": "false"}),
            **{**common, "initial": "\n".join(map(str, value))},
        )
    return forms.CharField(required=False, max_length=1000, **common)
