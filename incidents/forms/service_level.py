"""Why the clocks of a service level stand still."""

from django import forms

from incidents.enums import PauseReason

MAX_NOTE = 1000


class PauseForm(forms.Form):
    reason = forms.ChoiceField(choices=PauseReason.choices, widget=forms.Select({"class": "input"}))
    note = forms.CharField(
        max_length=MAX_NOTE, required=False, label="For whom, for what", widget=forms.Textarea({"rows": 3})
    )


class ResumeForm(forms.Form):
    note = forms.CharField(max_length=MAX_NOTE, required=False, label="What came", widget=forms.Textarea({"rows": 3}))
