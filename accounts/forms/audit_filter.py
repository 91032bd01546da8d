from django import forms


def _box(placeholder: str) -> forms.TextInput:
    return forms.TextInput(attrs={"placeholder": placeholder, "spellcheck": "false"})


class AuditFilterForm(forms.Form):
    """What of the audit log is shown. Times are in UTC, because the log is compared with other systems' logs."""

    actor = forms.CharField(required=False, max_length=120, label="Who", widget=_box("Who"))
    verb = forms.CharField(required=False, max_length=80, label="What", widget=_box("What, as in user.signed"))
    subject = forms.CharField(required=False, max_length=80, label="On what", widget=_box("On what, as in incident:42"))
    since = forms.DateTimeField(
        required=False, label="From (UTC)", widget=forms.DateTimeInput(attrs={"type": "datetime-local"})
    )
    until = forms.DateTimeField(
        required=False, label="Until (UTC)", widget=forms.DateTimeInput(attrs={"type": "datetime-local"})
    )
