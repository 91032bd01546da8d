from typing import Any

from django import forms

from accounts.enums import UserKind
from accounts.models import User
from reviews.enums import FindingKind


class WriteForm(forms.Form):
    """Summary and lessons of a review. `version` guards against overwriting somebody else's words."""

    drafted = True  # may be saved half written, yet a signature needs it whole: no field is called optional

    version = forms.IntegerField(widget=forms.HiddenInput)
    summary = forms.CharField(
        widget=forms.Textarea(attrs={"rows": 5, "class": "input"}),
        required=False,
        max_length=20_000,
        help_text="Four sentences: what happened, to whom, what it cost, how it ended.",
    )
    lessons = forms.CharField(
        widget=forms.Textarea(attrs={"rows": 5, "class": "input"}),
        required=False,
        max_length=20_000,
        help_text="What to change in detection, access, process or training.",
    )


class FindingForm(forms.Form):
    kind = forms.ChoiceField(choices=FindingKind.choices, widget=forms.HiddenInput)
    text = forms.CharField(max_length=500, label="Finding", widget=forms.TextInput(attrs={"class": "input"}))


class FollowUpForm(forms.Form):
    text = forms.CharField(max_length=500, label="What", widget=forms.TextInput(attrs={"class": "input"}))
    owner = forms.ModelChoiceField(
        queryset=User.objects.none(),
        required=False,
        empty_label="Nobody yet",
        widget=forms.Select(attrs={"class": "input"}),
    )
    due = forms.DateField(widget=forms.DateInput(attrs={"type": "date", "class": "input"}))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        owner = self.fields["owner"]
        assert isinstance(owner, forms.ModelChoiceField)  # noqa: S101 - narrows the type for the line below
        owner.queryset = User.objects.filter(is_active=True, kind=UserKind.PERSON)
