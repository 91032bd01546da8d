"""What people type to have a file analysed."""

import base64
import binascii
from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from remediation.api.analysis_shapes import MAX_UPLOAD
from remediation.forms import ReasonForm

_TEXT = {"class": "input"}


class SubmitForm(ReasonForm):
    """Submit a file that the portal knows."""


class UploadForm(forms.Form):
    """A copy of a file. The browser reads it into `content`, because no page takes an upload."""

    name = forms.CharField(label="Name", max_length=255, widget=forms.TextInput(attrs=_TEXT))
    content = forms.CharField(max_length=MAX_UPLOAD * 4 // 3 + 8, widget=forms.HiddenInput(attrs={"id": "id_content"}))
    reason = forms.CharField(
        max_length=2_000, widget=forms.Textarea(attrs={"rows": 3, **_TEXT}), help_text="Kept with the report."
    )

    def clean_content(self) -> bytes:
        try:
            content = base64.b64decode(self.cleaned_data["content"], validate=True)
        except (binascii.Error, ValueError):
            raise ValidationError("Choose a file.") from None
        if len(content) > MAX_UPLOAD:
            raise ValidationError("The file is larger than 15 MiB.")
        return content

    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        if "content" in self.errors and "content" not in given:
            self.add_error(None, "Choose a file of 1 byte to 15 MiB.")
        return given
