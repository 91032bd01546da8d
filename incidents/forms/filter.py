"""The filters of the queue as a form."""

from collections.abc import Mapping
from typing import Any

from django import forms

from accounts.models import DeviceGroup, User
from incidents.enums import Category, Classification, ServiceState
from incidents.forms.fields import NOBODY, assignable, offer, owners_switched_off
from incidents.models import Incident
from incidents.queue import BANDS, SEVERITIES, STATUSES, WINDOWS
from incidents.wording import source_label


class FilterForm(forms.Form):
    """All filters of the queue. It is never validated: the address it makes is read like any other, and none of its
    fields has to be filled."""

    use_required_attribute = False

    status = forms.MultipleChoiceField(
        choices=[(s.value, str(s.label)) for s in STATUSES], widget=forms.CheckboxSelectMultiple
    )
    severity = forms.MultipleChoiceField(
        choices=[(s.value, str(s.label)) for s in SEVERITIES], widget=forms.CheckboxSelectMultiple
    )
    band = forms.MultipleChoiceField(
        label="Priority", choices=[(key, label) for key, (label, _q) in BANDS.items()],
        widget=forms.CheckboxSelectMultiple,
    )  # fmt: skip
    owner = forms.MultipleChoiceField(widget=forms.CheckboxSelectMultiple)
    classification = forms.MultipleChoiceField(choices=Classification.choices, widget=forms.CheckboxSelectMultiple)
    level = forms.MultipleChoiceField(
        label="Service level", choices=ServiceState.choices, widget=forms.CheckboxSelectMultiple
    )
    group = forms.MultipleChoiceField(label="Device group", widget=forms.CheckboxSelectMultiple)
    source = forms.MultipleChoiceField(widget=forms.CheckboxSelectMultiple)
    category = forms.MultipleChoiceField(choices=Category.choices, widget=forms.CheckboxSelectMultiple)
    window = forms.ChoiceField(label="Last activity", choices=[(key, label) for key, (label, _span) in WINDOWS.items()])
    name = forms.CharField(label="Name contains", max_length=200)
    entity = forms.CharField(label="Asset or address", max_length=200)
    tag = forms.CharField(max_length=80, widget=forms.TextInput({"list": "known-tags"}))
    since = forms.CharField(label="From (UTC)", widget=forms.DateTimeInput({"type": "datetime-local"}))
    until = forms.CharField(label="To (UTC)", widget=forms.DateTimeInput({"type": "datetime-local"}))

    @classmethod
    def for_user(cls, user: User, *, values: Mapping[str, list[str]]) -> "FilterForm":
        single = {"window", "name", "entity", "tag"}
        initial: dict[str, Any] = {key: found[0] if key in single else found for key, found in values.items()}
        initial.update(since=values.get("from", [""])[0], until=values.get("to", [""])[0])
        form = cls(initial={"window": "all", **initial})
        groups = DeviceGroup.objects.all() if user.scope.everything else user.device_groups.all()
        people = [(str(person.pk), str(person)) for person in assignable()[:40] if person.pk != user.pk]
        people += [(str(person.pk), person.name_and_state) for person in owners_switched_off(user)]
        sources = Incident.objects.visible_to(user).known_words("service_sources")
        offer(form, "owner", [("me", "Me"), (NOBODY, "Nobody"), *people])
        offer(form, "group", [(str(group.pk), group.name) for group in groups])
        offer(form, "source", [(value, source_label(value)) for value in sources])
        return form

    def add_prefix(self, field_name: str) -> str:
        """`from` is a word of Python, so these two fields have another name in the form than in the address."""
        return super().add_prefix({"since": "from", "until": "to"}.get(field_name, field_name))
