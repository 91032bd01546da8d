from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from accounts import rules
from accounts.models import DeviceGroup

WORDS = {"name": "fin-\nhr-", "domain": "branch.example", "tag": "server", "os": "Windows 11"}


class DeviceGroupForm(forms.Form):
    """Name and rule. Each property of the rule is an operator and one value a line."""

    name = forms.CharField(max_length=80)
    description = forms.CharField(max_length=300, required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for key, label in rules.PROPERTIES.items():
            self.fields[f"{key}_operator"] = forms.ChoiceField(
                choices=list(rules.OPERATORS.items()),
                label=f"{label}: how to compare",
                required=False,
                initial="startswith" if key == "name" else "equals",
            )
            self.fields[f"{key}_values"] = forms.CharField(
                widget=forms.Textarea(attrs={"rows": 2, "spellcheck": "false", "placeholder": WORDS[key]}),
                label=f"{label}: values, one a line",
                required=False,
                max_length=1200,
            )

    @classmethod
    def of(cls, group: DeviceGroup, data: Any = None) -> "DeviceGroupForm":
        initial: dict[str, Any] = {"name": group.name, "description": group.description}
        for key, condition in group.rule.items():
            initial[f"{key}_operator"] = condition["operator"]
            initial[f"{key}_values"] = "\n".join(condition["values"])
        return cls(data, initial=initial)

    @property
    def conditions(self) -> list[dict[str, Any]]:
        """The rows of the rule editor."""
        return [
            {"label": label, "operator": self[f"{key}_operator"], "values": self[f"{key}_values"]}
            for key, label in rules.PROPERTIES.items()
        ]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        rule = {}
        for key in rules.PROPERTIES:
            values = [line.strip() for line in cleaned.get(f"{key}_values", "").splitlines() if line.strip()]
            if values:
                rule[key] = {"operator": cleaned.get(f"{key}_operator") or "equals", "values": values}
        try:
            cleaned["rule"] = rules.clean_rule(rule)
        except ValidationError as error:
            self.add_error(None, error)
        return cleaned
