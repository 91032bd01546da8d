"""Erasing an account that alerts named: whom it belonged to is forgotten, what happened stays.

The alerts that named it lose its names in their texts and evidence, and so do their incidents, comments and whatever
later rooms hold. Only what has ended is touched: an open incident, or one under a legal hold, speaks against it.
"""

from collections.abc import Iterable
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Q, QuerySet

from core import erasure, personal
from core.actors import Actor
from core.wording import counted
from incidents.models import (
    Alert,
    Comment,
    CorrelationChange,
    CorrelationLink,
    Device,
    Evidence,
    Identity,
    IdentityBinding,
    Incident,
    Mailbox,
    MailboxBinding,
)
from incidents.queries.incidents import OPEN

Account = Identity | Mailbox
_ALERT = ("title", "description", "recommended_actions", "actor_display_name", "additional_data")
_INCIDENT = ("display_name", "description", "summary", "resolving_comment", "impacted_assets", "priority_factors")


def as_person(account: Account) -> erasure.Person:
    """With every name that it goes by; `sid:S-1-…` also without what stands before the colon."""
    words = [account.key, account.display_name, account.upn]
    if isinstance(account, Identity):
        words += [account.account_name, account.sid, *account.aliases]
    else:
        words.append(account.primary_address)
    words += [word.partition(":")[2] for word in words if ":" in word]
    return erasure.Person(account.kind.value, account.pk, tuple(dict.fromkeys(filter(None, words))))


def incidents_naming(account: Account) -> QuerySet[Incident]:
    named = Evidence.objects.filter(**{account.kind.value: account.pk})
    return Incident.objects.filter(pk__in=named.values("alert__incident"))


def objections_to(account: Account) -> list[str]:
    told = incidents_naming(account)
    held, still_open = told.filter(on_hold=True).count(), told.filter(status__in=OPEN).count()
    found = [f"{counted(held, 'incident')} that name it are under a legal hold."] if held else []
    found += [f"{counted(still_open, 'incident')} that name it are open: resolve them first."] if still_open else []
    return [*found, *erasure.objections(account.kind.value, account.pk)]


def erase_account(account: Account, *, actor: Actor, reason: str) -> dict[str, int]:
    """Forget whose it was; answers how many rows of what. Raises `ValidationError` with every objection.

    Cannot be undone. When its names come in again, they make a new account.
    """
    if not reason.strip():
        raise ValidationError("Say why: the reason goes into the audit log.")
    with transaction.atomic():
        model: Any = type(account)
        row = model.objects.select_for_update().get(pk=account.pk)
        if row.name_key is None:
            raise ValidationError("It was erased already.")
        if found := objections_to(row):
            raise ValidationError(found)
        counts = erasure.forget(as_person(row), actor=actor, reason=reason)
        _blank(row)
    personal.forget_key(row.kind.value, row.pk)
    return counts


def _blank(row: Account) -> None:
    stand_in = personal.gone(row.kind.value, row.pk)
    blank: dict[str, Any] = {
        "key": f"erased:{row.pk}",
        "display_name": stand_in,
        "upn": "",
        "tags": [],
        "name_key": None,
    }
    if isinstance(row, Identity):
        blank |= {"aliases": [], "account_name": "", "domain": "", "sid": "", "department": "", "job_title": ""}
        IdentityBinding.objects.filter(identity=row).delete()
    else:
        blank["primary_address"] = stand_in
        MailboxBinding.objects.filter(mailbox=row).delete()
    type(row)._default_manager.filter(pk=row.pk).update(**blank)


def declare_parts() -> None:
    for kind in ("identity", "mailbox"):
        erasure.part(kind, "evidence", _evidence)
        erasure.part(kind, "alerts", lambda one: erasure.scrub(_alerts(one), _ALERT, one))
        erasure.part(kind, "incidents", lambda one: erasure.scrub(_incidents(one), _INCIDENT, one))
        erasure.part(kind, "comments", _comments)
        erasure.part(kind, "reasons of correlation", _links)
        erasure.part(kind, "what correlation was taught", _taught)
        erasure.part(kind, "devices", _devices)
    erasure.part("user", "frozen names", erasure.frozen_actors)
    erasure.part("user", "incidents", _modifiers)
    erasure.part("user", "comments", lambda one: erasure.scrub_naming(Comment, ("text",), one))
    erasure.objects("user", _held_cases)


def _alerts(person: erasure.Person) -> QuerySet[Alert]:
    return Alert.objects.filter(pk__in=Evidence.objects.filter(**{person.kind: person.id}).values("alert"))


def _incidents(person: erasure.Person) -> QuerySet[Incident]:
    return Incident.objects.filter(pk__in=_alerts(person).values("incident"))


def _evidence(person: erasure.Person) -> int:
    """What the alerts name besides may tell of it as well: a process its owner, a message its recipient."""
    count = erasure.scrub(Evidence.objects.filter(alert__in=_alerts(person)), ("display", "data"), person)
    its_own = Evidence.objects.filter(**{person.kind: person.id})
    its_own.update(key=f"erased:{person.kind}:{person.id}", display=person.stand_in)
    return count


def _comments(person: erasure.Person) -> int:
    return erasure.scrub(Comment.objects.filter(incident__in=_incidents(person)), ("text",), person)


def _links(person: erasure.Person) -> int:
    return erasure.scrub(CorrelationLink.objects.filter(incident__in=_incidents(person)), ("evidence",), person)


def _taught(person: erasure.Person) -> int:
    """What excludes the person's account goes by its address: without it, it excludes nothing any more."""
    rows = CorrelationChange.objects.filter(alert__in=_alerts(person))
    return erasure.scrub(rows, ("shown", "thing", "reason", "lift_reason"), person)


def _devices(person: erasure.Person) -> int:
    words = [word.lower() for word in person.words]
    changed = 0
    for row in Device.objects.filter(logged_on_users__overlap=[*words, *person.words]).only("pk", "logged_on_users"):
        row.logged_on_users = [name for name in row.logged_on_users if name.lower() not in words]
        row.save(update_fields=["logged_on_users"])
        changed += 1
    return changed


def _modifiers(person: erasure.Person) -> int:
    called = Q()
    for word in person.words:
        called |= Q(last_modified_by=word) | Q(last_modified_by__startswith=f"{word} (token ")
    return Incident.objects.filter(called).update(last_modified_by=person.stand_in)


def _held_cases(person: int) -> Iterable[str]:
    """A person of the portal stays named where the court may ask who it was."""
    held = Incident.objects.filter(Q(assigned_to=person) | Q(comments__author__person_id=person), on_hold=True)
    count = held.distinct().count()
    return [f"Worked on {counted(count, 'incident')} under a legal hold."] if count else []
