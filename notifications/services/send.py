"""Sending: one try of one dispatch. The row is claimed with a lease first, so two workers never send the same at once;
a worker that dies leaves a row that is due again. The words are made now, for who may read what now."""

import json
import logging
import time
from dataclasses import dataclass
from datetime import timedelta

from django.db import transaction
from django.db.models import F

from connectors.outbound.mail import Letter, MailRefused, mail_server, send_letter
from core import audit, clock, http, options
from core.actors import Actor
from notifications import topics
from notifications.enums import DispatchStatus
from notifications.models import Dispatch, DispatchAttempt, Endpoint
from notifications.options import INSIDE, PAUSE_AFTER
from notifications.services.chat import chat_body
from notifications.services.compose import digest_letter, letter_for, payload_for
from notifications.services.letters import NotForThem, letter_ended, write_letter
from notifications.services.match import groups_of
from notifications.services.sign import headers_for
from notifications.services.tell import tell
from notifications.services.wording import Wording, wording_for, wording_outside

logger = logging.getLogger(__name__)
POST_ROOM = Actor.system("notifications")
LEASE = timedelta(minutes=3)
# After the first try at once; what is still refused after the last one has failed.
WAITS_S = (10, 30, 120, 600, 1_800, 3_600, 10_800, 21_600)
PAUSED = topics.declare(
    "endpoint.paused",
    "A webhook was paused",
    "A webhook or chat failed so often in a row that nothing more is sent to it.",
    group="Portal",
    permission="system_settings.manage",
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one try came to. `again` is false where another try gains nothing."""

    ok: bool
    said: str
    code: int | None = None
    again: bool = True
    milliseconds: int = 0


def due_dispatches(limit: int = 50) -> list[int]:
    rows = Dispatch.objects.due(clock.real_now()).order_by("next_attempt_at", "id")
    return list(rows.values_list("pk", flat=True)[:limit])


def send_dispatch(pk: int) -> None:
    """Try once, if it is due and nobody else is at it."""
    row = _claim(pk)
    if row is None:
        return
    started = time.monotonic()
    try:
        outcome = _try(row)
    except NotForThem as why:
        with transaction.atomic():
            _end(row, DispatchStatus.SKIPPED, Outcome(ok=False, said=str(why)))
        return
    except Exception as error:
        logger.exception("dispatch %s failed", row.pk)
        outcome = Outcome(ok=False, said=f"A fault of the portal: {type(error).__name__}.")
    _note(row, outcome, milliseconds=int((time.monotonic() - started) * 1000))


def _claim(pk: int) -> Dispatch | None:
    with transaction.atomic():
        rows = Dispatch.objects.select_for_update(skip_locked=True, of=("self",)).due(clock.real_now())
        row = rows.select_related("message", "rule__author", "user", "endpoint").filter(pk=pk).first()
        if row is None:
            return None
        row.attempts += 1
        row.next_attempt_at = clock.real_now() + LEASE
        row.save(update_fields=["attempts", "next_attempt_at"])
        return row


def _try(row: Dispatch) -> Outcome:
    if row.letter:
        return _mail(write_letter(row))
    if row.message is None:
        return _mail(_digest(row))
    if row.rule is not None and not row.rule.enabled:
        raise NotForThem("The rule was switched off.")
    wording = _wording(row)
    if row.endpoint is not None:
        return _call(row, row.endpoint, wording)
    return _mail(letter_for(row, row.message, wording, to=_address(row)))


def _wording(row: Dispatch) -> Wording:
    assert row.message is not None  # noqa: S101 - asked by the caller
    if row.user is not None:
        wording = wording_for(row.message, row.user)
    elif row.rule is not None:
        wording = wording_outside(row.message, row.rule, groups_of(row.rule))
    else:
        wording = None
    if wording is None:
        raise NotForThem("The recipient may not read it (any more).")
    return wording


def _address(row: Dispatch) -> str:
    address = row.user.email if row.user is not None else row.address
    if not address:
        raise NotForThem("The recipient has no address for mail.")
    return address


def _digest(row: Dispatch) -> Letter:
    if row.user is None:
        raise NotForThem("The recipient is gone.")
    items = row.items.select_related("message")
    pairs = [(item.message, wording_for(item.message, row.user)) for item in items]
    told = [(message, wording) for message, wording in pairs if wording is not None]
    if not told:
        raise NotForThem("The recipient may not read any of it (any more).")
    return digest_letter(row, told, to=_address(row))


def _mail(letter: Letter) -> Outcome:
    server = mail_server()
    if not server.is_set:
        raise NotForThem("No mail server is set.")
    try:
        return Outcome(ok=True, said=send_letter(letter, server=server), code=250)
    except MailRefused as error:
        return Outcome(ok=False, said=error.said, code=error.code, again=not error.for_good)


def _call(row: Dispatch, endpoint: Endpoint, wording: Wording) -> Outcome:
    if not endpoint.enabled:
        raise NotForThem("The webhook is switched off.")
    if endpoint.paused_at is not None:
        return Outcome(ok=False, said="The webhook is paused.")
    assert row.message is not None  # noqa: S101 - asked by the caller
    payload = payload_for(row, row.message, wording)
    return call_endpoint(endpoint, payload if endpoint.is_signed else chat_body(endpoint.kind, payload),
                         key=str(row.key))  # fmt: skip


def call_endpoint(endpoint: Endpoint, payload: dict[str, object], *, key: str) -> Outcome:
    """One call. Codes other than 2xx are failures; 410 says that the address is gone for good."""
    body = json.dumps(payload, separators=(",", ":"), ensure_ascii=False).encode()
    headers = {"content-type": "application/json"}
    if endpoint.is_signed:
        now = int(clock.real_now().timestamp())
        headers |= headers_for(endpoint.secrets, key=key, timestamp=now, body=body)
    try:
        answer = http.post(endpoint.url, body=body, headers=headers, allowed=http.AllowList(options.get(INSIDE.key)))
    except http.OutboundError as error:
        return Outcome(ok=False, said=str(error))
    said = f"Answered {answer.code}."
    return Outcome(answer.is_ok, said, answer.code, again=answer.code != 410, milliseconds=answer.milliseconds)


def _note(row: Dispatch, outcome: Outcome, *, milliseconds: int) -> None:
    with transaction.atomic():
        DispatchAttempt.objects.create(
            dispatch=row, code=outcome.code, said=outcome.said[:300], milliseconds=milliseconds
        )
        if row.endpoint is not None:
            _note_endpoint(row.endpoint, outcome)
        if outcome.ok:
            _end(row, DispatchStatus.SENT, outcome)
        elif outcome.again and row.attempts <= len(WAITS_S):
            row.said, row.code = outcome.said[:300], outcome.code
            row.next_attempt_at = clock.real_now() + timedelta(seconds=WAITS_S[row.attempts - 1])
            row.save(update_fields=["said", "code", "next_attempt_at"])
        else:
            _end(row, DispatchStatus.FAILED, outcome)


def _end(row: Dispatch, status: DispatchStatus, outcome: Outcome) -> None:
    row.status, row.said, row.code = status, outcome.said[:300], outcome.code
    row.ended, row.next_attempt_at = clock.real_now(), None
    row.save(update_fields=["status", "said", "code", "ended", "next_attempt_at"])
    letter_ended(row)


def _note_endpoint(endpoint: Endpoint, outcome: Outcome) -> None:
    """Count failures in a row, and pause what only fails."""
    rows = Endpoint.objects.filter(pk=endpoint.pk, paused_at=None)
    failures = 0 if outcome.ok else F("failures") + 1
    rows.update(failures=failures, last_code=outcome.code, last_said=outcome.said[:300], last_tried=clock.real_now())
    if not outcome.ok and rows.filter(failures__gte=options.get(PAUSE_AFTER.key)).update(paused_at=clock.real_now()):
        subject = f"endpoint:{endpoint.pk}"
        audit.record("endpoint.paused", subject=subject, actor=POST_ROOM, reason=outcome.said[:300])
        tell(
            PAUSED,
            subject=subject,
            title=f"{endpoint.name} was paused after too many failures in a row",
            body=outcome.said,
            url="/admin/notifications/",
            actor=POST_ROOM,
        )
