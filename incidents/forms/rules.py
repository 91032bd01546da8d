"""How a rule of correlation is set, and the thresholds that all of them share."""

from typing import Any

from django import forms

from core import options
from core.options import Option
from incidents.correlation.rules import THRESHOLD_OPTIONS, Rule
from incidents.services.set_rule import MAX_REASON, options_of

_LABELS = ("In use", "Window in hours", "Weight")


class OptionsForm(forms.Form):
    """A field for each option, with the value in force; `wanted` is what was sent, by option."""

    def __init__(self, *args: Any, shown: list[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        declared = {option.key: option for option in options.declared()}
        self.names = {f"o{place}": key for place, (key, _) in enumerate(shown)}
        for name, (key, label) in zip(self.names, shown, strict=True):
            self.fields[name] = _field(declared[key], label)
        self.fields["reason"] = forms.CharField(
            label="Why", max_length=MAX_REASON, widget=forms.Textarea({"rows": 2}),
            help_text="Kept with each option that you change.",
        )  # fmt: skip

    @property
    def wanted(self) -> dict[str, Any]:
        return {key: self.cleaned_data[name] for name, key in self.names.items()}


def rule_form(rule: Rule, data: Any = None) -> OptionsForm:
    return OptionsForm(data, shown=list(zip(options_of(rule), _LABELS, strict=True)))


def thresholds_form(data: Any = None) -> OptionsForm:
    labels = {option.key: option.label.removeprefix("Correlation: ").capitalize() for option in options.declared()}
    return OptionsForm(data, shown=[(key, labels[key]) for key in THRESHOLD_OPTIONS])


def _field(option: Option, label: str) -> forms.Field:
    value = options.get(option.key)
    if option.kind == "bool":
        return forms.BooleanField(label=label, required=False, initial=value, help_text=option.help)
    return forms.IntegerField(
        label=label, initial=value, help_text=f"{option.help} Built in: {option.default}.",
        min_value=int(option.minimum or 0), max_value=int(option.maximum or 10**6),
    )  # fmt: skip
