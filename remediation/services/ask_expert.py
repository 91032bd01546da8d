"""Asking an expert, answering, asking on, closing. Whoever is asked is told; everything said stays in the thread."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction

from accounts import keys
from accounts.models import User
from connectors.outbound.mail import mail_server
from core import audit, clock, live
from core.actors import Actor
from core.wording import unix_lines
from incidents.enums import ValueSource
from incidents.models import Alert, Incident
from notifications.services.tell import tell
from remediation import policy
from remediation.enums import AnsweredBy, ExpertStatus
from remediation.lifecycle import EXPERT_STATUS
from remediation.models import ExpertGroup, ExpertMessage, ExpertRequest, Retainer
from remediation.news_of_experts import EXPERT_ANSWERED, EXPERT_ASKED
from remediation.refused import Refused
from remediation.services.retainer_mail import mail_to_retainer
from remediation.services.share import Subject, frozen

MAX_TEXT, MAX_TOPIC = 8_000, 200
LONGEST_H = 24 * 30


def ask_expert(
    subject: Subject,
    *,
    topic: str,
    text: str,
    share: Sequence[str],
    expert: User | None = None,
    group: ExpertGroup | None = None,
    retainer: Retainer | None = None,
    within_h: int,
    incident: Incident | None = None,
    actor: Actor,
    user: User,
) -> ExpertRequest:
    """Put a question to one person, one group or one retainer, with the chosen blocks of context as they are now; to a
    retainer they go out by mail. Raises `ValidationError` and `Refused`."""
    policy.check_permissions(user, (keys.MANAGE_ALERTS,), to_do="ask an expert")
    incident = _incident_of(subject, incident)
    _check_asked(expert, group, retainer, user)
    _check_restricted(incident, expert, group, retainer)
    if not 1 <= within_h <= LONGEST_H:
        raise ValidationError({"within": f"An answer is wanted within 1 to {LONGEST_H} hours."})
    said, about = _text(text, "question", MAX_TEXT), _text(topic, "topic", MAX_TOPIC)
    asked = replace(actor, person_id=user.pk)
    with transaction.atomic():
        request = ExpertRequest.objects.create(
            subject_kind=_kind(subject), subject_id=subject.pk, subject_name=_name(subject)[:320], incident=incident,
            topic=about, context=frozen(subject, share, user=user), asker=user, asked_by=asked.as_json(),
            expert=expert, group=group, retainer=retainer, exercise=subject.exercise,
            due=clock.now() + timedelta(hours=within_h),
        )  # fmt: skip
        _add(request, said, actor=asked, from_expert=False)
        shared = [block["title"] for block in request.context]
        mailed = {"mailed_to": retainer.address} if retainer else {}
        whom = expert.named if expert else request.asked
        _record("asked", request, actor=asked, reason=about, data={"asked": whom, "shared": shared, **mailed})
        _tell(request, EXPERT_ASKED, experts_of(request), f"{asked.name} asks: {about}", actor=asked)
    return request


def say(
    request: ExpertRequest, *, text: str, actor: Actor, user: User, answered_by: AnsweredBy | None = None
) -> ExpertRequest:
    """A further message: of an expert it is an answer, of the asker it asks on. `answered_by` writes down what a
    retainer answered outside the portal. Raises `ValidationError` and `Refused`."""
    said, by = _text(text, "message", MAX_TEXT), replace(actor, person_id=user.pk)
    with transaction.atomic():
        row = _locked(request)
        answers = _check_says(row, user, answered_by)
        _add(row, said, actor=by, from_expert=answers, answered_by=answered_by or "")
        wanted = ExpertStatus.ANSWERED if answers else ExpertStatus.OPEN
        values: dict[str, Any] = {"updated": clock.now(), "version": row.version + 1}
        if answers and row.answered is None:
            values["answered"] = clock.now()
        if row.status != wanted:
            EXPERT_STATUS.move(row, wanted, actor=by, thread=row.thread, **values)
        else:
            ExpertRequest.objects.filter(pk=row.pk).update(**values)
        told = {"retainer": row.asked, "by": answered_by.value} if answered_by else {}
        _record("answered" if answers else "asked_on", row, actor=by, data=told)
        topic, people = (EXPERT_ANSWERED, [row.asker]) if answers else (EXPERT_ASKED, experts_of(row))
        who = f"{row.asked} ({answered_by.label.lower()}, written by {by.name})" if answered_by else by.name
        verb = "answered" if answers else "asks on"
        _tell(row, topic, [one for one in people if one.pk != user.pk], f"{who} {verb}: {row.topic}", actor=by)
    return row


def may_write_answer(request: ExpertRequest, user: User) -> bool:
    """Whether this person may write down what the retainer answered: the asker, and whoever handles alerts and sees
    the question."""
    return request.retainer_id is not None and (request.asker_id == user.pk or user.holds(keys.MANAGE_ALERTS))


def close_request(request: ExpertRequest, *, actor: Actor, user: User) -> ExpertRequest:
    """The asker or the expert says that it is over. Raises `Refused`."""
    by = replace(actor, person_id=user.pk)
    with transaction.atomic():
        row = _locked(request)
        if row.asker_id != user.pk and not is_expert(row, user):
            raise Refused("forbidden", "Only the person who asked and those who were asked close it.")
        if row.status == ExpertStatus.CLOSED:
            raise Refused("already_ended", f"{row.number} is closed already.")
        now = clock.now()
        also: dict[str, Any] = {"closed": now, "updated": now, "version": row.version + 1}
        EXPERT_STATUS.move(row, ExpertStatus.CLOSED, actor=by, thread=row.thread, **also)
        _announce(row)
    return row


def is_expert(request: ExpertRequest, user: User) -> bool:
    """Whether this person is asked; the asker is not, even as a member of the group."""
    if request.asker_id == user.pk or not user.is_active:
        return False
    if request.expert_id is not None:
        return request.expert_id == user.pk
    return request.group is not None and request.group.members.filter(pk=user.pk).exists()


def experts_of(request: ExpertRequest) -> list[User]:
    if request.expert is not None:
        return [request.expert]
    members = request.group.members.filter(is_active=True) if request.group else User.objects.none()
    return list(members.exclude(pk=request.asker_id))


def _check_says(request: ExpertRequest, user: User, answered_by: AnsweredBy | None) -> bool:
    """Whether it is an answer."""
    if answered_by is not None and request.retainer_id is None:
        raise ValidationError({"by": "Only the answer of a retainer is written down for them."})
    answers = may_write_answer(request, user) if answered_by else is_expert(request, user)
    if not answers and (answered_by or request.asker_id != user.pk):
        raise Refused("forbidden", "Only the person who asked and those who were asked write here.")
    if request.status == ExpertStatus.CLOSED:
        raise Refused("already_ended", f"{request.number} is closed; ask anew.")
    return answers


def _check_asked(expert: User | None, group: ExpertGroup | None, retainer: Retainer | None, user: User) -> None:
    if len([one for one in (expert, group, retainer) if one is not None]) != 1:
        raise ValidationError({"to": "Choose one person, one group or one retainer."})
    if expert is not None and (not expert.is_active or expert.pk == user.pk or not expert.holds(keys.READ)):
        raise ValidationError({"to": "This person cannot be asked: switched off, without the right to read, or you."})
    if group is not None and (group.retired or not group.members.filter(is_active=True).exclude(pk=user.pk).exists()):
        raise ValidationError({"to": "Nobody in this group can answer."})
    if retainer is not None and not retainer.active:
        raise ValidationError({"to": f"{retainer} is no longer asked."})
    if retainer is not None and not mail_server().is_set:
        raise ValidationError({"to": "No mail server is set, so nothing would reach a retainer."})


def _check_restricted(
    incident: Incident | None, expert: User | None, group: ExpertGroup | None, retainer: Retainer | None
) -> None:
    """What is kept to named people stays with them, whatever the asker would like to share."""
    if incident is None or not incident.restricted:
        return
    people = [expert] if expert else list(group.members.filter(is_active=True)) if group else []
    outside: list[User | Retainer] = [
        one for one in people if not Incident.objects.visible_to(one).filter(pk=incident.pk).exists()
    ]
    outside += [retainer] if retainer else []
    if outside:
        raise Refused("out_of_scope", f"{incident.number} is restricted, and {outside[0]} is not one of its people.")


def _incident_of(subject: Subject, incident: Incident | None) -> Incident | None:
    if isinstance(subject, Incident):
        return subject
    return subject.incident if isinstance(subject, Alert) else incident


def _kind(subject: Subject) -> str:
    return str(subject._meta.model_name)


def _name(subject: Subject) -> str:
    """Of an incident the name that everybody may read who sees a part of it."""
    if isinstance(subject, Incident):
        written = subject.name_source == ValueSource.MANUAL
        return f"{subject.number} {subject.display_name if written else subject.neutral_name}"
    return subject.title if isinstance(subject, Alert) else str(subject)


def _text(value: object, name: str, limit: int) -> str:
    text = unix_lines(value).replace("\x00", "").strip() if isinstance(value, str) else ""
    if not text or len(text) > limit:
        raise ValidationError({name: f"1 to {limit:,} characters are needed."})
    return text


def _add(request: ExpertRequest, text: str, *, actor: Actor, from_expert: bool, answered_by: str = "") -> None:
    """What the asker says to a retainer goes out by mail."""
    message = ExpertMessage.objects.create(
        request=request, text=text, actor=actor.as_json(), from_expert=from_expert, answered_by=answered_by
    )
    if request.retainer_id is not None and not from_expert:
        mail_to_retainer(message)


def _locked(request: ExpertRequest) -> ExpertRequest:
    rows = ExpertRequest.objects.select_for_update(of=("self",))
    return rows.select_related("asker", "expert", "group", "retainer", "incident").get(pk=request.pk)


def _record(
    deed: str, request: ExpertRequest, *, actor: Actor, reason: str = "", data: dict[str, Any] | None = None
) -> None:
    audit.record(
        f"expert_request.{deed}",
        subject=f"expert_request:{request.pk}",
        thread=request.thread,
        actor=actor,
        reason=reason,
        data={"about": f"{request.subject_kind}:{request.subject_id}", **(data or {})},
    )
    _announce(request)


def _announce(request: ExpertRequest) -> None:
    people = [request.asker_id, *(one.pk for one in experts_of(request))]
    live.publish("expert.changed", request.pk, people=people)


def _tell(request: ExpertRequest, topic: str, people: Sequence[User], title: str, *, actor: Actor) -> None:
    """The words of the thread stay in the portal; whoever is told follows the link. The title holds only what the asker
    wrote for the expert to read, so it names no device group."""
    severity = request.incident.severity if request.incident else ""
    tell(
        topic,
        subject=f"expert_request:{request.pk}",
        title=title,
        url=f"/experts/{request.pk}/",
        severity=severity,
        people=people,
        actor=actor,
    )
