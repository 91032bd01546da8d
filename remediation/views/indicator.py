"""One indicator: its page, and the dialogs that make, change, remove and take back."""

from collections.abc import Callable
from typing import Any

from django.core.exceptions import ValidationError
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from accounts import keys
from accounts.guard import AccountRequest, requires
from accounts.models import User
from core.htmx import done, wants_part
from incidents.entity_facts import incidents_naming
from incidents.models import File, Incident
from remediation.enums import HitKind, IndicatorAction, IndicatorDeed, IndicatorSource, IndicatorType
from remediation.forms import ReasonForm
from remediation.indicator_forms import IndicatorForm
from remediation.indicator_values import ACTIONS
from remediation.models import Indicator, IndicatorChange, IndicatorHit
from remediation.refused import Refused
from remediation.services.enforce_indicators import send_again
from remediation.services.find_indicators import winners_beside
from remediation.services.indicator_reach import reach_of_indicator
from remediation.services.remove_indicator import remove_indicator, undo_indicator
from remediation.services.set_indicator import change_indicator, create_indicator, last_change
from remediation.views.fetch import incident_for
from remediation.views.indicators import PILLS, group_names

REFRESH = ["#indicators", "#indicator-of-pane", "[data-refresh]", "#node-body", "#respond"]
MOST_HITS, MOST_INCIDENTS = 20, 20
_ENDS: dict[str, Callable[..., object]] = {"remove": remove_indicator, "undo": undo_indicator, "send": send_again}
_DONE = {"remove": "removed", "undo": "taken back", "send": "sent again"}
_UNDO = {
    IndicatorDeed.MADE: "Removes it again",
    IndicatorDeed.CHANGED: "Gives it its former fields again",
    IndicatorDeed.REMOVED: "Puts it in force again",
    IndicatorDeed.EXPIRED: "Puts it in force again, without an end",
    IndicatorDeed.RESTORED: "Removes it again",
}


@require_safe
@requires(keys.READ)
def indicator(request: AccountRequest, pk: int) -> HttpResponse:
    """What it says, who made it from what, how each connection follows, and what was done to it."""
    found = indicator_for(request.user, pk)
    alone = not wants_part(request)
    context = {
        "indicator": found,
        "pill": PILLS[found.action],
        "alone": alone,
        "groups": _groups(found, request.user),
        "incident": _incident(found, request.user),
        "origin": _origin(found, request.user),
        "enforcements": _enforcements(found),
        "agents": reach_of_indicator(found, request.user),
        "winners": _winners(found, request.user),
        "unequal": found.enforcements.unequal().filter(delivery_id=None).exists(),
        "hits": _hits(found, request.user),
        "changes": [_told(change) for change in found.changes.all()[:50]],
        "undo": "" if _is_just_made(found) else _undo_words(found),
        "may_manage": _may_manage(found, request.user),
        "crumbs": [{"label": "Indicators", "url": reverse("remediation:indicators")}, {"label": found.number}],
    }
    return render(request, "remediation/indicator.html", context)


def _winners(found: Indicator, user: User) -> list[tuple[str, Indicator, str]]:
    """Where others speak of the same value: name of the device group, who wins there, colour of what it says."""
    names = group_names()
    return [(names.get(group or 0, ""), one, PILLS[one.action]) for group, one in winners_beside(found, user=user)]


def _enforcements(found: Indicator) -> list[dict[str, Any]]:
    """Each connection with what is wanted there and what was read back, in words."""
    rows = found.enforcements.select_related("connection").order_by("connection__name")
    return [{"row": one, "wanted": _action_word(one.desired), "seen": _action_word(one.observed)} for one in rows]


def _action_word(value: str) -> str:
    """What is wanted of a connection, or was read back there, as people say it."""
    return str(IndicatorAction(value).label) if value in IndicatorAction.values else value.replace("_", " ")


@require_http_methods(["GET", "HEAD", "POST"])
@requires(keys.DECIDE_RESPONSE)
def new_indicator(request: AccountRequest) -> HttpResponse:
    """Made by hand, or of a hash, address, URL or certificate that some page shows (`type`, `value`, `incident`,
    `file`, `title`, `description`)."""
    incident = incident_for(request.user, request.GET.get("incident"))
    file = _file(request)
    offered = _open_with(file, request.user) if file and incident is None else []
    form = IndicatorForm(request.POST or None, user=request.user, incidents=offered,
                         initial=_initial(request, incident, file))  # fmt: skip
    if request.method == "POST" and form.is_valid():
        wanted = form.cleaned_data.get("incident")
        made = _make(request, form, incident or next((one for one in offered if str(one.pk) == wanted), None), file)
        if made is not None:
            page = reverse("remediation:indicator", args=[made.pk])
            detail = f"{made.number}: sent to every connection that can enforce it."
            return done(request, f"{made.get_action_display()} {made.value}", detail=detail, back=page, refresh=REFRESH)
    context = {"form": form, "incident": incident, "back": reverse("remediation:indicators"),
               "action": request.get_full_path()}  # fmt: skip
    return render(request, "remediation/indicator_form.html", context, status=422 if form.errors else 200)


@require_http_methods(["GET", "HEAD", "POST"])
@requires(keys.DECIDE_RESPONSE)
def edit_indicator(request: AccountRequest, pk: int) -> HttpResponse:
    found = indicator_for(request.user, pk)
    form = IndicatorForm(request.POST or None, user=request.user, indicator=found)
    page = reverse("remediation:indicator", args=[pk])
    if request.method == "POST" and form.is_valid():
        try:
            change_indicator(found, changes=form.wanted(), reason=form.cleaned_data["reason"],
                             actor=request.user.actor, user=request.user)  # fmt: skip
        except ValidationError as error:
            form.tell(error)
        except Refused as refused:
            form.add_error(None, refused.message)
        else:
            return done(request, f"{found.number} changed", back=page, refresh=REFRESH)
    context = {"form": form, "indicator": found, "back": page}
    return render(request, "remediation/indicator_form.html", context, status=422 if form.errors else 200)


@require_http_methods(["GET", "HEAD", "POST"])
@requires(keys.DECIDE_RESPONSE)
def end_indicator(request: AccountRequest, pk: int, how: str) -> HttpResponse:
    """Remove it (`remove`), take the newest deed back (`undo`), or send it again (`send`)."""
    found = indicator_for(request.user, pk)
    service = _ENDS.get(how)
    if service is None:
        raise Http404
    form = ReasonForm(request.POST or None)
    page = reverse("remediation:indicator", args=[pk])
    if request.method == "POST" and form.is_valid():
        try:
            service(found, reason=form.cleaned_data["reason"], actor=request.user.actor, user=request.user)
        except (Refused, ValidationError) as error:
            form.add_error(None, getattr(error, "message", str(error)))
        else:
            return done(request, f"{found.number}: {_DONE[how]}", back=page, refresh=REFRESH)
    context = {"form": form, "indicator": found, "how": how, "undo": _undo_words(found), "back": page}
    return render(request, "remediation/indicator_end.html", context, status=422 if form.errors else 200)


def indicator_for(user: User, pk: int) -> Indicator:
    """The indicator, when this person may see it; else 404."""
    return get_object_or_404(Indicator.objects.visible_to(user).select_related("incident"), pk=pk)


def _open_with(file: File, user: User) -> list[Incident]:
    """The open incidents that name the file, the gravest first."""
    naming = incidents_naming(file, user).open().for_rows()
    return list(naming.order_by("-priority_score", "-last_activity", "-pk")[:MOST_INCIDENTS])


def _make(
    request: AccountRequest, form: IndicatorForm, incident: Incident | None, file: File | None
) -> Indicator | None:
    """The indicator; None when the form now says what is wrong."""
    origin = {"kind": "file", "id": str(file.pk), "name": str(file)[:200]} if file else {}
    exercise = file.exercise if file else incident.exercise if incident else ""
    try:
        return create_indicator(
            fields=form.wanted(), reason=form.cleaned_data["reason"], actor=request.user.actor, user=request.user,
            source=IndicatorSource.INCIDENT if incident else IndicatorSource.MANUAL, incident=incident, origin=origin,
            exercise=exercise,
        )  # fmt: skip
    except ValidationError as error:
        form.tell(error)
    except Refused as refused:
        form.add_error(None, refused.message)
    return None


def _initial(request: AccountRequest, incident: Incident | None, file: File | None) -> dict[str, Any]:
    """What the page knows already; words that are none are passed over."""
    kind = request.GET.get("type", "")
    kind = kind if kind in IndicatorType.values else IndicatorType.SHA256.value
    wished = request.GET.get("action", IndicatorAction.BLOCK.value)
    allowed = [one.value for one in ACTIONS[kind]]
    initial: dict[str, Any] = {"type": kind, "value": request.GET.get("value", "").replace("\x00", "")[:2_000]}
    initial["action"] = wished if wished in allowed else allowed[-1]
    if incident is not None:
        initial |= {"title": f"{incident.number}: {str(file or initial['value'])[:150]}", "severity": incident.severity}
    elif file is not None:
        initial["title"] = str(file)[:200]
    for name, longest in (("title", 200), ("description", 4_000)):
        initial.setdefault(name, request.GET.get(name, "").replace("\x00", "")[:longest])
    return initial


def _file(request: AccountRequest) -> File | None:
    number = request.GET.get("file", "")
    if not (number.isascii() and number.isdigit() and len(number) <= 18):
        return None
    return get_object_or_404(File.objects.visible_to(request.user), pk=int(number))


def _groups(found: Indicator, user: User) -> list[str]:
    """The names of its device groups that this person may know of."""
    names = group_names()
    seen = [pk for pk in found.device_group_ids if user.scope.covers(pk)]
    hidden = len(found.device_group_ids) - len(seen)
    return [*(names.get(pk, "") for pk in seen), *([f"{hidden} outside your scope"] if hidden else [])]


def _incident(found: Indicator, user: User) -> Incident | None:
    return Incident.objects.visible_to(user).filter(pk=found.incident_id).first() if found.incident_id else None


def _origin(found: Indicator, user: User) -> dict[str, str] | None:
    """The file it was made from, when this person may see it."""
    if found.origin.get("kind") != "file":
        return None
    seen = File.objects.visible_to(user).filter(pk=int(found.origin["id"])).first()
    return {"name": str(seen), "url": f"/files/{seen.pk}/"} if seen else None


def _hits(found: Indicator, user: User) -> list[IndicatorHit]:
    """Where it was met of late, as far as this person may see."""
    rows = IndicatorHit.objects.visible_to(user).filter(indicator=found).select_related("alert", "device")
    found_last = list(rows.order_by("-at", "-pk")[:MOST_HITS])
    raised = {hit.alert_id for hit in found_last if hit.raised}
    return [hit for hit in found_last if hit.raised or hit.alert_id not in raised or hit.kind != HitKind.NAMED]


def _told(change: IndicatorChange) -> dict[str, Any]:
    """One line of the history: what became of each field."""
    fields = [
        {"name": name.replace("_", " "), "before": _word(change.before[name]), "after": _word(after)}
        for name, after in change.after.items()
        if change.before and name in change.before and change.before[name] != after and name != "device_group_ids"
    ]
    regrouped = bool(change.before) and change.before.get("device_group_ids") != change.after.get("device_group_ids")
    return {"change": change, "fields": fields, "regrouped": regrouped}


def _word(value: object) -> str:
    text = ", ".join(map(str, value)) if isinstance(value, list) else "" if value is None else str(value)
    return text[:200] or "nothing"


def _undo_words(found: Indicator) -> str:
    change = last_change(found)
    return _UNDO[IndicatorDeed(change.deed)] if change else ""


def _is_just_made(found: Indicator) -> bool:
    """Taking it back would be removing it, for which there is a button already."""
    change = last_change(found)
    return change is not None and change.deed in {IndicatorDeed.MADE, IndicatorDeed.RESTORED}


def _may_manage(found: Indicator, user: User) -> bool:
    within = user.scope.everything or (
        bool(found.device_group_ids) and set(found.device_group_ids) <= user.scope.group_ids
    )
    return user.holds(keys.DECIDE_RESPONSE) and within
