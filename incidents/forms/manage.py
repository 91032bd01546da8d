"""Managing incidents and alerts, comments, restriction."""

from collections.abc import Sequence
from typing import Any

from django import forms

from accounts.enums import UserKind
from accounts.models import User
from incidents.enums import AlertStatus
from incidents.forms.fields import KEEP, NOBODY, offer, owner_field, spoken_for, tag_list, verdict_choices
from incidents.models import Alert, Incident
from incidents.models.comment import MAX_COMMENT
from incidents.queue import SEVERITIES, STATUSES
from incidents.services.changes import MAX_NAME, MAX_TEXT


class ManageForm(forms.Form):
    """Manages one incident, or with `many` the checked ones: then what is left empty stays as it is."""

    display_name = forms.CharField(label="Name", max_length=MAX_NAME)
    severity = forms.ChoiceField(label="Severity", required=False)
    assigned_to = owner_field()
    status = forms.ChoiceField(label="Status", required=False)
    resolving_comment = forms.CharField(
        label="Resolution note", required=False, max_length=MAX_TEXT, widget=forms.Textarea({"rows": 2}),
        help_text="Shown beside the resolve entry in Activities.",
    )  # fmt: skip
    verdict = forms.ChoiceField(label="Classification", required=False)
    tags = forms.MultipleChoiceField(label="Tags", required=False, widget=forms.CheckboxSelectMultiple)
    new_tags = forms.CharField(
        label="Add tags", required=False, max_length=400, help_text="Several with commas between.",
        widget=forms.TextInput({"list": "known-tags", "autocomplete": "off"}),
    )  # fmt: skip
    version = forms.IntegerField(required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, incidents: Sequence[Incident], **kwargs: Any) -> None:
        self.incidents, self.many = incidents, len(incidents) > 1
        super().__init__(*args, **kwargs)
        keep = [KEEP] if self.many else []
        for name in ("severity", "status", "verdict"):
            self.fields[name].required = not self.many
        auto = [("auto", "Automatic, the highest of its alerts")]
        offer(self, "severity", [*keep, *[(item.value, str(item.label)) for item in SEVERITIES[:-1]], *auto])
        offer(self, "status", [*keep, *[(item.value, str(item.label)) for item in STATUSES]])
        offer(self, "verdict", verdict_choices(KEEP if self.many else None))
        tags = sorted({tag for incident in incidents for tag in incident.custom_tags}, key=str.casefold)
        offer(self, "tags", [(tag, tag) for tag in tags])
        if self.many:
            del self.fields["display_name"], self.fields["version"]
            self.fields["tags"].label = "Keep tags"
            self.fields["assigned_to"].widget.attrs["placeholder"] = "No change; write nobody to take the owner away"
        if not tags:
            del self.fields["tags"]

    @staticmethod
    def current(incident: Incident) -> dict[str, Any]:
        """Where the form of one incident begins."""
        owner = incident.assigned_to
        return {
            "display_name": incident.display_name,
            "severity": incident.severity if incident.severity_source == "manual" else "auto",
            "assigned_to": spoken_for(owner) if owner else "",
            "status": incident.status,
            "resolving_comment": incident.resolving_comment,
            "verdict": f"{incident.classification}/{incident.determination}",
            "tags": incident.custom_tags,
            "version": incident.version,
        }

    def changes_of(self, incident: Incident) -> dict[str, Any]:
        """What `update_incident` is asked for; of many incidents only what was filled in."""
        data, changes = self.cleaned_data, {}
        if data.get("display_name") and data["display_name"] != incident.display_name:
            changes["display_name"] = data["display_name"]
        if data["severity"]:
            changes["severity"] = None if data["severity"] == "auto" else data["severity"]
        if data["status"]:
            changes["status"] = data["status"]
        if data["resolving_comment"] or not self.many:
            changes["resolving_comment"] = data["resolving_comment"]
        if data["verdict"]:
            changes["classification"], changes["determination"] = data["verdict"].split("/")
        if data["assigned_to"] or not self.many:
            owner = data["assigned_to"]
            changes["assigned_to"] = None if owner in (None, NOBODY) else owner
        kept = [tag for tag in incident.custom_tags if tag in data.get("tags", [])]
        changes["custom_tags"] = [*kept, *tag_list(data["new_tags"])]
        return changes


class ManageAlertForm(forms.Form):
    status = forms.ChoiceField(label="Status", choices=[c for c in AlertStatus.choices if c[0] != AlertStatus.UNKNOWN])
    assigned_to = owner_field()
    verdict = forms.ChoiceField(label="Classification", choices=verdict_choices)
    comment = forms.CharField(
        label="Comment", required=False, max_length=MAX_COMMENT, widget=forms.Textarea({"rows": 2}),
        help_text="Goes into the Activities of the incident.",
    )  # fmt: skip
    version = forms.IntegerField(required=False, widget=forms.HiddenInput)

    @staticmethod
    def current(alert: Alert) -> dict[str, Any]:
        return {
            "status": AlertStatus.NEW if alert.status == AlertStatus.UNKNOWN else alert.status,
            "assigned_to": spoken_for(alert.assigned_to) if alert.assigned_to else "",
            "verdict": f"{alert.classification}/{alert.determination}",
            "version": alert.version,
        }

    def changes(self) -> dict[str, Any]:
        data = self.cleaned_data
        classification, determination = data["verdict"].split("/")
        owner = data["assigned_to"]
        return {"status": data["status"], "assigned_to": None if owner in (None, NOBODY) else owner,
                "classification": classification, "determination": determination}  # fmt: skip


class CommentForm(forms.Form):
    text = forms.CharField(
        label="Comment", max_length=MAX_COMMENT, widget=forms.Textarea({"rows": 5, "autofocus": True}),
        help_text="Plain text, kept for good. Seen by everyone who can open the incident. @name tells a person.",
    )  # fmt: skip

    def __init__(self, *args: Any, people: str = "", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if people:
            listing = {"data-mentions": people, "aria-autocomplete": "list", "aria-haspopup": "listbox"}
            self.fields["text"].widget.attrs |= listing


class RestrictForm(forms.Form):
    people = forms.ModelMultipleChoiceField(
        label="People who may see it", queryset=User.objects.none(), widget=forms.CheckboxSelectMultiple,
        help_text="You stay among them. Name at least one more: if one of you leaves, the other can still open it.",
    )  # fmt: skip
    reason = forms.CharField(
        label="Reason", max_length=1000, widget=forms.Textarea({"rows": 2}), help_text="Goes into the audit log."
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        people: Any = self.fields["people"]
        people.queryset = User.objects.filter(is_active=True, kind=UserKind.PERSON)


class HoldForm(forms.Form):
    reason = forms.CharField(
        label="Reason", max_length=1000, widget=forms.Textarea({"rows": 2}), help_text="Goes into the audit log."
    )
    reference = forms.CharField(
        label="Reference", max_length=120, required=False, help_text="The file number of whoever asked for it."
    )


class ReasonForm(forms.Form):
    reason = forms.CharField(
        label="Reason", max_length=1000, widget=forms.Textarea({"rows": 2}), help_text="Goes into the audit log."
    )
