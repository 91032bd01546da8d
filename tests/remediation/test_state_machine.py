"""Whatever people, workers and the remote side do in whatever order, these truths hold."""

from collections import Counter
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import transaction
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from accounts.models import User
from accounts.services.seal import seal_fits
from connectors.kinds.simulator import world
from connectors.models import Delivery
from connectors.services.step import step_delivery
from core import clock, outbox
from incidents.models import Device
from remediation import policy
from remediation.enums import OPEN_STATUSES
from remediation.models import ActionRun
from remediation.refused import Refused
from remediation.services.cancel import cancel_run
from remediation.services.decide import approve_run, reject_run, withdraw_run
from remediation.services.execute import advance_run
from remediation.services.expire import expire_due
from remediation.services.request import request_action
from remediation.services.undo import undo_run
from tests.factories.people import person
from tests.factories.remediation import company

SITUATIONS: list[dict[str, object]] = [
    {},
    {"offline": True},
    {"offline": False},
    {"unavailable": 1},
    {"loses_answers": 1},
    {"refuses": "No."},
    {"refuses": ""},
    {"lies": True},
    {"lies": False},
    {"half_fails": True},
    {"half_fails": False},
    {"hangs": True},
    {"hangs": False},
    {"unobservable": True},
    {"unobservable": False},
    {"start_after_s": 30, "finish_after_s": 60},
    {"start_after_s": 0, "finish_after_s": 0},
]
ACTIONS = ["device.isolate", "device.release", "device.antivirus_scan"]
picks = st.integers(min_value=0, max_value=99)


class ActionMachine(RuleBasedStateMachine):
    """Each example runs in a transaction that is rolled back."""

    def __init__(self) -> None:
        super().__init__()
        self._transaction = transaction.atomic()
        self._transaction.__enter__()
        self.place = company()
        self.devices: list[Device] = [self.place.device() for _ in range(2)]
        self.people: list[User] = [person("an", "analyst"), person("re", "responder"), person("ro", "responder")]
        self.passed = timedelta()
        self.ended: dict[int, str] = {}

    def teardown(self) -> None:
        transaction.set_rollback(True)
        self._transaction.__exit__(None, None, None)

    def _allowed(self, deed: Callable[[], object]) -> None:
        with clock.at(clock.real_now() + self.passed):
            try:
                deed()
            except Refused:
                return

    def _run(self, pick: int) -> ActionRun | None:
        runs = list(ActionRun.objects.order_by("-id")[:6])
        return runs[pick % len(runs)] if runs else None

    @initialize()
    def begin(self) -> None:
        """Something is under way from the start."""
        self.ask(0, 0, 0)
        self.decide(0, 1, True)

    @rule(device=picks, who=picks, what=picks)
    def ask(self, device: int, who: int, what: int) -> None:
        user = self.people[who % 3]
        target = self.devices[device % 2]
        self._allowed(
            lambda: request_action(ACTIONS[what % 3], target=target, comment="why", actor=user.actor, user=user)
        )

    @rule(pick=picks, who=picks, yes=st.booleans())
    def decide(self, pick: int, who: int, yes: bool) -> None:
        run, user = self._run(pick), self.people[who % 3]
        if run is not None and yes:
            self._allowed(lambda: approve_run(run, actor=user.actor, user=user))
        elif run is not None:
            self._allowed(lambda: reject_run(run, actor=user.actor, user=user, comment="no"))

    @rule(pick=picks, who=picks, how=st.sampled_from(["withdraw", "cancel", "undo"]))
    def stop(self, pick: int, who: int, how: str) -> None:
        run, user = self._run(pick), self.people[who % 3]
        deeds: dict[str, Callable[[ActionRun], object]] = {
            "withdraw": lambda one: withdraw_run(one, actor=user.actor, user=user),
            "cancel": lambda one: cancel_run(one, actor=user.actor, user=user),
            "undo": lambda one: undo_run(one, actor=user.actor, user=user, comment="back"),
        }
        if run is not None:
            self._allowed(lambda: deeds[how](run))

    @rule(device=picks, situation=st.sampled_from(SITUATIONS))
    def behave(self, device: int, situation: dict[str, object]) -> None:
        self.place.behave(self.devices[device % 2], **situation)

    @rule(times=st.integers(min_value=1, max_value=4))
    def work(self, times: int) -> None:
        """Workers take steps, in whatever state they find things."""
        for _ in range(times):
            for run_id in ActionRun.objects.exclude(next_step_at=None).values_list("pk", flat=True):
                self._allowed(lambda pk=run_id: advance_run(pk, even_if_not_due=True))  # type: ignore[misc]
            for pk in Delivery.objects.values_list("pk", flat=True):
                self._allowed(lambda pk=pk: step_delivery(pk, even_if_not_due=True))  # type: ignore[misc]
            self._allowed(outbox.deliver)

    @rule(who=st.sampled_from([1, 2]))
    def approve_and_work(self, who: int) -> None:
        """So that a good part of the examples goes deep."""
        user = self.people[who]
        for run in ActionRun.objects.filter(decision="pending"):
            self._allowed(lambda run=run: approve_run(run, actor=user.actor, user=user))  # type: ignore[misc]
        self.work(3)

    @rule(pick=picks)
    def lose_a_worker(self, pick: int) -> None:
        """Its claims run out."""
        Delivery.objects.update(leased_until=None, claim=1_000 + pick)

    @rule(hours=st.sampled_from([0.02, 1, 30, 80, 170]))
    def wait(self, hours: float) -> None:
        self.passed += timedelta(hours=hours)
        self._allowed(expire_due)

    @invariant()
    def one_open_run_on_each_part(self) -> None:
        held = Counter(ActionRun.objects.filter(status__in=OPEN_STATUSES).values_list("target_id", "facet"))
        assert all(count == 1 for count in held.values())

    @invariant()
    def succeeded_means_verified(self) -> None:
        for run in ActionRun.objects.filter(status="succeeded"):
            assert run.verification["done"]
            assert run.verification["observed"] == run.verification["wanted"]

    @invariant()
    def nothing_is_carried_out_without_a_sealed_decision_of_another_person(self) -> None:
        for delivery in Delivery.objects.all():
            run = ActionRun.objects.get(pk=delivery.reference.removeprefix("run:"))
            assert run.decision in {"approved", "not_required"}
            person_id = policy.sealed_person(run)
            assert seal_fits(run.decision_seal, run_id=run.pk, digest=run.argument_digest, person_id=person_id,
                             decision=run.decision)  # fmt: skip
            assert run.decision == "not_required" or person_id != run.requester_id

    @invariant()
    def no_order_is_given_or_has_effect_twice(self) -> None:
        references = Counter(Delivery.objects.values_list("reference", flat=True))
        assert all(count == 1 for count in references.values())
        for key in Delivery.objects.values_list("idempotency_key", flat=True):
            assert world.effects_of(self.place.connection, key) <= 1

    @invariant()
    def an_undo_is_linked_and_single(self) -> None:
        for run in ActionRun.objects.exclude(undoes=None).select_related("undoes"):
            assert run.undoes is not None
            assert run.undoes.status in {"succeeded", "partially_succeeded"}
            taking_back = run.undoes.undone_by.filter(status__in=[*OPEN_STATUSES, "succeeded"])
            assert taking_back.count() <= 1

    @invariant()
    def what_ended_stays_ended(self) -> None:
        for run in ActionRun.objects.exclude(status__in=[*OPEN_STATUSES, "unknown"]):
            assert self.ended.setdefault(run.pk, run.status) == run.status
            assert run.ended is not None
            assert run.next_step_at is None


@pytest.mark.django_db
def test_the_truths_of_actions_hold_in_whatever_order_things_happen() -> None:
    quick = settings(max_examples=15, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck))
    run_state_machine_as_test(ActionMachine, settings=quick)
