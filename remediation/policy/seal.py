"""The seal of a run: that it is what was asked for, and that the decision was made through the portal."""

import hashlib
import json

from accounts.services.seal import seal_decision, seal_fits
from remediation.models import ActionRun
from remediation.refused import Refused

# A decision of one person alone is another decision: a row cannot be made one by changing who asked.
ALONE = " alone"


def check_seal(run: ActionRun) -> None:
    """The row must be what was asked for and what was decided on."""
    if digest_of(run) != run.argument_digest:
        raise Refused("seal_broken", "The target or the arguments of the run were changed after it was asked for.")
    if not seal_fits(
        run.decision_seal,
        run_id=run.pk,
        digest=run.argument_digest,
        person_id=sealed_person(run),
        decision=_sealed_word(run),
    ):
        raise Refused("seal_broken", "The decision on record was not made through the portal.")


def seal_of(run: ActionRun) -> str:
    return seal_decision(
        run_id=run.pk, digest=run.argument_digest, person_id=sealed_person(run), decision=_sealed_word(run)
    )


def sealed_person(run: ActionRun) -> int | None:
    """Whose decision it was: the decider's, or the requester's when none was needed."""
    person = run.decided_by.get("person_id") if run.decided_by else run.requester_id
    return int(person) if person else None


def _sealed_word(run: ActionRun) -> str:
    return run.decision + ALONE if run.emergency else run.decision


def digest_of(run: ActionRun) -> str:
    """SHA-256 over everything that says what will be done to what."""
    told = [
        run.action,
        run.target_kind,
        run.target_id,
        run.facet,
        run.facet_key,
        run.arguments,
        run.connection_id,
        run.remote_id,
        run.parent_id,
        run.undoes_id,
    ]
    return hashlib.sha256(json.dumps(told, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
