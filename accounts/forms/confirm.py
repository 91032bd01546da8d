import json
from typing import Any

from allauth.mfa.models import Authenticator
from django import forms
from django.core.exceptions import ValidationError

from accounts.models import User
from accounts.services import factors
from accounts.services.passkeys import LONGEST


class ConfirmForm(forms.Form):
    """Proof that it is still the same person: a second factor of those who have one, else the password."""

    password = forms.CharField(
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password", "autofocus": True}),
        strip=False,
        max_length=200,
        required=False,
    )
    code = forms.CharField(
        max_length=40,
        required=False,
        help_text="Six digits of your authenticator app, or a recovery code.",
        widget=forms.TextInput(attrs={"autocomplete": "one-time-code", "autofocus": True, "spellcheck": "false"}),
    )
    answer = forms.CharField(max_length=LONGEST, required=False, widget=forms.HiddenInput)
    drafted = True  # no field is called optional: one of them is asked for

    def __init__(self, *args: Any, user: User, state: dict[str, Any] | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.user, self.state = user, state or {}
        self.factor: Authenticator | None = None
        kept = {"code", "answer"} if factors.has_factor(user) else {"password"} & _usable(user)
        self.fields = {name: field for name, field in self.fields.items() if name in kept}

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if not self.fields:
            raise ValidationError("You have no password here. Sign in again with your provider.")
        if "password" in self.fields:
            self._check_password(cleaned.get("password", ""))
        elif not self.errors:
            self._check_factor(cleaned)
        return cleaned

    def _check_password(self, password: str) -> None:
        if not self.user.check_password(password):
            self.add_error("password", "This is not your present password.")

    def _check_factor(self, cleaned: dict[str, Any]) -> None:
        if not cleaned.get("answer"):
            self.factor = factors.check_code(self.user, cleaned.get("code", ""))
            if self.factor is None:
                self.add_error("code", "This code does not fit, or was used before. Wait for the next one.")
            return
        try:
            self.factor = factors.use_passkey(self.user, json.loads(cleaned["answer"]), state=self.state)
        except ValueError:
            self.add_error(None, "The browser's answer could not be read.")
        except ValidationError as error:
            self.add_error(None, error)


def _usable(user: User) -> set[str]:
    """A person whom only a provider vouches for has no password here."""
    return {"password"} if user.has_usable_password() else set()
