"""What policy is asked, and how a rule answers. Enforcing and explaining go through the same rules in the same order;
the one stops at the first no, the other hears them all."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from accounts.models import ApiToken, User
from core import clock
from core.actors import Actor
from incidents.models import Incident
from remediation.catalog import Action
from remediation.enums import AssetClass, RequesterKind, Stage
from remediation.models import ActionRun
from remediation.policy.targets import Target, asset_class_of, groups_of
from remediation.refused import Refused


class Verdict(StrEnum):
    YES = "yes"
    WAITS = "waits"  # allowed, and something else has to happen first
    NO = "no"
    UNASKED = "unasked"  # it builds on a rule that said no


@dataclass(frozen=True, slots=True)
class Told:
    """What a rule says when it does not refuse. `inputs` are the facts it looked at, `value` what later steps use."""

    says: str
    inputs: Mapping[str, Any] = field(default_factory=dict)
    waits: bool = False
    value: Any = None


@dataclass(frozen=True, slots=True)
class Rule:
    """One named check. It answers a `Told`, None when it has nothing to say about this question, or raises
    `Refused`. `after` names the rules it builds on."""

    key: str
    label: str
    stages: tuple[Stage, ...]
    check: "Callable[[Question], Told | None]"
    after: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Answer:
    """What one rule said, for people."""

    rule: str
    label: str
    verdict: Verdict
    says: str
    inputs: Mapping[str, Any]
    refusal: Refused | None = None


@dataclass(slots=True)
class Question:
    """May this person do this to that, at this stage?

    `asker` is whose rights count for asking, `decider` whose for deciding; None is the portal itself, which only takes
    back what nobody ratified. `missing` says that somebody who has to be there is gone. `told` fills while
    the rules are asked.
    """

    stage: Stage
    action: Action
    target: Target
    actor: Actor
    asker: User | None = None
    decider: User | None = None
    requester_kind: RequesterKind = RequesterKind.PERSON
    token: ApiToken | None = None
    arguments: Mapping[str, Any] = field(default_factory=dict)
    incident: Incident | None = None
    undoes: ActionRun | None = None
    run: ActionRun | None = None
    deed: str = "approve"
    alone: bool = False
    missing: str = ""
    dry: bool = False
    told: dict[str, Told] = field(default_factory=dict)

    @property
    def people(self) -> list[tuple[User, tuple[str, ...], str]]:
        """Whose rights and reach this stage asks for: the person, the rights, the deed in words."""
        label = self.action.label[0].lower() + self.action.label[1:]
        found = []
        if self.asker is not None and self.stage != Stage.DECISION:
            verb = f"ask to {label}" if self.stage == Stage.REQUEST else f"ask: {label}"
            found.append((self.asker, self.action.request_permissions, verb))
        if self.decider is not None:
            found.append((self.decider, self.action.decide_permissions, f"{self.deed}: {label}"))
        return found

    @property
    def asset_class(self) -> AssetClass:
        return asset_class_of(self.target, of_file=self.action.fans_out and not self.action.by_peers)

    @property
    def part(self) -> bool:
        """Whether it is about one device of an action on many."""
        if not self.action.fans_out:
            return False
        if self.run is not None:
            return bool(self.run.facet_key)
        return self.undoes is not None and bool(self.undoes.facet_key)

    @property
    def group_ids(self) -> list[int]:
        if self.run is not None:
            return list(self.run.device_group_ids)
        planned = self.told.get("reach")
        return planned.value.group_ids if planned and planned.value else groups_of(self.target)

    @property
    def facet_key(self) -> str:
        if self.run is not None:
            return self.run.facet_key
        if self.undoes is not None and self.part:
            return self.undoes.facet_key
        return self.action.facet_key(self.arguments)

    @property
    def decided_at(self) -> datetime:
        """When the decider decides, or did."""
        decided = self.run.decided_at if self.run is not None and self.stage == Stage.EXECUTION else None
        return decided or clock.now()

    @property
    def is_rejection(self) -> bool:
        return self.stage == Stage.DECISION and self.deed == "reject"


def enforce(question: Question, rules: Sequence[Rule]) -> dict[str, Told]:
    """Ask until somebody says no; raises that `Refused` with the rule and everything that was asked before."""
    for answer in ask(question, rules):
        if answer.refusal is not None:
            raise answer.refusal
    return question.told


def explain(question: Question, rules: Sequence[Rule]) -> list[Answer]:
    """Ask every rule, whatever the others say."""
    return list(ask(question, rules))


def ask(question: Question, rules: Sequence[Rule]) -> Iterator[Answer]:
    """The one way through the rules."""
    heard: list[dict[str, Any]] = []
    refused: set[str] = set()
    for rule in rules:
        if question.stage not in rule.stages:
            continue
        answer = _unasked(rule) if refused.intersection(rule.after) else _one(rule, question)
        if answer is None:
            continue
        heard.append({"rule": rule.key, "answer": answer.verdict.value, "inputs": dict(answer.inputs)})
        if answer.verdict in {Verdict.NO, Verdict.UNASKED}:
            refused.add(rule.key)
        if answer.refusal is not None:
            answer.refusal.rule, answer.refusal.asked = rule.key, list(heard)
        yield answer


def _unasked(rule: Rule) -> Answer:
    return Answer(rule.key, rule.label, Verdict.UNASKED, "Not asked: it builds on a rule that says no.", {})


def _one(rule: Rule, question: Question) -> Answer | None:
    try:
        told = rule.check(question)
    except Refused as refusal:
        return Answer(rule.key, rule.label, Verdict.NO, refusal.message, refusal.inputs, refusal)
    if told is None:
        return None
    question.told[rule.key] = told
    return Answer(rule.key, rule.label, Verdict.WAITS if told.waits else Verdict.YES, told.says, told.inputs)
