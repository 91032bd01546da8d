"""Which alerts are tried, and which fields make a repeat."""

import json
from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from incidents.ingest import formats
from incidents.repeats import FIELDS, IDENTITY

MAX_PASTED = 4_000_000
MOST_HOURS, MOST_MINUTES = 24 * 90, 60 * 24 * 30


class RepeatsForm(forms.Form):
    """With `pasted` those are tried, else the newest that are stored."""

    source = forms.CharField(
        label="Source", required=False, max_length=80, help_text="Empty: every source. For pasted alerts their name."
    )
    format = forms.ChoiceField(label="Format", required=False)
    hours = forms.IntegerField(
        label="Of the last hours", required=False, min_value=1, max_value=MOST_HOURS, help_text="Empty: however old."
    )
    fields_of_repeat = forms.MultipleChoiceField(
        label="What makes a repeat", choices=list(FIELDS.items()), widget=forms.CheckboxSelectMultiple,
        initial=list(IDENTITY), help_text="All of them say something, and the same. Source and id are what ingest goes "
        "by.",
    )  # fmt: skip
    minutes = forms.IntegerField(
        label="Within minutes of the first", required=False, min_value=1, max_value=MOST_MINUTES,
        help_text="Empty: whatever lies between.",
    )  # fmt: skip
    pasted = forms.CharField(
        label="Or paste up to 1,000 alerts", required=False, max_length=MAX_PASTED, strip=True,
        widget=forms.Textarea({"rows": 4, "spellcheck": "false"}),
        help_text="A JSON list of alerts, as the source sends them. Choose their format. Nothing of it is stored.",
    )  # fmt: skip

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field: Any = self.fields["format"]
        field.choices = [("", "Every format"), *((one.key, one.label) for one in formats.registered().values())]

    def clean_pasted(self) -> list[object] | None:
        text = self.cleaned_data["pasted"]
        if not text:
            return None
        try:
            found = json.loads(text)
        except (ValueError, RecursionError):
            raise ValidationError("That is no JSON.") from None
        if not isinstance(found, list):
            raise ValidationError("A list of alerts is needed: [ … ].")
        return found

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if data.get("pasted") is not None and not data.get("format"):
            raise ValidationError({"format": "Say in which format the pasted alerts are."})
        return data
