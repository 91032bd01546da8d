"""Why somebody can or cannot do something to something: the very rules of the policy, asked one after another."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from accounts.models import ApiToken, User
from core.actors import Actor
from remediation import policy
from remediation.catalog import Action
from remediation.enums import Decision, Source
from remediation.models import ActionRun
from remediation.policy import Answer, Target, Verdict

NOT_FOR_YOU = "Another run is open there."


@dataclass(frozen=True, slots=True)
class Part:
    """The answers of one stage, in the order asked. `verdict` is that of all of them."""

    title: str
    stage: str
    verdict: Verdict
    summary: str
    answers: list[Answer]


def explain(
    person: User,
    action: Action,
    target: Target,
    *,
    token: ApiToken | None = None,
    arguments: Mapping[str, Any] | None = None,
    reader: User,
) -> list[Part]:
    """May `person` (with `token`) ask for this, and may they decide on it? Told to `reader`, as far as they may see."""
    who = User.objects.get(pk=person.pk)
    actor = who.actor
    if token is not None:
        who.narrow(token.keys_within(who.permission_keys))
        actor = token.actor
    asking = policy.of_request(action, target, arguments or {}, actor=actor, user=who, source=Source.MANUAL)
    name = f"{who} with the token {token}" if token else str(who)
    label = action.label[0].lower() + action.label[1:]
    parts = [_part(f"Can {name} ask to {label}?", asking, reader)]
    run = _waiting_run(asking, reader) or policy.draft_of(asking)
    told = f"approve {run.number}" if run.pk else f"approve it, when somebody else asks to {label}"
    parts.append(_part(f"Can {name} {told}?", _deciding(run, actor, who), reader))
    return parts


def _deciding(run: ActionRun, actor: Actor, who: User) -> policy.Question:
    return policy.of_decision(run, actor=actor, user=who, deed="approve")


def _waiting_run(asking: policy.Question, reader: User) -> ActionRun | None:
    """The request that waits on this very part of the target, when the reader may see it."""
    seen = ActionRun.objects.visible_to(reader).filter(
        action=asking.action.key, target_kind=asking.target.kind, target_id=asking.target.pk,
        decision=Decision.PENDING, parent=None,
    )  # fmt: skip
    return seen.first()


def _part(title: str, question: policy.Question, reader: User) -> Part:
    answers = [_as_far_as_seen(answer, reader) for answer in policy.explain(question)]
    noes = [one for one in answers if one.verdict == Verdict.NO]
    waits = [one for one in answers if one.verdict == Verdict.WAITS]
    if noes:
        return Part(title, question.stage.value, Verdict.NO, noes[0].says, answers)
    if waits:
        return Part(title, question.stage.value, Verdict.WAITS, " ".join(one.says for one in waits), answers)
    return Part(title, question.stage.value, Verdict.YES, "Nothing stands in the way.", answers)


def _as_far_as_seen(answer: Answer, reader: User) -> Answer:
    """Without the number of a run that the reader may not see."""
    run = answer.refusal.run if answer.refusal else None
    if run is None or ActionRun.objects.visible_to(reader).filter(pk=run.pk).exists():
        return answer
    return replace(answer, says=NOT_FOR_YOU, inputs={})
