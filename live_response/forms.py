"""What people fill in."""

from typing import Any

from django import forms

from accounts.models import DeviceGroup, User
from core.models import Blob
from incidents.models import Incident
from live_response.services.fleet import ASKABLE
from live_response.services.library import content_of_ticket
from remediation.forms import incident_field

_TEXT = {"class": "input"}


def _reason(help_text: str) -> forms.CharField:
    return forms.CharField(
        label="Reason", max_length=4_000, widget=forms.Textarea(attrs={"rows": 2, "class": "input"}),
        help_text=help_text,
    )  # fmt: skip


class OpenForm(forms.Form):
    """Why, and for which of the incidents that name the device: the first of them unless the person says otherwise."""

    def __init__(self, *args: Any, incidents: list[Incident], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if incidents:
            self.fields["incident"] = incident_field(incidents, what="session")
        self.fields["reason"] = _reason("Kept with the session and in the audit log.")


class DecideForm(forms.Form):
    """The other person's decision on a raw shell."""

    comment = forms.CharField(
        label="Comment", max_length=4_000, widget=forms.Textarea(attrs={"rows": 2, "class": "input"}),
        help_text="Kept in the audit log and in the recording.",
    )  # fmt: skip


class FetchForm(forms.Form):
    """A file from a device may be malicious: it is handed out as an encrypted zip."""

    password = forms.CharField(
        label="Password of the zip", min_length=8, max_length=100, strip=False,
        widget=forms.PasswordInput(attrs={**_TEXT, "autocomplete": "new-password"}),
        help_text="The file comes as an AES-encrypted zip, so that nothing opens it by accident.",
    )  # fmt: skip
    reason = _reason("Kept in the audit log: the file may hold personal data.")


class LibraryForm(forms.Form):
    """A file of the library. Its content was sent before; `content` is the ticket for it."""

    name = forms.CharField(
        label="Name", max_length=100, widget=forms.TextInput(attrs=_TEXT), help_text="Letters, digits, dot, - and _."
    )
    content = forms.CharField(
        max_length=200, widget=forms.HiddenInput(attrs={"id": "id_content"}),
        error_messages={"required": "Choose a file, and wait until it has arrived."},
    )  # fmt: skip
    description = forms.CharField(
        label="Description", max_length=2_000, required=False, widget=forms.Textarea(attrs={"rows": 2, **_TEXT})
    )
    parameters = forms.CharField(
        label="Parameters", max_length=2_000, required=False, widget=forms.TextInput(attrs=_TEXT),
        help_text="What a script may be given; empty when it takes nothing.",
    )  # fmt: skip
    overwrite = forms.BooleanField(label="Replace the file of this name", required=False)

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._user = user

    def clean_content(self) -> Blob:
        return content_of_ticket(self.cleaned_data["content"], user=self._user)

    def clean(self) -> dict[str, Any] | None:
        """What is wrong with the hidden ticket stands above the form."""
        for message in self.errors.pop("content", []):
            self.add_error(None, str(message))
        return super().clean()


class QuestionForm(forms.Form):
    """One question to many devices: a group, or the devices that were named."""

    line = forms.CharField(
        label="Question", max_length=2_000, widget=forms.TextInput(attrs={**_TEXT, "spellcheck": "false"}),
        help_text=f"One of {', '.join(ASKABLE)}, with its parameters.",
    )  # fmt: skip

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        groups = DeviceGroup.objects.all() if user.scope.everything else user.device_groups.all()
        named = [("", "All devices with an agent"), *((str(group.pk), group.name) for group in groups)]
        self.fields["group"] = forms.ChoiceField(
            label="Device group", choices=named, required=False, widget=forms.Select(attrs=_TEXT)
        )
        self.fields["reason"] = _reason("Kept with the answers and in the audit log.")
