"""The sweep tab of an incident: what was found where, and getting rid of it."""

from collections.abc import Callable
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse

from accounts import keys
from accounts.guard import AccountRequest, requires
from core.wording import counted
from incidents.models import Device, Incident
from remediation.cleaning_forms import SaidForm, SweepForm
from remediation.enums import RunStatus, SweepPartState
from remediation.models import Sweep, SweepFinding, SweepPart
from remediation.refused import Refused
from remediation.services.compare_sweeps import compare
from remediation.services.gather_signs import signs_of, typed_signs
from remediation.services.remove_findings import MOST, accept_findings, remove_findings, reopen_findings, way_of
from remediation.services.sweep import devices_in_reach, start_sweep
from remediation.views.answers import done
from remediation.views.links import target_link

MOST_ROWS, MOST_SWEEPS, MOST_PARTS = 500, 20, 200
_HOW_FAR = {RunStatus.DELIVERED: "Asked", RunStatus.STARTED: "Looks now"}
_WAYS = {"file.quarantine": "Quarantine", "identity.disable": "Disable", "indicator": "Block"}


def incident_of(request: AccountRequest, pk: int) -> Incident:
    return get_object_or_404(Incident.objects.visible_to(request.user).distinct(), pk=pk)


@requires(keys.READ)
def of_incident(request: AccountRequest, incident_id: int) -> HttpResponse:
    """What a sweep found where (the newest one, or `?sweep=`), live as devices answer."""
    incident = incident_of(request, incident_id)
    sweeps = list(Sweep.objects.filter(incident=incident).order_by("-pk")[:MOST_SWEEPS])
    wanted = request.GET.get("sweep", "")
    sweep = next((one for one in sweeps if str(one.pk) == wanted), sweeps[0] if sweeps else None)
    context = {
        "incident": incident,
        "sweeps": sweeps,
        "sweep": sweep,
        "may": request.user.holds(keys.REQUEST_RESPONSE),
        "may_accept": request.user.holds(keys.DECIDE_RESPONSE),
        **(_answers(sweep, request) if sweep else {}),
    }
    return render(request, "remediation/sweeps.html", context)


def _answers(sweep: Sweep, request: AccountRequest) -> dict[str, Any]:
    user = request.user
    parts = SweepPart.objects.filter(sweep=sweep, device__in=Device.objects.visible_to(user)).select_related(
        "device", "run"
    )
    counts = dict.fromkeys(SweepPartState.values, 0)
    for state in parts.values_list("state", flat=True):
        counts[state] += 1
    found = SweepFinding.objects.visible_to(user).filter(sweeps=sweep)
    found = found.select_related("device", "file", "identity", "removal", "indicator")
    found = found.order_by("device__display_name", "kind", "where")
    rows = [_row(one) for one in found[:MOST_ROWS]]
    unheard = parts.filter(state__in=[SweepPartState.SILENT, SweepPartState.REFUSED])
    return {
        "rows": rows,
        **_still_open(parts, counts),
        "unheard": unheard.order_by("state", "device__display_name")[:MOST_PARTS],
        "without_answer": counts[SweepPartState.SILENT] + counts[SweepPartState.REFUSED],
        "partial": parts.filter(state=SweepPartState.ANSWERED).exclude(detail="")[:MOST_PARTS],
        "asked": sum(counts.values()),
        "answered": counts[SweepPartState.ANSWERED],
        "devices_with": len({row["finding"].device_id for row in rows}),
        "comparison": compare(sweep, user),
        "hidden": sweep.parts.count() - sum(counts.values()),
    }


def _still_open(parts: QuerySet[SweepPart], counts: dict[str, int]) -> dict[str, Any]:
    """How far those are that have not answered yet."""
    found = parts.filter(state__in=(SweepPartState.WAITING, SweepPartState.ASKED))
    looking = found.filter(run__status=RunStatus.STARTED).count()
    return {
        "still": [_still(part) for part in found.order_by("device__display_name")[:MOST_PARTS]],
        "waiting": counts[SweepPartState.WAITING] + counts[SweepPartState.ASKED],
        "looking": looking,
        "on_their_way": counts[SweepPartState.ASKED] - looking,
        "to_be_asked": counts[SweepPartState.WAITING],
    }


def _still(part: SweepPart) -> dict[str, Any]:
    status = part.run.status if part.run else ""
    word = _HOW_FAR.get(RunStatus(status), "On its way") if status else "To be asked"
    return {"part": part, "word": word, "looks": status == RunStatus.STARTED}


def _row(finding: SweepFinding) -> dict[str, Any]:
    action, target = way_of(finding)
    return {
        "finding": finding,
        "device": target_link("device", finding.device_id, str(finding.device)),
        "way": _WAYS[action] if target is not None or action == "indicator" else "",
    }


@requires(keys.REQUEST_RESPONSE)
def new_sweep(request: AccountRequest, incident_id: int) -> HttpResponse:
    """Choose what to look for (GET); ask every device in reach (POST)."""
    incident = incident_of(request, incident_id)
    form = SweepForm(request.POST or None, offered=signs_of(incident, request.user))
    refusal = ""
    if request.method == "POST" and form.is_valid():
        try:
            sweep = start_sweep(
                incident, items=[*form.chosen, *typed_signs(form.cleaned_data["more"])],
                reason=form.cleaned_data["reason"], actor=request.actor, user=request.user,
            )  # fmt: skip
        except Refused as refused:
            refusal = refused.message
        except ValidationError as error:
            form.add_error(None, error.messages[0])
        else:
            detail = f"{counted(sweep.parts.count(), 'device')} asked for {counted(len(sweep.items), 'thing')}."
            return done(request, title=f"{sweep.number} started", detail=detail, url=tab_url(incident, "sweep"))
    reach = devices_in_reach(request.user, exercise=incident.exercise).count()
    ask = {"title": f"Sweep for {incident.number}", "verb": "Start the sweep", "symbol": "search", "refusal": refusal,
           "happens": f"{counted(reach, 'device')} in your scope look for what you choose and tell where it is. "
           "Nothing is changed on them; devices that are away answer within 4 hours or are named."}  # fmt: skip
    status = 422 if request.method == "POST" else 200
    return render(request, "remediation/ask.html", {"form": form, "ask": ask}, status=status)


def tab_url(incident: Incident, tab: str) -> str:
    return reverse("incidents:incident", args=[incident.pk, tab])


@requires(keys.REQUEST_RESPONSE)
def remove(request: AccountRequest, incident_id: int) -> HttpResponse:
    """Ask for the removal of the checked findings, each through its ordinary action."""
    incident = incident_of(request, incident_id)
    found, form = _checked(request, incident), SaidForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        results = remove_findings(
            found, reason=form.cleaned_data["reason"], actor=request.actor, user=request.user
        )  # fmt: skip
        good = sum(one.ok for one in results)
        refused = "; ".join(dict.fromkeys(one.message for one in results if not one.ok))
        detail = " ".join(filter(None, [f"Refused: {refused}" if refused else "", _waits(good)]))
        return done(request, title=f"{good} of {len(results)} asked for", detail=detail[:400],
                    url=tab_url(incident, "sweep"))  # fmt: skip
    ways = {_WAYS[way_of(one)[0]].lower() for one in found}
    ask = {"title": f"Remove {counted(len(found), 'finding')}", "verb": "Ask for it", "symbol": "box", "danger": True,
           "happens": f"By the ordinary actions ({', '.join(sorted(ways))}), with their approval. A file is "
           "quarantined wherever it was seen or found.", "checked_by": "Each device, or the next sweep.",
           "undo": "Each action by its own undo."}  # fmt: skip
    return _dialog(request, form, ask, found)


def _waits(good: int) -> str:
    return "What needs approval waits in the Action center." if good else ""


@requires(keys.DECIDE_RESPONSE)
def accept(request: AccountRequest, incident_id: int) -> HttpResponse:
    """Leave the checked findings where they are, with a reason."""
    words = {"verb": "Accept", "symbol": "check", "happens": "They stay on the devices and no longer count as open.",
             "undo": "Reopen, with a reason."}  # fmt: skip
    return _say(request, incident_id, accept_findings, words, "accepted")


@requires(keys.DECIDE_RESPONSE)
def reopen(request: AccountRequest, incident_id: int) -> HttpResponse:
    """Let the checked findings that were accepted count again, with a reason."""
    words = {"verb": "Reopen", "symbol": "refresh", "happens": "They count as found again, as before they were "
             "accepted. Nothing is asked of the devices."}  # fmt: skip
    return _say(request, incident_id, reopen_findings, words, "reopened")


def _say(
    request: AccountRequest, incident_id: int, service: Callable[..., int], words: dict[str, Any], became: str
) -> HttpResponse:
    """Ask for the reason (GET); say it of each checked finding (POST)."""
    incident = incident_of(request, incident_id)
    found, form, refusal = _checked(request, incident), SaidForm(request.POST or None), ""
    if request.method == "POST" and form.is_valid():
        try:
            count = service(found, reason=form.cleaned_data["reason"], actor=request.actor, user=request.user)
        except Refused as refused:
            refusal = refused.message
        except ValidationError as error:
            form.add_error(None, error.messages[0])
        else:
            title = f"{counted(count, 'finding')} {became}"
            return done(request, title=title, detail="With your reason.", url=tab_url(incident, "sweep"))
    ask = {"title": f"{words['verb']} {counted(len(found), 'finding')}", "refusal": refusal, **words}
    return _dialog(request, form, ask, found)


def _checked(request: AccountRequest, incident: Incident) -> list[SweepFinding]:
    """The findings that were checked; 404 when one of them is not for this person."""
    values = request.POST if request.method == "POST" else request.GET
    ids = {int(one) for one in values.getlist("id")[:MOST] if one.isdecimal() and len(one) < 18}
    found = list(SweepFinding.objects.visible_to(request.user).filter(incident=incident, pk__in=ids).order_by("pk"))
    if not found or len(found) != len(ids):
        raise Http404
    return found


def _dialog(request: AccountRequest, form: SaidForm, ask: dict[str, Any], found: list[SweepFinding]) -> HttpResponse:
    devices = {one.device_id: target_link("device", one.device_id, str(one.device)) for one in found}
    context = {"form": form, "ask": ask, "targets": list(devices.values())[:20], "ids": [one.pk for one in found]}
    return render(request, "remediation/ask.html", context, status=422 if request.method == "POST" else 200)
