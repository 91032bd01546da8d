import json
from typing import Any

from django import forms

from accounts.services.passkeys import LONGEST


class CodeForm(forms.Form):
    """Six digits of an authenticator app, or a recovery code."""

    code = forms.CharField(
        max_length=40,
        widget=forms.TextInput(
            attrs={"autocomplete": "one-time-code", "autofocus": True, "spellcheck": "false", "autocapitalize": "none"}
        ),
        help_text="Six digits of your authenticator app, or one of your recovery codes.",
    )


class AppCodeForm(forms.Form):
    """The code that proves that an app has the secret."""

    code = forms.CharField(
        max_length=12,
        label="Code that the app shows",
        widget=forms.TextInput(attrs={"autocomplete": "one-time-code", "inputmode": "numeric", "autofocus": True}),
    )


class PasskeyForm(forms.Form):
    """What a browser answered; a script fills it in."""

    answer = forms.CharField(max_length=LONGEST, widget=forms.HiddenInput)

    def clean_answer(self) -> Any:
        try:
            return json.loads(self.cleaned_data["answer"])
        except ValueError:
            raise forms.ValidationError("The browser's answer could not be read.") from None


class NewPasskeyForm(PasskeyForm):
    """A new passkey under a name by which its person knows it again."""

    name = forms.CharField(
        max_length=80, initial="Passkey", help_text="Where it lies, for example: work laptop, key ring."
    )
    field_order = ("name", "answer")
