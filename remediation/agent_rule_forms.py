"""Forms for what administrators say beforehand about devices with an agent."""

import re
from typing import Any

from django import forms

from accounts.models import DeviceGroup
from remediation.models import IsolationRule, TrustedPrograms
from remediation.models.agent_rules import Direction, Protocol

_AREA = {"rows": 3, "class": "input"}
_PEM = re.compile(r"-----BEGIN [^-]+-----.*?-----END [^-]+-----", re.DOTALL)


class IsolationRuleForm(forms.Form):
    name = forms.CharField(max_length=80)
    description = forms.CharField(max_length=500, required=False, label="What it is for")
    networks = forms.CharField(
        max_length=2_000, widget=forms.Textarea(attrs=_AREA), label="Addresses",
        help_text="One address or network a line, IPv4 or IPv6, at most 20.",
    )  # fmt: skip
    protocol = forms.ChoiceField(choices=Protocol.choices, required=False)
    port = forms.IntegerField(min_value=1, max_value=65_535, required=False, help_text="Empty: every port.")
    direction = forms.ChoiceField(choices=Direction.choices)
    device_group_ids = forms.TypedMultipleChoiceField(
        coerce=int, required=False, widget=forms.CheckboxSelectMultiple, label="Device groups",
        help_text="None chosen: every group.",
    )  # fmt: skip
    enabled = forms.BooleanField(required=False, label="In use")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field: Any = self.fields["device_group_ids"]
        groups = DeviceGroup.objects.filter(retired=False).order_by("is_default", "rank")
        field.choices = [(str(group.pk), group.name) for group in groups]

    @classmethod
    def of(cls, rule: IsolationRule, data: Any) -> "IsolationRuleForm":
        shown = {name: getattr(rule, name) for name in cls.base_fields if name != "networks"}
        return cls(data, initial={**shown, "networks": "\n".join(rule.networks or ())})

    @property
    def wanted(self) -> dict[str, Any]:
        return {**self.cleaned_data, "networks": self.cleaned_data["networks"].splitlines()}


class TrustedProgramsForm(forms.Form):
    folders = forms.CharField(
        max_length=10_000, required=False, widget=forms.Textarea(attrs=_AREA),
        help_text="One folder a line, named in full. Only root may write there and above, or the device refuses it.",
    )  # fmt: skip
    signers = forms.CharField(
        max_length=10_000, required=False, label="Keys of signers", widget=forms.Textarea(attrs={**_AREA, "rows": 5}),
        help_text="Ed25519 public keys in PEM, one after the other. A file counts that bears a signature of one.",
    )  # fmt: skip

    @classmethod
    def of(cls, kept: TrustedPrograms | None, data: Any) -> "TrustedProgramsForm":
        folders, signers = (kept.folders, kept.signers) if kept else ([], [])
        return cls(data, initial={"folders": "\n".join(folders), "signers": "\n".join(signers)})

    @property
    def wanted(self) -> dict[str, list[str]]:
        text = self.cleaned_data["signers"]
        keys = _PEM.findall(text) or ([text] if text.strip() else [])
        return {"folders": self.cleaned_data["folders"].splitlines(), "signers": keys}
