"""Evidence in custody: the list in the Action center, one piece with its chain, the tab of an incident, the sealed
export."""

from collections.abc import Iterator
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import Http404, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.urls import reverse

from accounts import keys
from accounts.guard import AccountRequest, requires
from connectors.services.agents.proofs import why_not_proven
from core import clock
from core.downloads import download
from core.exports import MAX_ROWS, csv_response
from core.filters import at_cursor, chips_of
from core.pages import leaf
from core.pagination import Keyset, counted
from core.wording import counted as said
from remediation.cleaning_forms import EvidenceFilterForm, SaidForm
from remediation.models import ActionRun, Custody
from remediation.refused import Refused
from remediation.services.custody import lines_of
from remediation.services.export_evidence import MOST_PIECES, export_evidence, fingerprints
from remediation.views.sweeps import incident_of

NEWEST = Keyset(("taken", "id"))
CSV_COLUMNS = ("evidence", "kind", "name", "device", "sha256", "size", "taken", "taken_by", "run", "incident", "signed",
               "kept_until", "legal_hold", "opened", "last_opened", "deleted", "deleted_because")  # fmt: skip


@requires(keys.READ)
def artefacts(request: AccountRequest) -> HttpResponse:
    """Everything in custody that this person may see, newest first."""
    form = EvidenceFilterForm(request.GET)
    found = _matching(request, form)
    page = leaf(found, NEWEST, purpose="artefacts", cursor=request.GET.get("cursor", ""))
    context = {
        "rows": [_row(one) for one in page.rows],
        "form": form,
        "chips": chips_of(request, form) if form.is_valid() else [],
        "clear_url": request.path,
        "most": MAX_ROWS,
        "total": counted(found),
        "newer_url": at_cursor(request, page.newer),
        "older_url": at_cursor(request, page.older),
        "may": request.user.holds(keys.REQUEST_RESPONSE),
        "pending_total": counted(ActionRun.objects.visible_to(request.user).top_level().pending()),
    }
    return render(request, "remediation/artefacts.html", context)


@requires(keys.READ)
def artefacts_csv(request: AccountRequest) -> HttpResponseBase:
    """The filtered list, newest first, at most 10,000 rows."""
    found = _matching(request, EvidenceFilterForm(request.GET))
    return csv_response("artifacts", CSV_COLUMNS, _lines(NEWEST.order(found)[:MAX_ROWS]))


def _matching(request: AccountRequest, form: EvidenceFilterForm) -> QuerySet[Custody]:
    wanted = form.cleaned_data if form.is_valid() else {}
    rows = Custody.objects.visible_to(request.user).select_related("blob", "run", "incident")
    named = {"kind": "kind", "device": "device_name__icontains", "name": "name__icontains",
             "sha256": "sha256__startswith"}  # fmt: skip
    rows = rows.filter(**{column: wanted[name].strip().replace("\x00", "") for name, column in named.items()
                          if wanted.get(name)})  # fmt: skip
    states: dict[str, dict[str, Any]] = {
        "kept": {"gone": None}, "gone": {"gone__isnull": False}, "held": {"incident__on_hold": True, "gone": None},
        "opened": {"opened__gt": 0},
    }  # fmt: skip
    return rows.filter(**states.get(wanted.get("state", ""), {}))


def _lines(rows: QuerySet[Custody]) -> Iterator[tuple[Any, ...]]:
    for one in rows:
        yield (
            one.number, one.kind, one.name, one.device_name, one.sha256, one.size, one.taken,
            one.taken_by.get("name", ""), one.run.number if one.run else "",
            one.incident.number if one.incident else "", "yes" if one.proof else "",
            one.blob.keep_until if one.blob else None,
            "yes" if one.incident and one.incident.on_hold else "", one.opened, one.last_opened, one.gone, one.gone_why,
        )  # fmt: skip


def _row(one: Custody) -> dict[str, Any]:
    proven = why_not_proven(one.proof, one.sha256) if one.proof else ""
    return {
        "one": one,
        "url": reverse("remediation:custody", args=[one.pk]),
        "held": bool(one.incident and one.incident.on_hold),
        "signed": bool(one.proof) and not proven,
        "unproven": proven,
        "ends_soon": bool(one.blob and one.blob.keep_until and (one.blob.keep_until - clock.now()).days < 14),
    }


@requires(keys.READ)
def custody(request: AccountRequest, pk: int) -> HttpResponse:
    """One piece of evidence and everything that happened to it."""
    rows = Custody.objects.visible_to(request.user).select_related("blob", "run", "incident", "device")
    one = get_object_or_404(rows.distinct(), pk=pk)
    context = {
        **_row(one),
        "lines": lines_of(one),
        "open_url": _open_url(one),
        "why_not": why_not_proven(one.proof, one.sha256),
        "may": request.user.holds(keys.REQUEST_RESPONSE),
        "crumbs": [{"label": "Artifacts", "url": reverse("remediation:artefacts")}, {"label": one.number}],
    }
    return render(request, "remediation/custody.html", context)


def _open_url(one: Custody) -> str:
    """Where its contents are handed out."""
    _, _, place = one.reference.partition("/")
    if one.run_id is None or one.blob_id is None or not place.isdecimal():
        return ""
    return reverse("remediation:artefact", args=[one.run_id, int(place)])


@requires(keys.READ)
def of_incident(request: AccountRequest, incident_id: int) -> HttpResponse:
    """The evidence of an incident that is in custody."""
    incident = incident_of(request, incident_id)
    found = Custody.objects.visible_to(request.user).filter(incident=incident).select_related("blob", "run", "incident")
    context = {
        "incident": incident,
        "rows": [_row(one) for one in found.order_by("-taken", "-pk")[:500]],
        "may": request.user.holds(keys.REQUEST_RESPONSE),
    }
    return render(request, "remediation/custody_of_incident.html", context)


@requires(keys.REQUEST_RESPONSE)
def export(request: AccountRequest) -> HttpResponseBase:
    """Choose (GET `?id=`) and take away (POST) a sealed export."""
    chosen, form, refusal = _checked(request), SaidForm(request.POST or None), ""
    if request.method == "POST" and form.is_valid():
        try:
            content = export_evidence(
                chosen, reason=form.cleaned_data["reason"], actor=request.actor, user=request.user
            )  # fmt: skip
        except Refused as no:
            refusal = no.message
        except ValidationError as error:
            refusal = " ".join(error.messages)
        else:
            return download(content, name=f"evidence-{clock.now():%Y%m%d-%H%M%S}.zip", media_type="application/zip")
    context = {
        "form": form,
        "rows": chosen,
        "refusal": refusal,
        "what": said(len(chosen), "piece of evidence", "pieces of evidence"),
        "fingerprint": fingerprints()[0],
        "crumbs": [{"label": "Artifacts", "url": reverse("remediation:artefacts")}, {"label": "Sealed export"}],
    }
    return render(request, "remediation/export_evidence.html", context, status=422 if request.method == "POST" else 200)


def _checked(request: AccountRequest) -> list[Custody]:
    values = request.POST if request.method == "POST" else request.GET
    ids = {int(one) for one in values.getlist("id")[:MOST_PIECES] if one.isdecimal() and len(one) < 18}
    found = list(Custody.objects.visible_to(request.user).select_related("incident").filter(pk__in=ids).order_by("pk"))
    if not found or len(found) != len(ids):
        raise Http404
    return found
