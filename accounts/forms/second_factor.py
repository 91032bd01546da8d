from django import forms


class DemandForm(forms.Form):
    """Whether a role asks its people for a second factor, and how long they have to set it up."""

    needed = forms.BooleanField(required=False, label="People of this role need a second factor")
    grace_days = forms.IntegerField(
        min_value=0,
        max_value=90,
        label="Days to set one up",
        help_text="From when it is first asked of somebody. 0: at once. Until then every sign-in reminds them.",
    )
    reason = forms.CharField(max_length=500, widget=forms.Textarea(attrs={"rows": 2}))
