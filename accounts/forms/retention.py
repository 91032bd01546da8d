"""Days by kind, as the retention page asks for them."""

from typing import Any

from django import forms

from core import retention


class RetentionForm(forms.Form):
    reason = forms.CharField(
        label="Reason",
        max_length=300,
        required=False,
        help_text="Goes into the audit log.",
        widget=forms.TextInput({"class": "input"}),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        in_force = retention.days_in_force()
        for kind in retention.kinds():
            self.fields[f"days_{kind.key}"] = forms.IntegerField(
                label=kind.label, min_value=0, max_value=retention.LONGEST, initial=in_force[kind.key]
            )

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        for kind in retention.kinds():
            name = f"days_{kind.key}"
            if name in cleaned and (complaint := retention.complaint(kind, cleaned[name])):
                self.add_error(name, complaint)
        return cleaned

    def days(self) -> dict[str, int]:
        """By key of the kind; of a form that is valid."""
        return {kind.key: self.cleaned_data[f"days_{kind.key}"] for kind in retention.kinds()}
