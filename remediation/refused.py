"""What policy says no to, in one error that pages and API both understand."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from remediation.models import ActionRun

# Code -> what it means. The API answers `conflict` with 409, `forbidden` with 403, everything else with 422.
CODES: dict[str, str] = {
    "conflict": "Another run is open on the same part of the target.",
    "forbidden": "A permission is missing.",
    "out_of_scope": "The target lies outside the device groups of the person.",
    "not_bound": "No connection is bound to the target, or more than one.",
    "unsupported": "The connection cannot do this to the target.",
    "unavailable": "The connection is switched off.",
    "same_person": "The person who asked may not decide.",
    "token_may_not_decide": "The service account's token was not made for deciding.",
    "already_decided": "Somebody has decided already.",
    "already_ended": "The run has ended.",
    "not_undoable": "The action cannot be undone.",
    "already_in_force": "Exactly this is in force there, and was seen.",
    "nothing_to_do": "Nothing is left to act on.",
    "cap_reached": "More targets than one action, or all within an hour, may touch.",
    "person_inactive": "The account of the person who asked or decided is switched off.",
    "seal_broken": "The decision on record does not fit its seal.",
    "expired": "The request was not decided in time.",
    "not_an_approver": "The approver rules name somebody else.",
    "protected": "The target is protected.",
    "held": "A person took it back, and nobody has lifted the hold.",
    "strict_four_eyes": "This always takes two people.",
    "not_so": "What would be written down is not what is seen.",
    "already_settled": "The emergency approval was ratified or rolled back already.",
}


class Refused(Exception):
    """Policy refused. `run` and `link` point at the open run of a conflict; `message` is for people. `rule` is the rule
    that said no, `inputs` what it looked at, `asked` what every rule before it was told."""

    def __init__(
        self,
        code: str,
        message: str,
        *,
        link: str | None = None,
        run: "ActionRun | None" = None,
        inputs: Mapping[str, Any] | None = None,
    ) -> None:
        if code not in CODES:
            raise LookupError(f"The refusal code {code!r} is not declared.")
        super().__init__(message)
        self.code, self.message, self.run = code, message, run
        self.inputs, self.rule = dict(inputs or {}), ""
        self.asked: list[dict[str, Any]] = []
        self.link = link or (f"/actions/{run.pk}/" if run is not None else None)
