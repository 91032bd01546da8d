"""What was chosen when a run was asked for, as pages and dialogs say it."""

from typing import Any

from accounts.models import User
from incidents.enums import EntityKind
from remediation.catalog import registry
from remediation.catalog.action import Parameter
from remediation.models import ActionRun, QuarantinedItem
from remediation.services.frozen import reach_of, warnings_of


def chosen(run: ActionRun, user: User) -> list[tuple[str, str]]:
    """`[("Isolation type", "Selective"), ...]`."""
    given = [one for one in registry.get(run.action).parameters if run.arguments.get(one.name)]
    return [(one.label, _in_words(one, run, user)) for one in given]


def to_decide_on(run: ActionRun, user: User) -> dict[str, Any]:
    """For the dialog of whoever decides: what was chosen, on how many, and what they should know."""
    return {"facts": chosen(run, user), "reach": reach_of(run, user), "warnings": warnings_of(run)}


def _in_words(parameter: Parameter, run: ActionRun, user: User) -> str:
    value = run.arguments[parameter.name]
    choice = parameter.choice(value)
    if choice is not None:
        return choice.label
    return _copy(run, value, user) if parameter.listed and run.target_kind == EntityKind.FILE else value


def _copy(run: ActionRun, number: str, user: User) -> str:
    """Where the copy lies that this number means."""
    held = QuarantinedItem.objects.visible_to(user).filter(file=run.target_id, pk=number).select_related("device")
    return next((f"{one.device}: {one.path}" for one in held), number)
