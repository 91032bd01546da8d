"""What people type about endpoint agents."""

from datetime import timedelta
from typing import Any

from django import forms
from django.db.models import QuerySet

from accounts.models import DeviceGroup, User
from connectors.enums import AgentState
from connectors.models import AgentPolicy
from connectors.services.agents.policy import LONGEST_S, SHORTEST_S
from connectors.services.agents.tokens import MAX_TAGS

_LIVES = [(1, "1 hour"), (24, "1 day"), (72, "3 days"), (168, "1 week"), (720, "30 days")]
HEALTHS = [("", "Any health"), ("connected", "Connected"), ("away", "Away"), ("silent", "Silent")]
TROUBLES = [("", "With and without trouble"), ("drift", "Drifts"), ("clone", "Key used twice"),
            ("ahead", "Disagrees since a restore")]  # fmt: skip
_UNITS = [(3_600, "hours"), (86_400, "days")]


def groups_for(user: User) -> QuerySet[DeviceGroup]:
    """The device groups that the person sees, as pages list them."""
    live = DeviceGroup.objects.filter(retired=False)
    seen = live if user.scope.everything else live.filter(pk__in=user.scope.group_ids)
    return seen.order_by("is_default", "rank", "name")


class AgentFilterForm(forms.Form):
    q = forms.CharField(
        required=False, max_length=100, label="Name",
        widget=forms.TextInput(attrs={"placeholder": "Name or fingerprint"}),
    )  # fmt: skip
    state = forms.ChoiceField(required=False, choices=[("", "Any state"), *AgentState.choices])
    health = forms.ChoiceField(required=False, choices=HEALTHS)
    trouble = forms.ChoiceField(required=False, choices=TROUBLES)
    group = forms.ChoiceField(required=False, label="Device group")

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        groups = [(str(pk), name) for pk, name in groups_for(user).values_list("pk", "name")]
        self.fields["group"].choices = [("", "Any device group"), *groups]  # type: ignore[attr-defined]


class TokenForm(forms.Form):
    """A token that lets one machine join."""

    name = forms.CharField(max_length=80, help_text="For which machine it is, so that you know it again.")
    group = forms.ModelChoiceField(DeviceGroup.objects.none(), label="Device group", empty_label=None)
    life = forms.TypedChoiceField(
        choices=_LIVES, coerce=lambda hours: timedelta(hours=int(hours)), initial=24, label="Ends after"
    )
    tags = forms.CharField(
        required=False, max_length=900, help_text=f"At most {MAX_TAGS}, with commas between. The device gets them."
    )
    approve_at_once = forms.BooleanField(
        required=False, label="Approve at once",
        help_text="Whoever holds the token joins without another look. Leave it off for machines that you do not hold.",
    )  # fmt: skip

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        seen = groups_for(user)
        self.fields["group"].queryset = seen  # type: ignore[attr-defined]
        # Not the first of the list: a machine is put among the domain controllers by choice alone.
        self.fields["group"].initial = seen.filter(is_default=True).first()

    def clean_tags(self) -> list[str]:
        return list(dict.fromkeys(tag for one in self.cleaned_data["tags"].split(",") if (tag := one.strip())))


class PolicyForm(forms.Form):
    """What the agents of a device group do with an isolation while the portal is away."""

    stays = forms.ChoiceField(
        choices=[("opens", "Opens by itself"), ("cut", "Stays cut off")], widget=forms.RadioSelect,
        label="While the portal is away, an isolated device", initial="opens",
    )  # fmt: skip
    after = forms.IntegerField(min_value=1, max_value=720, label="Opens after", initial=24, required=False)
    unit = forms.TypedChoiceField(choices=_UNITS, coerce=int, initial=3_600, label="Unit", required=False)

    @classmethod
    def of(cls, policy: AgentPolicy | None, data: Any = None) -> "PolicyForm":
        if policy is None:
            return cls(data)
        unit = 86_400 if policy.opens_after_s % 86_400 == 0 and policy.opens_after_s > 86_400 else 3_600
        after = max(1, policy.opens_after_s // unit)
        return cls(data, initial={"stays": "cut" if policy.stays_cut else "opens", "after": after, "unit": unit})

    def clean(self) -> dict[str, Any]:
        wanted: dict[str, Any] = super().clean() or {}
        if wanted.get("stays") == "opens" and not wanted.get("after"):
            self.add_error("after", "Say after how long it opens.")
        seconds = (wanted.get("after") or 24) * (wanted.get("unit") or 3_600)
        if not SHORTEST_S <= seconds <= LONGEST_S:
            self.add_error("after", "An isolation opens by itself after one hour to thirty days.")
        return {**wanted, "opens_after_s": seconds}
