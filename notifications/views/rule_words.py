"""Rules in words: one line in a list, all of it before saving and in the pane."""

from typing import Any

from django.http import QueryDict

from notifications import vocabulary
from notifications.enums import ActionOutcome, ActionSource, RuleKind
from notifications.forms import RuleForm, threshold_of
from notifications.models import Rule
from notifications.services.match import EVERY

_SAID = {"high": "High only", "medium": "Medium and above", "low": "Low and above", "all": "whatever severity",
         "never": "never"}  # fmt: skip
Facts = list[tuple[str, str]]


def hidden_fields(sent: QueryDict) -> list[tuple[str, str]]:
    """What was filled in, to be sent again with the word that saves it."""
    without = {"csrfmiddlewaretoken", "save", "change"}
    return [(name, value) for name, values in sent.lists() if name not in without for value in values]


def line_of(rule: Rule) -> str:
    if rule.kind == RuleKind.INCIDENT:
        return f"Incidents: {_SAID[threshold_of(rule.severities.get(EVERY, []))]}"
    outcomes = ", ".join(ActionOutcome(one).label.lower() for one in rule.outcomes)
    return f"{len(rule.actions) or 'All'} actions: {outcomes}"


def facts_of(source: Rule | RuleForm) -> Facts:
    """Everything a rule says, of a saved one or of a form that was filled in."""
    values = _of_form(source) if isinstance(source, RuleForm) else _of_rule(source)
    rows: Facts = [("Name", values["name"]), ("Description", values["description"])]
    rows += _incident_facts(values) if values["kind"] == RuleKind.INCIDENT else _action_facts(values)
    rows.append(("Device groups", ", ".join(values["groups"]) or "All, also those made later"))
    rows.append(("Says", _says(values)))
    rows.append(("Tells", ", ".join(values["told"])))
    return [(name, value) for name, value in rows if value]


def _says(values: dict[str, Any]) -> str:
    parts = ["the organisation"] if values["include_organisation"] and not values["personal"] else []
    return ", ".join([*parts, *(["a link"] if values["include_link"] else ["no link"])])


def _incident_facts(values: dict[str, Any]) -> Facts:
    own = [f"{source}: {_SAID[threshold_of(held)]}" for source, held in values["severities"].items() if source != EVERY]
    return [
        ("Severity", _SAID[threshold_of(values["severities"].get(EVERY, []))]),
        ("Sources of their own", "; ".join(own)),
        ("Tags", ", ".join(values["tags"]) or "Any"),
        ("How often", "Once per incident" if values["once"] else "When it is new, becomes High or is reopened"),
    ]


def _action_facts(values: dict[str, Any]) -> Facts:
    labels = dict(vocabulary.choices("actions"))
    return [
        ("Asked for", str(ActionSource(values["action_source"]).label)),
        ("Actions", ", ".join(labels.get(key, key) for key in values["actions"]) or "All"),
        ("When", ", ".join(str(ActionOutcome(one).label) for one in values["outcomes"])),
    ]


def _of_rule(rule: Rule) -> dict[str, Any]:
    told = [str(rule.author)] if rule.personal else [str(one) for one in rule.recipients.all()]
    names = ("name", "description", "kind", "personal", "severities", "tags", "once", "action_source", "actions",
             "outcomes", "include_organisation", "include_link")  # fmt: skip
    groups = [] if rule.all_groups else [group.name for group in rule.device_groups.all()]
    return {**{name: getattr(rule, name) for name in names}, "groups": groups, "told": told}


def _of_form(form: RuleForm) -> dict[str, Any]:
    data = form.cleaned_data
    told = [str(form.author)] if form.personal else [
        str(one) for name in ("people", "addresses", "endpoints") for one in data[name]
    ]  # fmt: skip
    groups = [] if data["all_groups"] else [group.name for group in data["device_groups"]]
    return {"include_organisation": False, **form.values(), "kind": form.kind, "personal": form.personal,
            "groups": groups, "told": told}  # fmt: skip
