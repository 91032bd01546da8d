"""Forms of sweeps, recoveries and evidence."""

from collections.abc import Sequence
from typing import Any

from django import forms
from django.utils.html import format_html

from core.wording import cut_middle, visible
from incidents.models import Device
from remediation.enums import CustodyKind, StepState, SweepItemKind
from remediation.services.gather_signs import Sign


class SaidForm(forms.Form):
    """A reason, as every act needs one."""

    reason = forms.CharField(
        max_length=4_000, widget=forms.Textarea(attrs={"rows": 2, "class": "input"}), help_text="Kept in the history."
    )


class SweepForm(SaidForm):
    """What to look for: chosen from the evidence, and added line by line."""

    signs = forms.MultipleChoiceField(required=False, widget=forms.CheckboxSelectMultiple, label="From the evidence")
    more = forms.CharField(
        required=False, max_length=20_000, label="Add",
        widget=forms.Textarea(attrs={"rows": 3, "class": "input mono"}),
        help_text="One a line: a hash, path, address, domain or account, or “persistence” and a name.",
    )  # fmt: skip

    def __init__(self, *args: Any, offered: Sequence[Sign], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.offered = {one.key: one for one in offered}
        field: Any = self.fields["signs"]
        field.choices = [(one.key, _in_words(one)) for one in offered]
        field.initial = [one.key for one in offered if one.suggested]
        self.order_fields(["signs", "more", "reason"])

    @property
    def chosen(self) -> list[dict[str, str]]:
        signs = [self.offered[key] for key in self.cleaned_data["signs"]]
        return [{"kind": one.kind, "value": one.value} for one in signs]


def _in_words(sign: Sign) -> str:
    """A hash says nothing to people without the name of its file; it is cut in the middle, whole in its title."""
    value = visible(sign.value)
    if sign.kind == SweepItemKind.HASH:
        value = format_html('<code title="{}">{}</code>', value, cut_middle(value, 12, 8))
    said = format_html("{} ({})", visible(sign.name), value) if sign.name else value
    unlikely = f" – {sign.unlikely}" if sign.unlikely else ""
    return format_html("<span>{}: <bdi>{}</bdi>{}</span>", sign.label, said, unlikely)


class StartRecoveryForm(forms.Form):
    """The devices that get a checklist."""

    devices = forms.MultipleChoiceField(widget=forms.CheckboxSelectMultiple, label="Devices")

    def __init__(self, *args: Any, devices: Sequence[Device], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field: Any = self.fields["devices"]
        field.choices = [(str(one.pk), str(one)) for one in devices]
        field.initial = [str(one.pk) for one in devices]


class StepForm(forms.Form):
    """What became of one step."""

    state = forms.ChoiceField(
        choices=[(one.value, one.label) for one in StepState if one != StepState.FAILED], label="State",
        initial=StepState.DONE.value,
    )  # fmt: skip
    note = forms.CharField(
        required=False, max_length=2_000, widget=forms.Textarea(attrs={"rows": 2, "class": "input"}),
        help_text="How it was done, or why it is not needed.",
    )  # fmt: skip
    link = forms.CharField(
        required=False, max_length=500, label="Evidence", help_text="A page of the portal or a web address."
    )


class StepsForm(StepForm):
    """One step on many devices."""

    kind = forms.ChoiceField(label="Step")

    def __init__(self, *args: Any, steps: Sequence[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field: Any = self.fields["kind"]
        field.choices = list(steps)
        del self.fields["link"]
        self.order_fields(["kind", "state", "note"])


class WatchForm(forms.Form):
    """How long a device is watched."""

    hours = forms.IntegerField(
        min_value=1, max_value=24 * 90, label="Hours", help_text="A new alert within them opens the incident again."
    )


class TemplateStepForm(forms.Form):
    """One step of the template."""

    label = forms.CharField(max_length=120)
    help = forms.CharField(
        required=False,
        max_length=400,
        label="What it means",
        widget=forms.Textarea(attrs={"rows": 2, "class": "input"}),
    )
    position = forms.IntegerField(min_value=0, max_value=30_000, initial=45, help_text="Lower comes first.")
    required = forms.BooleanField(required=False, initial=True, label="Needed before the watch begins")
    enabled = forms.BooleanField(required=False, initial=True, label="In new checklists")


def _hinted(words: str) -> forms.TextInput:
    return forms.TextInput(attrs={"placeholder": words, "class": "input"})


class EvidenceFilterForm(forms.Form):
    """What the list of artifacts is narrowed to."""

    kind = forms.ChoiceField(choices=[("", "Any kind"), *CustodyKind.choices], required=False)
    device = forms.CharField(required=False, max_length=100, widget=_hinted("Device"))
    name = forms.CharField(required=False, max_length=100, widget=_hinted("Name"))
    sha256 = forms.CharField(required=False, max_length=64, label="SHA-256", widget=_hinted("SHA-256"))
    state = forms.ChoiceField(
        choices=[("", "Kept and deleted"), ("kept", "Kept"), ("gone", "Deleted"), ("held", "Under a legal hold"),
                 ("opened", "Opened")],
        required=False,
    )  # fmt: skip
