import re
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.text import slugify

from accounts.models import SignInProvider


class Lines(forms.CharField):
    """One value a line."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(required=False, max_length=8000, widget=forms.Textarea(attrs={"rows": 3}), **kwargs)

    def clean(self, value: Any) -> list[str]:
        return [line.strip() for line in super().clean(value).splitlines() if line.strip()]

    def prepare_value(self, value: Any) -> Any:
        return "\n".join(value) if isinstance(value, list) else value


class ProviderForm(forms.Form):
    """An OpenID Connect provider. The secret is never shown again."""

    name = forms.CharField(max_length=60, help_text="On the button: Sign in with ...")
    issuer = forms.URLField(max_length=300, assume_scheme="https", help_text="As the provider calls itself.")
    client_id = forms.CharField(max_length=200, label="Client id")
    secret = forms.CharField(
        max_length=400,
        required=False,
        label="Client secret",
        strip=True,
        widget=forms.PasswordInput(attrs={"autocomplete": "off"}),
        help_text="Kept encrypted, never shown. Empty keeps the present one.",
    )
    scopes = forms.CharField(max_length=200, initial="openid profile email")
    group_roles = Lines(
        label="Roles by group",
        help_text="One a line: group = role key. These roles then come and go with the groups at every sign-in.",
    )
    groups_claim = forms.CharField(max_length=60, initial="groups", label="Claim with the groups")
    username_claim = forms.CharField(max_length=60, initial="preferred_username", label="Claim with the user name")
    name_claim = forms.CharField(max_length=60, initial="name", label="Claim with the name")
    email_claim = forms.CharField(max_length=60, initial="email", label="Claim with the address")
    allowed_domains = Lines(label="Only these mail domains", help_text="One a line; empty is any.")
    creates_people = forms.BooleanField(required=False, label="Make people who come for the first time")
    new_people_see_all = forms.BooleanField(required=False, label="New people see all device groups")
    links_by_email = forms.BooleanField(
        required=False,
        label="Link people by their verified address",
        help_text="Only for a provider that verifies addresses: it could otherwise come in as anybody.",
    )
    factor_values = Lines(
        label="Words for a second factor",
        help_text="Values of acr or amr that count as one, for example mfa. Empty: ours is asked for.",
    )
    enabled = forms.BooleanField(required=False, initial=True, label="On")
    reason = forms.CharField(max_length=500, required=False)

    @classmethod
    def of(cls, provider: SignInProvider, data: Any = None) -> "ProviderForm":
        shown = {name: getattr(provider, name) for name in cls.base_fields if name not in ("secret", "reason")}
        shown["group_roles"] = [f"{group} = {role}" for group, role in provider.group_roles.items()]
        return cls(data, initial=shown)

    def clean_group_roles(self) -> dict[str, str]:
        pairs = [
            re.fullmatch(r"(.{1,200}?)\s*=\s*([a-z0-9-]{1,40})", line) for line in self.cleaned_data["group_roles"]
        ]
        if not all(pairs):
            raise ValidationError("Each line is: group = role key.")
        return {pair[1]: pair[2] for pair in pairs if pair}

    def key(self) -> str:
        return str(slugify(self.cleaned_data["name"])[:40])
