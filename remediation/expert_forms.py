"""What people type when they ask an expert, answer, and keep the groups."""

from collections.abc import Sequence
from typing import Any

from django import forms

from accounts import keys
from accounts.models import User
from remediation.models import ExpertGroup
from remediation.services.ask_expert import LONGEST_H, MAX_TEXT, MAX_TOPIC
from remediation.services.share import DEFAULT, Block

_WITHIN = (("4", "4 hours"), ("24", "1 day"), ("72", "3 days"), ("168", "1 week"))
MOST_PEOPLE = 200


class AskExpertForm(forms.Form):
    """Whom, what, until when, and what of the context goes with it."""

    to = forms.ChoiceField(label="Ask", widget=forms.Select(attrs={"class": "input"}))
    topic = forms.CharField(max_length=MAX_TOPIC, widget=forms.TextInput(attrs={"class": "input", "autofocus": True}))
    question = forms.CharField(max_length=MAX_TEXT, widget=forms.Textarea(attrs={"rows": 4, "class": "input"}))
    within = forms.ChoiceField(
        label="Answer wanted within", choices=_WITHIN, initial="24", widget=forms.Select(attrs={"class": "input"})
    )

    def __init__(self, *args: Any, user: User, blocks: Sequence[Block], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["to"] = forms.ChoiceField(
            label="Ask", choices=_askable(user), widget=forms.Select(attrs={"class": "input"})
        )
        self.fields["share"] = forms.MultipleChoiceField(
            label="Share",
            choices=[(block.key, block.title) for block in blocks],
            initial=[block.key for block in blocks if block.key in DEFAULT],
            required=False,
            widget=forms.CheckboxSelectMultiple,
            help_text="Exactly what is listed below goes with the question, as it is now. Nothing else does.",
        )
        self.order_fields(["to", "topic", "question", "within", "share"])

    @property
    def asked(self) -> dict[str, Any]:
        """The person or the group that was chosen."""
        kind, _, number = self.cleaned_data["to"].partition(":")
        if kind == "group":
            return {"group": ExpertGroup.objects.get(pk=int(number))}
        return {"expert": User.objects.get(pk=int(number))}


class SayForm(forms.Form):
    text = forms.CharField(
        label="Message", max_length=MAX_TEXT, widget=forms.Textarea(attrs={"rows": 4, "class": "input"})
    )


class ExpertGroupForm(forms.ModelForm):  # type: ignore[type-arg]
    """A group that may be asked."""

    class Meta:
        model = ExpertGroup
        fields = ("name", "description", "answer_within_h", "members", "retired")
        labels = {"answer_within_h": "Answers within hours", "retired": "No longer asked"}
        widgets = {"members": forms.CheckboxSelectMultiple}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        members = self.fields["members"]
        if isinstance(members, forms.ModelMultipleChoiceField):
            members.queryset = User.objects.filter(is_active=True).order_by("display_name", "username")

    def clean_answer_within_h(self) -> int:
        hours = int(self.cleaned_data["answer_within_h"])
        if not 1 <= hours <= LONGEST_H:
            raise forms.ValidationError(f"1 to {LONGEST_H} hours.")
        return hours


def _askable(user: User) -> list[tuple[str, Any]]:
    """Groups first, then people who may read."""
    groups = ExpertGroup.objects.filter(retired=False, members__is_active=True).distinct().order_by("name")
    people = User.objects.filter(is_active=True).exclude(pk=user.pk).prefetch_related("roles")
    readers = [one for one in people.order_by("display_name", "username")[:MOST_PEOPLE] if one.holds(keys.READ)]
    offered = [
        ("Groups", [(f"group:{group.pk}", f"{group.name} ({group.answer_within_h} h)") for group in groups]),
        ("People", [(f"person:{one.pk}", str(one)) for one in readers]),
    ]
    return [entry for entry in offered if entry[1]]
