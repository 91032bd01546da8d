"""What people and administrators fill in about being told."""

from collections.abc import Iterable
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import validate_email

from accounts.enums import UserKind
from accounts.forms.profile import zones
from accounts.models import DeviceGroup, User
from notifications import vocabulary
from notifications.enums import ActionOutcome, ActionSource, DigestRhythm, EndpointKind, RuleKind, Weekday
from notifications.models import Endpoint, Rule
from notifications.services.match import EVERY
from notifications.services.rules import MOST_RECIPIENTS

# Threshold -> the severities it stands for.
THRESHOLDS = {
    "high": ["high"],
    "medium": ["high", "medium"],
    "low": ["high", "medium", "low"],
    "all": ["high", "medium", "low", "informational", "unknown"],
    "never": [],
}
_SAID = [("high", "High only"), ("medium", "Medium and above"), ("low", "Low and above"), ("all", "Whatever severity")]
HOURS = [(str(hour), f"{hour:02d}:00") for hour in range(24)]


def threshold_of(severities: list[str]) -> str:
    return next((name for name, held in THRESHOLDS.items() if set(held) == set(severities)), "all")


class ListeningForm(forms.Form):
    """Quiet hours and digest."""

    quiet_from = forms.TimeField(
        required=False, label="Quiet from", widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M")
    )
    quiet_to = forms.TimeField(
        required=False, label="Quiet to", widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M")
    )
    time_zone = forms.ChoiceField(label="Time zone")
    urgent_breaks_through = forms.BooleanField(
        required=False, label="Urgent news come at once even then", help_text="Topics marked as urgent on this page."
    )
    digest = forms.ChoiceField(choices=DigestRhythm.choices, label="Digest by mail")
    digest_day = forms.ChoiceField(choices=Weekday.choices, label="On", help_text="For a weekly digest.")
    digest_hour = forms.TypedChoiceField(choices=HOURS, coerce=int, label="At")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        zone: Any = self.fields["time_zone"]
        zone.choices = zones()[1:]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if (cleaned.get("quiet_from") is None) != (cleaned.get("quiet_to") is None):
            self.add_error("quiet_to", "Quiet hours have a beginning and an end.")
        return cleaned


class EndpointForm(forms.Form):
    name = forms.CharField(max_length=80)
    kind = forms.ChoiceField(
        choices=EndpointKind.choices, help_text="A signed webhook gets JSON and a signature; the others are chats."
    )
    url = forms.CharField(
        max_length=2_000,
        label="Address",
        help_text="Kept encrypted and never shown again, because the address of a chat is a secret.",
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false", "placeholder": "https://"}),
    )


class EndpointChangeForm(forms.Form):
    name = forms.CharField(max_length=80)
    url = forms.CharField(
        max_length=2_000,
        required=False,
        label="New address",
        help_text="Empty keeps the address it has.",
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false", "placeholder": "https://"}),
    )


class MailTestForm(forms.Form):
    to = forms.EmailField(label="To")


class RuleForm(forms.Form):
    """A rule of either kind; fields of the other kind are taken out, as are recipients of a personal rule."""

    name = forms.CharField(max_length=80)
    description = forms.CharField(max_length=300, required=False)
    threshold = forms.ChoiceField(
        choices=_SAID, label="Severity",
        help_text="A threshold: what is graver is told of as well. It counts for every source without its own.",
    )  # fmt: skip
    tags = forms.CharField(
        max_length=500, required=False, help_text="Separated by commas; one of them is enough. Empty: any incident."
    )
    once = forms.BooleanField(required=False, initial=True, label="One message per incident")
    action_source = forms.ChoiceField(choices=ActionSource.choices, label="Asked for")
    actions = forms.MultipleChoiceField(
        required=False, widget=forms.CheckboxSelectMultiple, help_text="None checked: every action."
    )
    outcomes = forms.MultipleChoiceField(
        choices=ActionOutcome.choices, widget=forms.CheckboxSelectMultiple, label="When they are"
    )
    all_groups = forms.BooleanField(required=False, initial=True, label="All device groups, also those made later")
    device_groups = forms.ModelMultipleChoiceField(
        DeviceGroup.objects.none(), required=False, widget=forms.CheckboxSelectMultiple, label="Or these device groups"
    )
    include_organisation = forms.BooleanField(required=False, initial=True, label="Name the organisation")
    include_link = forms.BooleanField(required=False, initial=True, label="Include a link to the portal")
    people = forms.ModelMultipleChoiceField(
        User.objects.none(), required=False, widget=forms.CheckboxSelectMultiple,
        help_text="Each hears what they may read themselves.",
    )  # fmt: skip
    addresses = forms.CharField(
        required=False,
        max_length=4_000,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text="Separated by commas. They read what you may read; restricted incidents are never sent there.",
    )
    endpoints = forms.ModelMultipleChoiceField(
        Endpoint.objects.none(), required=False, widget=forms.CheckboxSelectMultiple, label="Webhooks and chats"
    )

    def __init__(self, *args: Any, kind: str, personal: bool, author: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.kind, self.personal, self.author = kind, personal, author
        of_actions = ("action_source", "actions", "outcomes")
        left_out = of_actions if kind == RuleKind.INCIDENT else ("threshold", "tags", "once")
        for name in (*left_out, *(("people", "addresses", "endpoints", "include_organisation") if personal else ())):
            del self.fields[name]
        self._offer()
        self.of_sources = self._add_sources() if kind == RuleKind.INCIDENT else []

    def _offer(self) -> None:
        fields: Any = self.fields
        groups = DeviceGroup.objects.filter(retired=False)
        scope = self.author.scope
        fields["device_groups"].queryset = groups if scope.everything else groups.filter(pk__in=scope.group_ids)
        if "actions" in fields:
            fields["actions"].choices = vocabulary.choices("actions")
        if "people" in fields:
            fields["people"].queryset = User.objects.filter(is_active=True, kind=UserKind.PERSON)
            fields["endpoints"].queryset = Endpoint.objects.all()

    def _add_sources(self) -> list[str]:
        """One choice for each known source, beside the one for all."""
        names = []
        own = [("", "As all others"), ("never", "Never"), *_SAID]
        for key, label in vocabulary.choices("sources")[:30]:
            name = f"source-{key}"
            self.fields[name] = forms.ChoiceField(choices=own, required=False, label=label)
            names.append(name)
        return names

    @property
    def source_fields(self) -> list[Any]:
        return [self[name] for name in self.of_sources]

    def clean_addresses(self) -> list[str]:
        found = [word.strip() for word in self.cleaned_data["addresses"].replace("\n", ",").split(",") if word.strip()]
        for address in found:
            try:
                validate_email(address)
            except ValidationError:
                raise ValidationError(f"{address[:80]}: this is not an address for mail.") from None
        return list(dict.fromkeys(found))

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if not cleaned.get("all_groups") and not cleaned.get("device_groups"):
            self.add_error("device_groups", "Select at least one group, or all.")
        if not self.personal:
            told = [*cleaned.get("people", ()), *cleaned.get("addresses", ()), *cleaned.get("endpoints", ())]
            if not told:
                self.add_error("people", "Name at least one recipient.")
            if len(told) > MOST_RECIPIENTS:
                self.add_error("people", f"At most {MOST_RECIPIENTS} recipients.")
        return cleaned

    def values(self) -> dict[str, Any]:
        """As `save_rule` takes them."""
        data = self.cleaned_data
        plain = ("name", "description", "all_groups", "include_link", "include_organisation", "once", "action_source",
                 "actions", "outcomes")  # fmt: skip
        values = {name: data[name] for name in plain if name in data}
        if self.kind == RuleKind.INCIDENT:
            chosen = {name.removeprefix("source-"): data[name] for name in self.of_sources if data.get(name)}
            values["severities"] = {EVERY: THRESHOLDS[data["threshold"]]} | {
                source: THRESHOLDS[name] for source, name in chosen.items()
            }
            values["tags"] = list(dict.fromkeys(tag.strip()[:80] for tag in data["tags"].split(",") if tag.strip()))
        return values

    @classmethod
    def initial_of(cls, rule: Rule) -> dict[str, Any]:
        """What the form shows of a rule that is there."""
        told: Iterable[Any] = list(rule.recipients.all())
        return {
            **{name: getattr(rule, name) for name in ("name", "description", "all_groups", "include_link", "once",
                                                      "include_organisation", "action_source", "actions", "outcomes")},
            "threshold": threshold_of(rule.severities.get(EVERY, [])),
            "tags": ", ".join(rule.tags),
            "device_groups": [group.pk for group in rule.device_groups.all()],
            "people": [one.user_id for one in told if one.user_id],
            "addresses": ", ".join(one.address for one in told if one.address),
            "endpoints": [one.endpoint_id for one in told if one.endpoint_id],
            **{f"source-{name}": threshold_of(held) for name, held in rule.severities.items() if name != EVERY},
        }  # fmt: skip


class LimitForm(forms.Form):
    minutes = forms.IntegerField(
        required=False, min_value=5, max_value=43_200, label="Alarm after minutes of silence",
        help_text="Empty: as the source usually sends, with half as much again.",
    )  # fmt: skip
    watched = forms.BooleanField(required=False, label="Tell when it falls silent")
