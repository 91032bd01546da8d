"""What people type about indicators."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from accounts.models import DeviceGroup, User
from core import clock
from incidents.enums import Severity
from incidents.models import Incident
from remediation.certificates import LONGEST
from remediation.enums import IndicatorAction, IndicatorType
from remediation.forms import incident_field
from remediation.models import Indicator
from remediation.services.import_indicators import MOST_BYTES

_KEEP = "keep"
_EXPIRY = (("1", "In 1 day"), ("7", "In 7 days"), ("30", "In 30 days"), ("90", "In 90 days"), ("", "Never"))
_SEVERITIES = [(one.value, one.label) for one in Severity if one != Severity.UNKNOWN]
FIELDS_OF_THE_PAGE = (
    "type", "value", "action", "title", "severity", "expires", "incident", "reason", "generate_alert", "description",
    "recommended_actions", "groups",
)  # fmt: skip


class IndicatorForm(forms.Form):
    """All fields of an indicator, or with `indicator` those that may change."""

    type = forms.ChoiceField(choices=IndicatorType.choices, widget=forms.Select(attrs={"class": "input"}))
    value = forms.CharField(
        max_length=2_000,
        widget=forms.TextInput(attrs={"class": "input", "spellcheck": "false", "autocomplete": "off"}),
        help_text="A hash, one public address, a domain (its subdomains are covered), a URL or a thumbprint.",
    )
    action = forms.ChoiceField(choices=IndicatorAction.choices, widget=forms.Select(attrs={"class": "input"}))
    title = forms.CharField(max_length=200, widget=forms.TextInput(attrs={"class": "input"}))
    severity = forms.ChoiceField(choices=_SEVERITIES, initial="medium", widget=forms.Select(attrs={"class": "input"}))
    expires = forms.ChoiceField(
        choices=_EXPIRY, initial="90", required=False, widget=forms.Select(attrs={"class": "input"}), label="Ends"
    )
    generate_alert = forms.BooleanField(required=False, label="Raise an alert when it is seen")
    description = forms.CharField(
        max_length=4_000, required=False, widget=forms.Textarea(attrs={"rows": 2, "class": "input"})
    )
    recommended_actions = forms.CharField(
        max_length=4_000, required=False, widget=forms.Textarea(attrs={"rows": 2, "class": "input"})
    )
    reason = forms.CharField(
        max_length=2_000,
        widget=forms.Textarea(attrs={"rows": 2, "class": "input"}),
        help_text="Kept with the indicator and in the audit log.",
    )

    def __init__(
        self, *args: Any, user: User, indicator: Indicator | None = None, incidents: Sequence[Incident] = (),
        **kwargs: Any,
    ) -> None:  # fmt: skip
        super().__init__(*args, **kwargs)
        self.indicator = indicator
        if incidents:
            only = str(incidents[0].pk) if len(incidents) == 1 else ""
            self.fields["incident"] = incident_field(incidents, chosen=only, what="indicator")
        groups = DeviceGroup.objects.filter(retired=False).order_by("is_default", "rank")
        if not user.scope.everything:
            groups = groups.filter(pk__in=user.scope.group_ids)
        self.fields["groups"] = forms.MultipleChoiceField(
            choices=[(str(group.pk), group.name) for group in groups],
            required=False,
            widget=forms.CheckboxSelectMultiple,
            label="Only for these device groups",
            help_text="None chosen: all devices.",
        )
        self.order_fields([*FIELDS_OF_THE_PAGE])
        if indicator is not None:
            self._be_about(indicator)
        elif not self.initial.get("value"):
            self.fields["value"].widget.attrs["autofocus"] = True

    def _be_about(self, indicator: Indicator) -> None:
        del self.fields["type"], self.fields["value"]
        kept = "Unchanged" if indicator.expires_at else "Unchanged: never"
        self.fields["expires"] = forms.ChoiceField(
            choices=[(_KEEP, kept), *_EXPIRY],
            initial=_KEEP,
            required=False,
            widget=forms.Select(attrs={"class": "input"}),
            label="Ends",
        )
        self.order_fields([*FIELDS_OF_THE_PAGE])
        names = ("action", "title", "severity", "generate_alert", "description", "recommended_actions")
        self.initial.update({name: getattr(indicator, name) for name in names})
        self.initial["groups"] = [str(pk) for pk in indicator.device_group_ids]

    def wanted(self) -> dict[str, Any]:
        """The fields as the service takes them."""
        cleaned = self.cleaned_data
        names = ("type", "value", "action", "title", "severity", "generate_alert", "description", "recommended_actions")
        wanted = {name: cleaned[name] for name in names if name in cleaned}
        expires = cleaned["expires"]
        if expires != _KEEP:
            wanted["expires_at"] = _after(expires)
        return {**wanted, "device_group_ids": [int(pk) for pk in cleaned["groups"]]}

    def tell(self, error: ValidationError) -> None:
        """Put what the service refused beside its field."""
        names = {"expires_at": "expires", "device_group_ids": "groups"}
        told = error.message_dict if hasattr(error, "error_dict") else {"": error.messages}
        for name, messages in told.items():
            field = names.get(name, name)
            self.add_error(field if field in self.fields else None, messages)


class ImportForm(forms.Form):
    """The text of the file, and why. It is sent back with the second step, so nothing is kept in between."""

    text = forms.CharField(
        label="CSV",
        max_length=MOST_BYTES,
        strip=False,
        widget=forms.Textarea(attrs={"rows": 6, "class": "input mono", "spellcheck": "false", "data-file-text": True}),
        help_text="The first line names the columns. At most 500 rows.",
    )
    reason = forms.CharField(
        max_length=2_000,
        widget=forms.Textarea(attrs={"rows": 2, "class": "input"}),
        help_text="Kept with each indicator and in the audit log.",
    )


class CertificateForm(forms.Form):
    """One certificate as text; a file is read into it in the browser, because no page takes an upload."""

    text = forms.CharField(
        label="Certificate",
        max_length=2 * LONGEST,
        strip=False,
        widget=forms.Textarea(attrs={"rows": 8, "class": "input mono", "spellcheck": "false", "data-file-text": True}),
        help_text="Begins with -----BEGIN CERTIFICATE-----. Of several the first is read. Nothing of it is kept.",
    )


class WhichForm(forms.Form):
    """What somebody wants to know the winner of."""

    value = forms.CharField(
        max_length=2_000,
        widget=forms.TextInput(attrs={"class": "input", "spellcheck": "false", "autocomplete": "off"}),
        help_text="A hash, address, domain or URL.",
    )

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        groups = DeviceGroup.objects.filter(retired=False).order_by("is_default", "rank")
        if not user.scope.everything:
            groups = groups.filter(pk__in=user.scope.group_ids)
        self.fields["group"] = forms.ChoiceField(
            choices=[("", "Any group"), *((str(one.pk), one.name) for one in groups)],
            required=False,
            label="On a device of",
            widget=forms.Select(attrs={"class": "input"}),
        )


def _after(days: str) -> datetime | None:
    return clock.now() + timedelta(days=int(days)) if days else None
