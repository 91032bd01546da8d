from datetime import datetime

from django import forms
from django.core.exceptions import ValidationError

from core import clock
from core.actors import ActorKind

KINDS = [("", "By anybody"), (ActorKind.PERSON, "By people only"), (ActorKind.TOKEN, "By tokens only"),
         (ActorKind.SYSTEM, "By the system only")]  # fmt: skip


def _box(placeholder: str, suggestions: str) -> forms.TextInput:
    return forms.TextInput(attrs={"placeholder": placeholder, "spellcheck": "false", "list": suggestions})


class AuditFilterForm(forms.Form):
    """What of the audit log is shown. Times are in UTC, because the log is compared with other systems' logs."""

    actor = forms.CharField(required=False, max_length=120, label="Who", widget=_box("Who: a name", "audit-actors"))
    kind = forms.ChoiceField(required=False, label="By", choices=KINDS)
    verb = forms.CharField(
        required=False, max_length=80, label="What", widget=_box("What, as in signed in", "audit-verbs")
    )
    subject = forms.CharField(
        required=False, max_length=80, label="On what", widget=_box("On what, as in INC-42", "audit-subjects")
    )
    since = forms.DateTimeField(
        required=False, label="From (UTC)", widget=forms.DateTimeInput(attrs={"type": "datetime-local"})
    )
    until = forms.DateTimeField(
        required=False, label="Until (UTC)", widget=forms.DateTimeInput(attrs={"type": "datetime-local"})
    )

    def clean_since(self) -> datetime | None:
        return _in_utc(self.cleaned_data["since"])

    def clean_until(self) -> datetime | None:
        return _in_utc(self.cleaned_data["until"])


def _in_utc(moment: datetime | None) -> datetime | None:
    found = clock.as_utc(moment) if moment else None
    if moment and found is None:
        raise ValidationError("The time is out of range.")
    return found
