"""The audit log: who did what to what, with the state of its chain."""

from collections.abc import Iterator
from datetime import UTC
from typing import Any

from django.http import Http404, HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from accounts import acts, audit_log, keys, step_up
from accounts.forms.audit_filter import AuditFilterForm
from accounts.guard import AccountRequest, requires
from core import audit_check, exports
from core.filters import at_cursor, chips_of
from core.htmx import done
from core.models import AuditEvent, AuditSeal
from core.pages import leaf
from core.pagination import Keyset, counted

NEWEST = Keyset(("at", "id"))
CSV_HEADER = ("id", "at", "actor kind", "actor id", "actor", "what", "on what", "thread", "changes", "reason", "data")


@require_safe
@requires(keys.READ_AUDIT)
def audit_list(request: AccountRequest) -> HttpResponse:
    form = _form(request)
    found = audit_log.matching(audit_log.visible_to(request.user), **_wanted(form))
    page = leaf(found, NEWEST, purpose="audit", cursor=request.GET.get("cursor", ""))
    sealed = set(
        AuditSeal.objects.filter(event_id__in=[row.id for row in page.rows]).values_list("event_id", flat=True)
    )
    context = {
        "rows": [_row(event, sealed) for event in page.rows],
        "form": form,
        "suggestions": audit_log.suggestions(request.user),
        "chips": chips_of(request, form) if form.is_valid() else [],
        "clear_url": request.path,
        "total": counted(found),
        "newer_url": at_cursor(request, page.newer),
        "older_url": at_cursor(request, page.older),
        "sees_all": request.user.scope.everything,
        "leaves_out": audit_log.leaves_out(request.user),
    }
    return render(request, "accounts/audit.html", context)


@require_safe
@requires(keys.READ_AUDIT)
def audit_event(request: AccountRequest, pk: int) -> HttpResponse:
    """The side pane of one event: every stored column, and its place in the chain."""
    event = audit_log.visible_to(request.user).filter(id=pk).first()
    if event is None:
        raise Http404
    seal = AuditSeal.objects.filter(event_id=event.id).first()
    context = {
        "event": event,
        "verb": audit_log.in_words(event.verb),
        "seal": seal,
        "digest": bytes(seal.digest).hex() if seal else "",
    }
    return render(request, "accounts/audit_event.html", context)


@require_safe
@requires(keys.READ_AUDIT)
@step_up.needs(acts.EXPORT_AUDIT)
def audit_csv(request: AccountRequest) -> StreamingHttpResponse:
    found = audit_log.matching(audit_log.visible_to(request.user), **_wanted(_form(request)))
    rows = NEWEST.order(found)[: exports.MAX_ROWS].iterator(chunk_size=1000)
    return exports.csv_response("audit", CSV_HEADER, _csv_rows(rows))


@require_safe
@requires(keys.READ_AUDIT)
def chain_state(request: AccountRequest) -> HttpResponse:
    """How much is sealed, and what the last check of the whole chain found."""
    return render(request, "accounts/audit_chain.html", {"chain": audit_check.state()})


@require_POST
@requires(keys.READ_AUDIT)
def check_chain(request: AccountRequest) -> HttpResponse:
    """Have the whole chain computed anew, which takes a while on a long history."""
    audit_check.ask()
    return done(request, "Checking the chain", back=reverse("accounts:audit"), refresh=["#chain"])


def _row(event: AuditEvent, sealed: set[int]) -> dict[str, Any]:
    return {"event": event, "verb": audit_log.in_words(event.verb), "sealed": event.id in sealed}


def _form(request: AccountRequest) -> AuditFilterForm:
    form = AuditFilterForm(request.GET)
    with timezone.override(UTC):
        form.full_clean()
    return form


def _wanted(form: AuditFilterForm) -> dict[str, Any]:
    return {name: value for name, value in form.cleaned_data.items() if value}


def _csv_rows(events: Iterator[AuditEvent]) -> Iterator[tuple[Any, ...]]:
    for event in events:
        yield (
            event.id,
            event.at,
            event.actor_kind,
            event.actor_id,
            event.actor_name,
            event.verb,
            event.subject,
            event.thread,
            exports.as_json(event.changes),
            event.reason,
            exports.as_json(event.data),
        )
