"""Lifting a hold, so that what is automatic may act on a facet again."""

from dataclasses import replace

from django.db import transaction

from accounts import keys
from accounts.models import User
from core import audit, clock
from core.actors import Actor, ActorKind
from remediation import policy
from remediation.lifecycle import announce_run
from remediation.models import ActionRun, Hold
from remediation.policy.targets import MODELS
from remediation.refused import Refused
from remediation.services.request import clean_comment


def lift_hold(hold: Hold, *, actor: Actor, user: User, comment: str) -> Hold:
    """Let automation act on the facet again; a person's act. Raises `Refused` and `ValidationError`."""
    reason = clean_comment(comment)
    frozen = replace(actor, person_id=user.pk)
    check_may_lift(hold, actor=actor, user=user)
    with transaction.atomic():
        locked = Hold.objects.select_for_update().get(pk=hold.pk)
        if locked.lifted_at is not None:
            raise Refused("already_ended", "The hold was lifted already.")
        locked.lifted_at, locked.lifted_by, locked.lifted_reason = clock.now(), frozen.as_json(), reason
        locked.save(update_fields=["lifted_at", "lifted_by", "lifted_reason"])
        run = ActionRun.objects.filter(pk=locked.run_id).first()
        thread = run.thread if run else f"{locked.target_kind}:{locked.target_id}"
        data = {"target": f"{locked.target_kind}:{locked.target_id}", "facet": locked.facet}
        audit.record("hold.lifted", subject=f"hold:{locked.pk}", thread=thread, actor=frozen, reason=reason, data=data)
        if run is not None:
            announce_run(run)
    return locked


def check_may_lift(hold: Hold, *, actor: Actor, user: User) -> None:
    """Raises `Refused` when this person may not lift it."""
    if actor.kind != ActorKind.PERSON:
        raise Refused("forbidden", "Only a person lifts a hold; a token never does.")
    policy.check_permissions(user, (keys.DECIDE_RESPONSE,), to_do="lift a hold")
    target = MODELS[hold.target_kind]._default_manager.filter(pk=hold.target_id).first()
    if target is not None:
        policy.check_target_in_scope(user, target, to_do="lift a hold")
