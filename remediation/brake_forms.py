"""Forms of the brakes: what is protected, who decides, what was refused, and whom one asks about."""

from typing import Any

from django import forms
from django.db.models import QuerySet

from accounts import keys
from accounts.models import ApiToken, DeviceGroup, User
from core import clock
from incidents.enums import EntityKind
from remediation.catalog import all_actions
from remediation.enums import MatchBy, ProtectedKind, Risk, Stage
from remediation.models import ApproverRule
from remediation.policy import LABELS

MOST_DIGITS = 18


def _actions() -> list[tuple[str, str]]:
    return [(action.key, f"{action.label} ({action.target_kind})") for action in all_actions()]


class ProtectForm(forms.Form):
    """What to put on the list of protected assets."""

    kind = forms.ChoiceField(choices=ProtectedKind.choices, label="Protected as")
    target_kind = forms.ChoiceField(
        choices=[(one.value, one.label) for one in EntityKind if one != EntityKind.FILE], label="What"
    )
    match_by = forms.ChoiceField(
        choices=[(one.value, one.label) for one in MatchBy if one != MatchBy.ENTITY],
        label="Which", help_text="An address is for devices, a tag for devices and accounts.",
    )  # fmt: skip
    pattern = forms.CharField(
        max_length=255, label="Name, network or tag", help_text="dc-*, 10.0.0.0/24 or domain-controller, as in Which."
    )
    device_group_ids = forms.TypedMultipleChoiceField(
        coerce=int, required=False, widget=forms.CheckboxSelectMultiple, label="Only for these device groups"
    )
    note = forms.CharField(max_length=500, label="Why", help_text="Shown to whoever is refused.")

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        groups = DeviceGroup.objects.filter(retired=False).order_by("is_default", "rank")
        if not user.scope.everything:
            groups = groups.filter(pk__in=user.scope.group_ids)
        field: Any = self.fields["device_group_ids"]
        field.choices = [(str(group.pk), group.name) for group in groups]
        field.help_text = "None chosen: everywhere." if user.scope.everything else "None chosen: all of yours."


class ProtectThisForm(forms.Form):
    """Puts one known asset on the list."""

    kind = forms.ChoiceField(choices=ProtectedKind.choices, label="Protected as")
    note = forms.CharField(max_length=500, label="Why", help_text="Shown to whoever is refused.")


def deciders() -> QuerySet[User]:
    """People and service accounts whose roles let them decide."""
    held = User.objects.filter(is_active=True, roles__permissions__contains=[keys.DECIDE_RESPONSE])
    return held.order_by("display_name", "id").distinct()


class ApproverRuleForm(forms.Form):
    """Who decides on which actions in which group, and who when they do not."""

    device_group = forms.ModelChoiceField(
        DeviceGroup.objects.filter(retired=False),
        required=False,
        empty_label="Every device group",
        label="Device group",
    )
    what = forms.ChoiceField(label="Actions")
    approvers = forms.ModelMultipleChoiceField(User.objects.none(), widget=forms.CheckboxSelectMultiple)
    fallbacks = forms.ModelMultipleChoiceField(
        User.objects.none(), required=False, widget=forms.CheckboxSelectMultiple, label="Fallback approvers"
    )
    fallback_after_min = forms.IntegerField(
        min_value=1, max_value=1_440, initial=15, label="Fallback after (minutes)",
        help_text="From the request on; then the fallback approvers may decide too.",
    )  # fmt: skip
    note = forms.CharField(max_length=500, required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        risks = [(f"risk:{risk.value}", f"Every {risk.label.lower()} action") for risk in Risk]
        self.fields["what"].choices = [("", "Every action"), *risks, *_actions()]  # type: ignore[attr-defined]
        self.fields["what"].required = False
        for name in ("approvers", "fallbacks"):
            self.fields[name].queryset = deciders()  # type: ignore[attr-defined]

    @classmethod
    def of(cls, rule: ApproverRule, data: Any = None) -> "ApproverRuleForm":
        if not rule.pk:
            return cls(data)
        what = rule.action or (f"risk:{rule.risk}" if rule.risk else "")
        initial = {
            "device_group": rule.device_group_id, "what": what, "approvers": list(rule.approvers.all()),
            "fallbacks": list(rule.fallbacks.all()), "fallback_after_min": rule.fallback_after_min, "note": rule.note,
        }  # fmt: skip
        return cls(data, initial=initial)

    @property
    def wanted(self) -> dict[str, Any]:
        """What the service takes."""
        found = {name: value for name, value in self.cleaned_data.items() if name != "what"}
        what = self.cleaned_data["what"]
        risk = what.removeprefix("risk:") if what.startswith("risk:") else ""
        return {**found, "risk": risk, "action": "" if risk else what}


class RefusalFilterForm(forms.Form):
    """Which refusals are shown."""

    stage = forms.ChoiceField(required=False, choices=[("", "At any stage"), *Stage.choices])
    rule = forms.ChoiceField(required=False, choices=[("", "By any rule"), *LABELS.items()])
    action = forms.ChoiceField(required=False, label="Action")
    who = forms.CharField(required=False, max_length=120, widget=forms.TextInput(attrs={"placeholder": "Who: a name"}))
    target = forms.CharField(
        required=False, max_length=120, widget=forms.TextInput(attrs={"placeholder": "On what: a name"})
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["action"].choices = [("", "Any action"), *_actions()]  # type: ignore[attr-defined]


class WhyForm(forms.Form):
    """Who, what and on what. Whoever does not administer people asks about themselves."""

    person = forms.ModelChoiceField(User.objects.none(), label="Who")
    token = forms.ModelChoiceField(ApiToken.objects.none(), required=False, empty_label="In person", label="Through")
    action = forms.ChoiceField(label="Does what")
    target = forms.CharField(
        max_length=255, label="To what", help_text="The name of a device, account, mailbox or file."
    )

    def __init__(self, *args: Any, reader: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        everybody = reader.holds(keys.MANAGE_AUTHORIZATION) or reader.holds(keys.READ_AUDIT)
        people = User.objects.all() if everybody else User.objects.filter(pk=reader.pk)
        tokens = ApiToken.objects.filter(revoked_at=None, expires_at__gt=clock.real_now()).select_related("user")
        self.fields["person"].queryset = people.order_by("kind", "display_name", "id")  # type: ignore[attr-defined]
        chosen = self.data.get("person") or self.initial.get("person") or reader.pk
        known = str(chosen).isdecimal() and len(str(chosen)) < MOST_DIGITS
        mine = tokens.filter(user__in=people.filter(pk=chosen)) if known else tokens.none()
        self.fields["token"].queryset = mine  # type: ignore[attr-defined]
        self.fields["action"].choices = _actions()  # type: ignore[attr-defined]
        self.initial.setdefault("person", reader.pk)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        token, person = cleaned.get("token"), cleaned.get("person")
        if token is not None and person is not None and token.user_id != person.pk:
            self.add_error("token", "This token belongs to somebody else.")
        return cleaned
