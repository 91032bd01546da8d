from collections.abc import Sequence
from typing import Any

from django import forms

from core.wording import visible
from incidents.models import Incident
from remediation.catalog.action import Action, Parameter
from remediation.services.listed import Listed

REASON_HELP = "Kept with the action, in the audit log and in the report."


class ReasonForm(forms.Form):
    """A dialog that asks for a reason."""

    reason = forms.CharField(
        max_length=2_000,
        widget=forms.Textarea(attrs={"rows": 3, "class": "input", "autofocus": True}),
        help_text=REASON_HELP,
    )


class OptionalReasonForm(forms.Form):
    """A dialog in which words are welcome and not needed."""

    reason = forms.CharField(
        label="Comment",
        max_length=2_000,
        required=False,
        widget=forms.Textarea(attrs={"rows": 3, "class": "input", "autofocus": True}),
        help_text=REASON_HELP,
    )


class AskForm(ReasonForm):
    """Reason and the parameters that the action declares; with `incidents`, the one in whose course it is asked for,
    the first of them unless the person says otherwise; with `listed`, what a listed parameter may be."""

    def __init__(
        self,
        action: Action,
        *args: Any,
        incidents: Sequence[Incident] = (),
        listed: Sequence[Listed] = (),
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.action = action
        if incidents:
            self.fields["incident"] = incident_field(incidents)
        for parameter in action.parameters:
            offered = parameter.listed and listed
            if parameter.without and not offered:
                continue
            self.fields[parameter.name] = _listed_field(parameter, listed) if offered else _field(parameter)
        self.order_fields([*(parameter.name for parameter in action.parameters), "incident", "reason"])

    @property
    def arguments(self) -> dict[str, str]:
        return {
            parameter.name: self.cleaned_data[parameter.name]
            for parameter in self.action.parameters
            if self.cleaned_data.get(parameter.name)
        }


def incident_field(incidents: Sequence[Incident], *, chosen: str | None = None, what: str = "action") -> forms.Field:
    """Open incidents to choose from, the first beforehand unless `chosen` says another."""
    named = [
        (str(one.pk), f"{one.number} {visible(one.display_name)}, priority {one.priority_score}") for one in incidents
    ]
    return forms.ChoiceField(
        choices=[*named, ("", "No incident")],
        initial=str(incidents[0].pk) if chosen is None else chosen,
        required=False,
        widget=forms.Select(attrs={"class": "input"}),
        help_text=f"The {what} is then told, counted and reported there.",
    )


def _listed_field(parameter: Parameter, listed: Sequence[Listed]) -> forms.Field:
    named = [(one.key, visible(f"{one.label}: {one.detail}" if one.detail else one.label)) for one in listed]
    return forms.ChoiceField(
        label=parameter.label,
        choices=[*([("", parameter.without)] if parameter.without else []), *named],
        initial="",
        required=parameter.required,
        widget=forms.RadioSelect,
        help_text=parameter.help if parameter.without else "As the connection lists them now.",
    )


def _field(parameter: Parameter) -> forms.Field:
    if parameter.choices:
        return forms.ChoiceField(
            label=parameter.label,
            choices=[
                (one.value, f"{one.label}: {one.effect}" if one.effect else one.label) for one in parameter.choices
            ],
            initial=parameter.default,
            required=parameter.required,
            widget=forms.RadioSelect,
            help_text=parameter.help,
        )
    area = forms.Textarea(attrs={"rows": 3, "class": "input"})
    return forms.CharField(
        label=parameter.label,
        initial=parameter.default,
        required=parameter.required,
        max_length=parameter.max_length,
        widget=area if parameter.lines else forms.TextInput(attrs={"class": "input"}),
        help_text=parameter.help,
    )
