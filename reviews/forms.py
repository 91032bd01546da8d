from typing import Any

from django import forms

from accounts.enums import UserKind
from accounts.models import User
from reviews.enums import FindingKind, LessonCategory, LessonState


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


class _WithOwner(forms.Form):
    """A form that names a person of the team."""

    owner = forms.ModelChoiceField(
        queryset=User.objects.none(), required=False, empty_label="Nobody yet", widget=forms.Select({"class": "input"})
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        owner = self.fields["owner"]
        assert isinstance(owner, forms.ModelChoiceField)  # noqa: S101 - narrows the type for the line below
        owner.queryset = User.objects.filter(is_active=True, kind=UserKind.PERSON)


class ChangeFollowUpForm(_WithOwner):
    due = forms.DateField(widget=forms.DateInput({"type": "date", "class": "input"}))
    reason = forms.CharField(max_length=500, required=False, label="Why", widget=forms.TextInput({"class": "input"}))


class FinishForm(forms.Form):
    outcome = forms.CharField(
        max_length=2000,
        label="What was done, or where the evidence is",
        widget=forms.Textarea({"rows": 4, "class": "input"}),
    )


class ReopenForm(forms.Form):
    reason = forms.CharField(max_length=500, label="Why it is not done", widget=forms.TextInput({"class": "input"}))


class LessonForm(_WithOwner):
    """A lesson. `version` guards against overwriting somebody else's words."""

    field_order = ("version", "what", "why", "category", "owner", "techniques", "detectors")
    version = forms.IntegerField(widget=forms.HiddenInput, required=False)
    what = forms.CharField(max_length=300, label="What to do differently", widget=forms.TextInput({"class": "input"}))
    why = forms.CharField(
        max_length=5000, required=False, label="Why", widget=forms.Textarea({"rows": 4, "class": "input"})
    )
    category = forms.ChoiceField(choices=LessonCategory.choices, widget=forms.Select({"class": "input"}))
    techniques = forms.CharField(
        max_length=1000, required=False, widget=forms.TextInput({"class": "input", "spellcheck": "false"}),
        help_text="Later incidents that name one of them show the lesson. Such as T1059.001, T1566.",
    )  # fmt: skip
    detectors = forms.CharField(
        max_length=9000, required=False, widget=forms.Textarea({"rows": 3, "class": "input", "spellcheck": "false"}),
        help_text="One a line, as the source names it. Later incidents with one of them show the lesson.",
    )  # fmt: skip

    def values(self) -> dict[str, Any]:
        """What the service takes."""
        data = self.cleaned_data
        return {
            **{name: data[name] for name in ("what", "why", "category", "owner")},
            "techniques": [word for word in data["techniques"].replace(",", " ").split() if word],
            "detectors": [line.strip() for line in data["detectors"].splitlines() if line.strip()],
        }


class LessonStateForm(forms.Form):
    state = forms.ChoiceField(choices=LessonState.choices, widget=forms.HiddenInput)
    reason = forms.CharField(
        max_length=2000, required=False, label="Why", widget=forms.Textarea({"rows": 3, "class": "input"})
    )


class LinkForm(forms.Form):
    number = forms.CharField(
        max_length=24, label="Number of the incident", help_text="Such as INC-1048.",
        widget=forms.TextInput({"class": "input"}),
    )  # fmt: skip

    def clean_number(self) -> int:
        text = self.cleaned_data["number"].strip().upper().removeprefix("INC-")
        if not text.isdecimal() or len(text) > 17:
            raise forms.ValidationError("Such as INC-1048.")
        return int(text)


class AddendumForm(forms.Form):
    text = forms.CharField(
        max_length=10_000, label="What became known since", widget=forms.Textarea({"rows": 5, "class": "input"})
    )


class PeriodReportForm(forms.Form):
    title = forms.CharField(max_length=200, required=False, widget=forms.TextInput({"class": "input"}))
    notes = forms.CharField(
        max_length=20_000, required=False, widget=forms.Textarea({"rows": 6, "class": "input"}),
        help_text="What the reader should know of this period. Frozen with the figures.",
    )  # fmt: skip
    since = forms.CharField(widget=forms.HiddenInput)
    until = forms.CharField(widget=forms.HiddenInput)
