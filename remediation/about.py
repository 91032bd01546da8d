"""What a run is about, in words: of one part of an action on many, the whole's target and where the part is done."""

from remediation.catalog import registry
from remediation.catalog.action import Action
from remediation.models import ActionRun


def whole_of(run: ActionRun) -> ActionRun | None:
    """Of one part of an action on many, or of what takes the part back, the run on the whole's target; else none."""
    kind = registry.get(run.action).target_kind
    if run.target_kind == kind:
        return None
    above: ActionRun | None = run
    while above is not None and above.target_kind != kind:
        above = above.parent or above.undoes
    return above


def about(run: ActionRun) -> str:
    """`FIN-WS-014`, or `dropper.exe on FIN-WS-014`."""
    whole = whole_of(run)
    return f"{whole.target_name} on {run.target_name}" if whole else run.target_name


def happens(run: ActionRun, action: Action | None = None, *, unless: str = "") -> str:
    """What the run does, or what `action` does to the same; of a part that it happens there alone."""
    does, whole = action or registry.get(run.action), whole_of(run)
    own = {} if action else run.arguments
    told = does.sentences(target=(whole or run).target_name, arguments=own)
    return " ".join((told[0], f"This happens on {run.target_name} alone{unless}.") if whole else told)
