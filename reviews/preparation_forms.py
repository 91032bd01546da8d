"""Forms of what only people can know: who decides, and what was practised."""

from typing import Any

from django import forms

from accounts.enums import UserKind
from accounts.models import User
from reviews.enums import DecisionKind, DrillKind
from reviews.models import Lesson
from reviews.queries import LessonQuerySet


def _line(longest: int, label: str = "", *, required: bool = False, **more: Any) -> forms.CharField:
    return forms.CharField(
        max_length=longest, required=required, label=label or None, widget=forms.TextInput({"class": "input"}), **more
    )


def _mail(label: str) -> forms.EmailField:
    return forms.EmailField(required=False, label=label, widget=forms.EmailInput({"class": "input"}))


def _day(label: str, *, required: bool = True, **more: Any) -> forms.DateField:
    widget = forms.DateInput({"type": "date", "class": "input"}, format="%Y-%m-%d")
    return forms.DateField(label=label, required=required, widget=widget, **more)


def _person(label: str) -> "forms.ModelChoiceField[User]":
    return forms.ModelChoiceField(
        queryset=User.objects.none(), required=False, label=label, empty_label="Somebody without an account",
        widget=forms.Select({"class": "input"}),
    )  # fmt: skip


_PARTS_OF_A_CONTACT = (
    ("What is decided", ("decision", "words")),
    ("Who decides", ("person", "name", "phone", "mail")),
    ("Who stands in", ("deputy", "deputy_name", "deputy_phone", "deputy_mail")),
    ("What has to be known", ("note", "reviewed")),
)


class ContactForm(forms.Form):
    """Who decides. `version` guards against overwriting somebody else's words."""

    version = forms.IntegerField(widget=forms.HiddenInput, required=False)
    decision = forms.ChoiceField(choices=DecisionKind.choices, widget=forms.Select({"class": "input"}))
    words = _line(200, "In your words", help_text="Which workload, which authority. Needed for something else.")
    person = _person("Account")
    name = _line(120, "Or a name")
    phone = _line(60, "Telephone, day and night")
    mail = _mail("Mail, if not the account's")
    deputy = _person("Account of the deputy")
    deputy_name = _line(120, "Or the name of the deputy")
    deputy_phone = _line(60, "Telephone of the deputy")
    deputy_mail = _mail("Mail of the deputy")
    note = _line(500, "At hand", help_text="A contract number, the word that proves who calls.")
    reviewed = _day("Last reviewed", help_text="When somebody last made sure that all of this is so.")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in ("person", "deputy"):
            field = self.fields[name]
            assert isinstance(field, forms.ModelChoiceField)  # noqa: S101 - narrows the type for the line below
            field.queryset = User.objects.filter(is_active=True, kind=UserKind.PERSON)

    @property
    def parts(self) -> list[tuple[str, list[forms.BoundField]]]:
        """The fields as they belong together."""
        return [(label, [self[name] for name in names]) for label, names in _PARTS_OF_A_CONTACT]

    def values(self) -> dict[str, Any]:
        """What the service takes."""
        return {name: value for name, value in self.cleaned_data.items() if name != "version"}


class DrillForm(forms.Form):
    """An exercise that was held. `version` guards against overwriting somebody else's words."""

    version = forms.IntegerField(widget=forms.HiddenInput, required=False)
    kind = forms.ChoiceField(choices=DrillKind.choices, widget=forms.Select({"class": "input"}))
    scenario = _line(300, "Scenario", required=True, help_text="What was played, in one sentence.")
    held = _day("Held on")
    participants = _line(1000, "Participants")
    findings = forms.CharField(
        max_length=10_000, required=False, widget=forms.Textarea({"rows": 5, "class": "input"}),
        help_text="What it showed. What is to be done differently becomes a lesson, with follow-ups.",
    )  # fmt: skip
    next_due = _day("Next due", required=False, help_text="Left empty, the option of the readiness page counts.")
    lessons = forms.ModelMultipleChoiceField(
        queryset=Lesson.objects.none(), required=False, label="Lessons that came of it",
        widget=forms.SelectMultiple({"class": "input", "size": 5}),
    )  # fmt: skip

    def __init__(self, *args: Any, seen: LessonQuerySet, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["lessons"]
        assert isinstance(field, forms.ModelMultipleChoiceField)  # noqa: S101 - narrows the type for the line below
        field.queryset = seen.order_by("-updated")

    def values(self) -> dict[str, Any]:
        """What the service takes, without the lessons."""
        return {name: value for name, value in self.cleaned_data.items() if name not in {"version", "lessons"}}


class RemoveForm(forms.Form):
    reason = forms.CharField(max_length=500, label="Why", widget=forms.TextInput({"class": "input"}))
