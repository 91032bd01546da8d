"""What people type when they ask an expert, answer, and keep the groups."""

from collections.abc import Sequence
from typing import Any

from django import forms

from accounts.models import User
from remediation.enums import AnsweredBy
from remediation.expert_askable import askable_groups, askable_people, askable_retainers
from remediation.models import ExpertGroup, ExpertRequest, Retainer
from remediation.services.ask_expert import LONGEST_H, MAX_TEXT, MAX_TOPIC
from remediation.services.share import DEFAULT, Block

_WITHIN = (("4", "4 hours"), ("24", "1 day"), ("72", "3 days"), ("168", "1 week"))


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
        if kind == "retainer":
            return {"retainer": Retainer.objects.get(pk=int(number))}
        return {"expert": User.objects.get(pk=int(number))}


class SayForm(forms.Form):
    text = forms.CharField(
        label="Message", max_length=MAX_TEXT, widget=forms.Textarea(attrs={"rows": 4, "class": "input"})
    )


class RetainerSayForm(SayForm):
    """The thread with a retainer: what one asks on goes out by mail, what the retainer said is written down."""

    def __init__(self, *args: Any, request: ExpertRequest, asker: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        name = request.asked
        own = [("", f"My message, mailed to {name}")] if asker else []
        self.fields["answered_by"] = forms.ChoiceField(
            label="This is",
            choices=[*own, *((how.value, f"The answer of {name}, {how.label.lower()}") for how in AnsweredBy)],
            required=not asker,
            widget=forms.Select(attrs={"class": "input"}),
            help_text="The portal receives no mail: what a retainer answers is written here by a person, and says so.",
        )
        self.order_fields(["answered_by", "text"])

    @property
    def answer(self) -> AnsweredBy | None:
        chosen = self.cleaned_data["answered_by"]
        return AnsweredBy(chosen) if chosen else None


class RetainerForm(forms.ModelForm):  # type: ignore[type-arg]
    """Somebody outside who may be asked by mail."""

    class Meta:
        model = Retainer
        fields = ("name", "address", "phone", "hours", "active")
        labels = {"address": "Mail address", "hours": "Reached at", "active": "May be asked"}
        widgets = {name: forms.TextInput(attrs={"class": "input"}) for name in ("name", "phone", "hours")} | {
            "address": forms.EmailInput(attrs={"class": "input"})
        }

    def clean_address(self) -> str:
        address = str(self.cleaned_data["address"])
        if not address.isascii():
            raise forms.ValidationError("An address in plain letters is needed: not every mail server takes others.")
        return address


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
    """Groups first, then people who may read, then who is asked outside."""
    offered = [
        ("Groups", [(f"group:{group.pk}", f"{group.name} ({group.answer_within_h} h)") for group in askable_groups()]),
        ("People", [(f"person:{one.pk}", str(one)) for one in askable_people(user)]),
        ("Outside, by mail", [(f"retainer:{one.pk}", _retainer(one)) for one in askable_retainers()]),
    ]
    return [entry for entry in offered if entry[1]]


def _retainer(one: Retainer) -> str:
    return f"{one.name} <{one.address}>"
