"""Questions to experts: the list, one thread, and the dialogs that ask, answer and close."""

from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from accounts import keys
from accounts.guard import AccountRequest, requires
from accounts.models import User
from core.htmx import done
from core.pages import leaf
from core.pagination import Keyset, counted
from incidents.models import Alert, Device, File, Incident
from remediation.enums import AskedAbout, ExpertStatus
from remediation.expert_forms import AskExpertForm, RetainerSayForm, SayForm
from remediation.models import ExpertRequest, Retainer
from remediation.queries.experts import ExpertRequestQuerySet
from remediation.refused import Refused
from remediation.services.ask_expert import ask_expert, close_request, is_expert, may_write_answer, say
from remediation.services.retainer_mail import send_again
from remediation.services.share import DEFAULT, Subject, blocks_of
from remediation.views.fetch import incident_for

ORDER = Keyset(("updated", "id"))
MODELS: dict[str, Any] = {
    AskedAbout.INCIDENT: Incident,
    AskedAbout.ALERT: Alert,
    AskedAbout.DEVICE: Device,
    AskedAbout.FILE: File,
}
_PATHS = {"incident": "incidents", "alert": "alerts", "device": "devices", "file": "files"}
STATES = {"mine": "Mine", "open": "Waiting", "answered": "Answered", "closed": "Closed", "all": "All"}
REFRESH = ["#experts", "#expert-thread"]


@require_safe
@requires(keys.READ)
def request_list(request: AccountRequest) -> HttpResponse:
    """Mine first: what I asked and what I am asked."""
    state = request.GET.get("state", "mine")
    state = state if state in STATES else "mine"
    rows = _chosen(request.user, state)
    page = leaf(rows, ORDER, purpose=f"experts-{state}", cursor=request.GET.get("cursor", ""))
    tabs = [{"label": label, "url": f"?state={key}", "current": key == state} for key, label in STATES.items()]
    context = {
        "rows": [
            {"request": one, "for_me": one.status == "open" and is_expert(one, request.user)} for one in page.rows
        ],
        "total": counted(rows),
        "tabs": tabs,
        "newer_url": f"?state={state}&cursor={page.newer}" if page.newer else "",
        "older_url": f"?state={state}&cursor={page.older}" if page.older else "",
        "may_keep_groups": request.user.holds(keys.MANAGE_SETTINGS),
    }
    return render(request, "remediation/experts.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@requires(keys.READ)
def expert_request(request: AccountRequest, pk: int) -> HttpResponse:
    """One thread: what was shared, what was said. POST says more."""
    found = request_for(request.user, pk)
    form = _say_form(request, found)
    page = reverse("remediation:expert_request", args=[pk])
    if request.method == "POST" and form.is_valid():
        how = form.answer if isinstance(form, RetainerSayForm) else None
        try:
            say(found, text=form.cleaned_data["text"], answered_by=how, actor=request.user.actor, user=request.user)
        except (Refused, ValidationError) as error:
            form.add_error(None, getattr(error, "message", str(error)))
        else:
            return done(request, f"Said in {found.number}", back=page, refresh=REFRESH)
    context = _thread(request.user, found) | {"form": form, "back": page}
    return render(request, "remediation/expert_request.html", context, status=422 if form.errors else 200)


@require_http_methods(["POST"])
@requires(keys.READ)
def mail_again(request: AccountRequest, pk: int, message_id: int) -> HttpResponse:
    """Another mail of a message that did not reach the retainer."""
    found = request_for(request.user, pk)
    message = get_object_or_404(found.messages.all(), pk=message_id)
    page = reverse("remediation:expert_request", args=[pk])
    try:
        send_again(message, actor=request.user.actor, user=request.user)
    except Refused as refused:
        messages.error(request, refused.message)
        return redirect(page)
    return done(request, f"{found.number} goes to {found.asked} again", back=page, refresh=REFRESH)


@require_http_methods(["POST"])
@requires(keys.READ)
def close(request: AccountRequest, pk: int) -> HttpResponse:
    """The asker or the expert says that it is over."""
    found = request_for(request.user, pk)
    page = reverse("remediation:expert_request", args=[pk])
    try:
        close_request(found, actor=request.user.actor, user=request.user)
    except Refused as refused:
        messages.error(request, refused.message)
        return redirect(page)
    return done(request, f"{found.number} closed", back=page, leave=True)


@require_http_methods(["GET", "HEAD", "POST"])
@requires(keys.MANAGE_ALERTS)
def ask(request: AccountRequest, kind: str, target_id: int) -> HttpResponse:
    """The dialog: whom, what, and exactly what goes with it."""
    subject = _subject(request.user, kind, target_id)
    blocks = blocks_of(subject, user=request.user)
    form = AskExpertForm(request.POST or None, user=request.user, blocks=blocks)
    incident = incident_for(request.user, request.GET.get("incident"))
    if request.method == "POST" and form.is_valid():
        made = _ask(request, form, subject, incident)
        if made is not None:
            page = reverse("remediation:expert_request", args=[made.pk])
            return done(request, f"{made.number}: {made.asked} is asked", back=page, leave=True)
    outside = Retainer.objects.filter(active=True).exists()
    context = {"form": form, "subject": subject, "kind": kind, "blocks": blocks, "action": request.get_full_path(),
               "opened": DEFAULT, "outside": outside, "back": f"/{_PATHS[kind]}/{target_id}/"}  # fmt: skip
    return render(request, "remediation/expert_ask.html", context, status=422 if form.errors else 200)


def request_for(user: User, pk: int) -> ExpertRequest:
    """The request, when this person asked it, is asked, or sees what it is about; else 404."""
    rows = ExpertRequest.objects.visible_to(user).select_related("asker", "expert", "group", "retainer", "incident")
    return get_object_or_404(rows.distinct(), pk=pk)


def _say_form(request: AccountRequest, found: ExpertRequest) -> SayForm:
    if found.retainer_id is None:
        return SayForm(request.POST or None)
    return RetainerSayForm(request.POST or None, request=found, asker=found.asker_id == request.user.pk)


def _thread(user: User, found: ExpertRequest) -> dict[str, Any]:
    mine, expert = found.asker_id == user.pk, is_expert(found, user)
    open_ = found.status != ExpertStatus.CLOSED
    return {
        "request_": found,
        "messages_": found.messages.select_related("dispatch")[:500],
        "subject": _link(found, user),
        "shared": ExpertRequest.objects.shared_with(user).filter(pk=found.pk).exists(),
        "expert": expert,
        "mine": mine,
        "may_close": (mine or expert) and open_,
        "may_write": (mine or expert or may_write_answer(found, user)) and open_,
        "may_mail": may_write_answer(found, user) and open_,
        "crumbs": [{"label": "Expert requests", "url": reverse("remediation:experts")}, {"label": found.number}],
    }


def _ask(
    request: AccountRequest, form: AskExpertForm, subject: Subject, incident: Incident | None
) -> ExpertRequest | None:
    """The request; None when the form now says what is wrong."""
    said = form.cleaned_data
    try:
        return ask_expert(
            subject, topic=said["topic"], text=said["question"], share=said["share"], within_h=int(said["within"]),
            incident=incident, actor=request.user.actor, user=request.user, **form.asked,
        )  # fmt: skip
    except ValidationError as error:
        for name, messages in (error.message_dict if hasattr(error, "error_dict") else {"": error.messages}).items():
            form.add_error(name if name in form.fields else None, messages)
    except Refused as refused:
        form.add_error(None, refused.message)
    return None


def _subject(user: User, kind: str, target_id: int) -> Subject:
    if kind not in MODELS:
        raise Http404
    found: Subject = get_object_or_404(MODELS[kind].objects.visible_to(user), pk=target_id)
    return found


def _chosen(user: User, state: str) -> ExpertRequestQuerySet:
    rows = ExpertRequest.objects.select_related("asker", "expert", "group", "retainer", "incident")
    if state == "mine":
        return rows.filter(pk__in=ExpertRequest.objects.shared_with(user).values("pk"))
    seen = rows.filter(pk__in=ExpertRequest.objects.visible_to(user).values("pk"))
    return seen if state == "all" else seen.filter(status=state)


def _link(found: ExpertRequest, user: User) -> dict[str, str]:
    """The thing asked about; a link only for somebody who may see it."""
    seen = MODELS[found.subject_kind].objects.visible_to(user).filter(pk=found.subject_id).exists()
    url = f"/{_PATHS[found.subject_kind]}/{found.subject_id}/" if seen else ""
    return {"kind": found.subject_kind, "name": found.subject_name, "url": url}
