"""An incident by hand, alerts that move, and what people say about an entity."""

from collections.abc import Iterable
from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from accounts.models import User
from incidents.enums import Category, CorrelationReason, Criticality, DeviceValue, Severity
from incidents.forms.fields import tag_list
from incidents.models import Device, File, Identity, Mailbox
from incidents.queue import SEVERITIES
from incidents.services.changes import MAX_NAME, MAX_TEXT

Entity = Device | File | Identity | Mailbox


class NewIncidentForm(forms.Form):
    title = forms.CharField(
        label="Name", max_length=MAX_NAME, help_text="What happened, as you would tell a colleague."
    )
    severity = forms.ChoiceField(
        label="Severity", choices=[(s.value, str(s.label)) for s in SEVERITIES[:-1]], initial=Severity.MEDIUM
    )
    category = forms.ChoiceField(label="Category", required=False, choices=[("", "Not known"), *Category.choices])
    description = forms.CharField(
        label="Description", required=False, max_length=MAX_TEXT, widget=forms.Textarea({"rows": 4})
    )
    assets = forms.CharField(
        label="Assets", required=False, max_length=5000, widget=forms.Textarea({"rows": 3}),
        help_text="Devices, accounts, mailboxes or file hashes, one a line, as their pages name them. They decide who "
        "sees the incident; without a device everyone does.",
    )  # fmt: skip
    tags = forms.CharField(label="Tags", required=False, max_length=400, help_text="Several with commas between.")
    assign_to_me = forms.BooleanField(label="Assign to me", required=False, initial=True)

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        self.user = user
        super().__init__(*args, **kwargs)

    def clean_assets(self) -> list[Entity]:
        """The named assets; a name that is nobody's, or several things', is said back."""
        names = [line.strip() for line in self.cleaned_data["assets"].splitlines() if line.strip()][:100]
        found: list[Entity] = []
        for name in names:
            matches = list(_assets_called(name, self.user))
            if len(matches) != 1:
                who = "several assets are" if matches else "no asset you can see is"
                raise ValidationError(f"{name}: {who} called so.")
            found.extend(matches)
        return found


def _assets_called(name: str, user: User) -> Iterable[Entity]:
    lower = name.lower()
    for model in (Device, Identity, Mailbox):
        rows: Any = model._default_manager
        exact = rows.visible_to(user).filter(key=lower).first()
        yield from [exact] if exact else rows.visible_to(user).filter(display_name__iexact=name)[:2]
    yield from File.objects.visible_to(user).filter(key__in=[f"{kind}:{lower}" for kind in ("sha256", "sha1", "md5")])


def incident_number(text: str) -> int:
    """`INC-1048`, `inc-1048` or `1048`."""
    number = text.strip().upper().removeprefix("INC-")
    if not number.isdecimal() or len(number) > 17:
        raise ValidationError("Give the number of an incident, such as INC-1048.")
    return int(number)


class MoveAlertsForm(forms.Form):
    """Where checked alerts go. An empty number opens a new incident."""

    to = forms.CharField(
        label="To incident", required=False, max_length=20, widget=forms.TextInput({"placeholder": "INC-…"}),
        help_text="Empty: a new incident, named after the alerts.",
    )  # fmt: skip
    # Nothing chosen beforehand: what a dialog proposes would end in the record as somebody's judgement.
    reason = forms.ChoiceField(
        label="Why they belong there", choices=[("", "Choose a reason"), *CorrelationReason.choices]
    )
    comment = forms.CharField(label="Comment", required=False, max_length=500, widget=forms.Textarea({"rows": 2}))
    teach = forms.BooleanField(
        label="Then say what correlation should learn from it", required=False,
        help_text="Opens the reasons for which the first of them was joined.",
    )  # fmt: skip

    def clean_to(self) -> int | None:
        text = str(self.cleaned_data["to"]).strip()
        return incident_number(text) if text else None


class MergeWithForm(forms.Form):
    """With which other incidents one is merged."""

    others = forms.CharField(
        label="Merge with", max_length=120, widget=forms.TextInput({"placeholder": "INC-…", "autocomplete": "off"}),
        help_text="One to four numbers, with commas between.",
    )  # fmt: skip

    def clean_others(self) -> list[int]:
        return [incident_number(text) for text in tag_list(self.cleaned_data["others"])]


class MergeForm(forms.Form):
    reason = forms.ChoiceField(
        label="Why they are one", choices=CorrelationReason.choices, initial=CorrelationReason.SAME_CAMPAIGN
    )
    comment = forms.CharField(label="Comment", required=False, max_length=500, widget=forms.Textarea({"rows": 2}))


class DescribeEntityForm(forms.Form):
    tags = forms.CharField(label="Tags", required=False, max_length=800, help_text="Several with commas between.")
    criticality = forms.ChoiceField(label="Criticality", choices=Criticality.choices)
    value = forms.ChoiceField(label="Value", choices=DeviceValue.choices)

    def __init__(self, *args: Any, entity: Entity, **kwargs: Any) -> None:
        initial = {"tags": ", ".join(entity.tags)}
        for name in ("criticality", "value"):
            initial[name] = getattr(entity, name, "")
        kwargs["initial"] = initial
        super().__init__(*args, **kwargs)
        for name in ("criticality", "value"):
            if not hasattr(entity, name):
                del self.fields[name]

    def changes(self) -> dict[str, Any]:
        return {**self.cleaned_data, "tags": tag_list(self.cleaned_data["tags"])}
