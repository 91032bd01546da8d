"""What the forms of this room share: owners, verdicts, tags."""

import re
from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from accounts.enums import UserKind
from accounts.models import User
from incidents.enums import DETERMINATIONS, Classification, Determination
from incidents.models import Incident

KEEP = ("", "No change")
NOBODY = "nobody"
_USERNAME = re.compile(r"\(([^()]+)\)$")


def assignable() -> list[User]:
    """People who can own work, by name."""
    return list(User.objects.filter(is_active=True, kind=UserKind.PERSON).order_by("display_name", "id")[:500])


def owners_switched_off(user: User) -> list[User]:
    """Who owns open incidents that this person sees, and cannot sign in any more."""
    owned = Incident.objects.visible_to(user).open().exclude(assigned_to=None).values("assigned_to")
    return list(User.objects.filter(is_active=False, pk__in=owned).order_by("display_name", "id")[:40])


def spoken_for(person: User) -> str:
    return f"{person} ({person.username})"


class PersonField(forms.CharField):
    """One person, typed as name or user name, with suggestions; `nobody` takes the owner away."""

    def clean(self, value: Any) -> User | str | None:
        text = str(super().clean(value) or "").strip()
        if not text or text.casefold() == NOBODY:
            return text.casefold() or None
        match = _USERNAME.search(text)
        username = match[1] if match else text
        active = User.objects.filter(is_active=True, kind=UserKind.PERSON)
        found = active.filter(username__iexact=username).first()
        named = list(active.filter(display_name__iexact=text)[:2]) if found is None else [found]
        if len(named) != 1:
            raise ValidationError(f"{text}: {'two people are called so' if named else 'nobody is called so'}.")
        return named[0]


def owner_field() -> PersonField:
    return PersonField(
        label="Assign to", required=False, max_length=220,
        widget=forms.TextInput({"list": "people", "autocomplete": "off", "placeholder": "Nobody"}),
    )  # fmt: skip


def verdict_choices(first: tuple[str, str] | None = None) -> list[Any]:
    """Classification and determination as one choice, so that no pair outside the matrix can be chosen."""
    unset = (f"{Classification.UNKNOWN}/{Determination.UNKNOWN}", "Not set")
    groups = [
        (str(Classification(name).label), [
            *[(f"{name}/{item}", str(item.label)) for item in DETERMINATIONS[name]],
            (f"{name}/{Determination.UNKNOWN}", "Determination not set"),
        ])
        for name in DETERMINATIONS if name != Classification.UNKNOWN
    ]  # fmt: skip
    return [*([first] if first else []), unset, *groups]


def tag_list(text: str) -> list[str]:
    return [tag.strip() for tag in text.split(",") if tag.strip()]


def offer(form: forms.Form, name: str, choices: list[Any]) -> None:
    """Give a choice field of one form its choices."""
    field: Any = form.fields[name]
    field.choices = choices
