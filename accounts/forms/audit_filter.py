from django import forms


class AuditFilterForm(forms.Form):
    """What of the audit log is shown. Times are in UTC, because the log is compared with other systems' logs."""

    actor = forms.CharField(required=False, max_length=120, label="Who")
    verb = forms.CharField(required=False, max_length=80, label="What", help_text="The beginning is enough: user.")
    subject = forms.CharField(required=False, max_length=80, label="On what", help_text="As in incident:42.")
    since = forms.DateTimeField(
        required=False, label="From (UTC)", widget=forms.DateTimeInput(attrs={"type": "datetime-local"})
    )
    until = forms.DateTimeField(
        required=False, label="Until (UTC)", widget=forms.DateTimeInput(attrs={"type": "datetime-local"})
    )
