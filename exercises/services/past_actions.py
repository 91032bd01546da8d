"""What the team of the past did to machines, accounts and mailboxes: asked, approved, carried out, verified."""

from datetime import datetime, timedelta
from random import Random

from accounts.models import User
from connectors.kinds.simulator.world import set_behaviour
from core import clock
from exercises.company import COMPANY
from exercises.history.story import Deed, Step
from incidents.models import Device, File, Identity, Incident, Mailbox
from remediation.enums import Decision
from remediation.models import ActionRun
from remediation.policy import Target
from remediation.services.carry_out import carry_out
from remediation.services.decide import approve_run, reject_run
from remediation.services.request import request_action
from remediation.services.undo import undo_run

# When the simulated company is looked at again after an order: it has started, it has ended.
_LOOKS = (timedelta(seconds=1), timedelta(seconds=4))


def act(
    step: Step, *, incident: Incident | None, at: datetime, analyst: User, responder: User, rng: Random
) -> ActionRun:
    """Ask at `at`, approve some minutes later, carry out and verify. Now and then the first request is rejected, and
    now and then a machine cannot do what it is told."""
    run = ask(step, incident=incident, at=at, analyst=analyst)
    if run.decision == Decision.PENDING and rng.random() < _REJECTED:
        at += timedelta(minutes=rng.uniform(2, 6))
        with clock.at(at):
            reject_run(run, actor=responder.actor, user=responder, comment=rng.choice(_WORDS_OF_REJECTION))
        at += timedelta(minutes=rng.uniform(2, 6))
        run = ask(step, incident=incident, at=at, analyst=analyst)
    if step.deed == Deed.SCAN and rng.random() < _CANNOT_SCAN:
        return _fail(run, step, at=at)
    return _decide_and_carry_out(run, at=at, responder=responder, rng=rng)


def ask(step: Step, *, incident: Incident | None, at: datetime, analyst: User) -> ActionRun:
    arguments = {"message_id": step.letter.message_id} if step.letter else {}
    with clock.at(at):
        return request_action(
            step.deed.value, target=target_of(step), arguments=arguments, comment=step.why, actor=analyst.actor,
            user=analyst, incident=incident,
        )  # fmt: skip


def _fail(run: ActionRun, step: Step, *, at: datetime) -> ActionRun:
    """The machine refuses this one order."""
    connection, machine = run.connection, COMPANY.machine(step.target).dns_name
    if connection is None:
        raise ValueError(f"{run} is aimed at many machines; only one can refuse it.")
    set_behaviour(connection, "device", machine, refuses="The signatures on the device are older than 7 days.")
    for pause in (timedelta(seconds=1), *_LOOKS):
        at += pause
        with clock.at(at):
            run = carry_out(run)
    set_behaviour(connection, "device", machine, refuses="")
    return run


def take_back(run: ActionRun, *, why: str, at: datetime, analyst: User, responder: User, rng: Random) -> ActionRun:
    """Undo an earlier run, by a run of its own."""
    with clock.at(at):
        second = undo_run(run, actor=analyst.actor, user=analyst, comment=why)
    return _decide_and_carry_out(second, at=at, responder=responder, rng=rng)


def target_of(step: Step) -> Target:
    if step.deed == Deed.QUARANTINE:
        return File.objects.get(key=f"sha256:{step.sha256}")
    if step.deed == Deed.DISABLE:
        return Identity.objects.get(key=COMPANY.account(step.target).upn)
    if step.deed == Deed.DELETE_MESSAGE:
        return Mailbox.objects.get(key=step.target)
    return Device.objects.get(key=COMPANY.machine(step.target).dns_name)


def _decide_and_carry_out(run: ActionRun, *, at: datetime, responder: User, rng: Random) -> ActionRun:
    moment = at
    if run.decision == Decision.PENDING:
        moment = at + timedelta(minutes=min(15.0, 1 + 5 * rng.lognormvariate(0, 0.8)))
        with clock.at(moment):
            run = approve_run(run, actor=responder.actor, user=responder, comment=rng.choice(_WORDS_OF_APPROVAL))
    for pause in (timedelta(seconds=rng.uniform(0.5, 2)), *_LOOKS):
        moment += pause
        with clock.at(moment):
            run = carry_out(run)
    return run


_REJECTED, _CANNOT_SCAN = 0.08, 0.25
_WORDS_OF_REJECTION = ("Ask the person first.", "Wait until the shift has changed.", "Say which alert shows this.")
_WORDS_OF_APPROVAL = (
    "Agreed.", "Confirmed by telephone with the person.", "The evidence is clear.", "Agreed; tell the service desk.",
)  # fmt: skip
