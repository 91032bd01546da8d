"""Keeping the filters of the queue under a name."""

from django import forms

from incidents.models.saved_filter import MAX_FILTER_NAME, MAX_QUERY


class SaveFiltersForm(forms.Form):
    name = forms.CharField(
        max_length=MAX_FILTER_NAME, widget=forms.TextInput({"autocomplete": "off", "list": "own-sets"}),
        help_text="A name that you have already is written over.",
    )  # fmt: skip
    is_default = forms.BooleanField(label="Open the queue with these filters", required=False)
    query = forms.CharField(max_length=MAX_QUERY, required=False, widget=forms.HiddenInput)
