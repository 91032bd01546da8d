"""What is taught to the correlation: one of the offers, with a reason."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from accounts.models import DeviceGroup, User
from core import clock
from core.options import declared
from incidents.lessons import Offer
from incidents.services.teach_correlation import MAX_REASON, Lesson, within_scope

MOST_DAYS = 3650


class TeachForm(forms.Form):
    """`offer` is the choice; its `value` counts only where an option is chosen."""

    what = forms.ChoiceField(label="What correlation should know", widget=forms.RadioSelect)
    value = forms.IntegerField(
        label="New value", required=False, min_value=0, help_text="Hours of a window, or cases of a thousand."
    )
    days = forms.IntegerField(
        label="Ends after days", required=False, min_value=1, max_value=MOST_DAYS,
        help_text="Empty: until somebody lifts it. An option has no end.",
    )  # fmt: skip
    groups = forms.MultipleChoiceField(
        label="Only for these device groups", required=False, widget=forms.CheckboxSelectMultiple
    )
    reason = forms.CharField(label="Why", max_length=MAX_REASON, widget=forms.Textarea({"rows": 2}))

    def __init__(self, *args: Any, offers: Sequence[Offer], user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.user = user
        self.offers = {offer.key: offer for offer in offers}
        field: Any = self.fields["what"]
        field.choices = [(offer.key, offer.label) for offer in offers]
        groups = DeviceGroup.objects.filter(retired=False).order_by("is_default", "rank")
        if not user.scope.everything:
            groups = groups.filter(pk__in=user.scope.group_ids)
        where: Any = self.fields["groups"]
        where.choices = [(str(group.pk), group.name) for group in groups]
        where.help_text = (
            "None chosen: everywhere. An option always holds everywhere." if user.scope.everything
            else "None chosen: all of yours. Elsewhere it is for others to teach."
        )  # fmt: skip

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        offer = self.offers.get(data.get("what", ""))
        if offer is not None and offer.option:
            if data.get("value") is None:
                raise ValidationError({"value": "Say the new value."})
            if data["value"] == offer.present:
                raise ValidationError({"value": "That is the value already."})
            option = next(one for one in declared() if one.key == offer.option)
            option.clean(data["value"])
            if data.get("days"):
                raise ValidationError({"days": "An option has no end: it holds until it is changed again."})
        elif offer is not None:
            data["lesson"] = within_scope(
                replace(offer.lesson, groups=tuple(map(int, data.get("groups", ())))), self.user
            )
        return data

    @property
    def lesson(self) -> Lesson:
        offer = self.offers[self.cleaned_data["what"]]
        if not offer.option:
            taught: Lesson = self.cleaned_data["lesson"]
            return taught
        value = self.cleaned_data["value"]
        return replace(offer.lesson, value=value, shown=f"{offer.label}, then {value}")

    @property
    def expires(self) -> datetime | None:
        days = self.cleaned_data.get("days")
        return clock.now() + timedelta(days=days) if days else None
