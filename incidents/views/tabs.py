"""The panels Alerts, Assets, Evidence and response, Activities of an incident."""

from collections.abc import Sequence
from typing import Any

from django.db.models import Count, QuerySet
from django.http import HttpResponse, QueryDict
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from accounts import keys
from accounts.guard import AccountRequest, requires
from core.pages import leaf
from core.pagination import Keyset, counted
from incidents.activities import KINDS as ACTIVITY_KINDS
from incidents.activities import ORIGINS, activities_of
from incidents.assets import MODELS, entity_url, named_as_seen
from incidents.containment import containment_of
from incidents.entity_facts import KINDS
from incidents.enums import EVIDENCE_LABELS, EvidenceVerdict, RemediationStatus
from incidents.evidence_groups import as_things, count_by, firsts, with_naming
from incidents.evidence_marks import with_marks
from incidents.models import Alert, Evidence, Incident
from incidents.story import BESIDE
from incidents.views.incident import find_incident

LOOKS = {
    RemediationStatus.REMEDIATED: ("ok", "check"),
    RemediationStatus.PREVENTED: ("ok", "shield"),
    RemediationStatus.BLOCKED: ("ok", "shield"),
    RemediationStatus.ACTIVE: ("danger", "warn"),
    RemediationStatus.PENDING_APPROVAL: ("warn", "clock"),
    RemediationStatus.PARTIALLY_REMEDIATED: ("warn", "warn"),
}
# Things that are no entity and that something can be done about.
ANSWERABLE = frozenset({"ip", "url", "dns"})
ASSET_KINDS = ("device", "identity", "mailbox")


@require_safe
@requires(keys.READ)
def alerts(request: AccountRequest, pk: int) -> HttpResponse:
    """The alerts in order of time with the reason each is here."""
    found = find_incident(request, pk)
    rows = Alert.objects.visible_to(request.user).filter(incident=found).with_reasons(request.user)
    rows = rows.select_related("assigned_to")
    page = leaf(rows.defer("additional_data"), Keyset(("first_activity", "id"), descending=False),
                purpose=f"alerts:{pk}", cursor=request.GET.get("cursor", ""))  # fmt: skip
    visible = counted(rows)
    context = {
        "incident": found,
        "alerts": [{"alert": alert, "why": _reason(alert, found)} for alert in page.rows],
        "total": visible,
        "hidden": 0 if request.user.scope.everything else found.alerts.count() - visible,
        "may_manage": request.user.holds(keys.MANAGE_ALERTS),
        **_leaves(request, page.newer, page.older),
    }
    return render(request, "incidents/alerts.html", context)


def _reason(alert: Alert, found: Incident) -> Any:
    """The link that holds it in this incident: the newest that nobody undid."""
    links = [link for link in alert.links.all() if link.incident_id == found.pk and link.undone is None]
    return max(links, key=lambda link: link.pk, default=None)


def _leaves(request: AccountRequest, newer: str, older: str) -> dict[str, str]:
    def address(cursor: str) -> str:
        params = request.GET.copy()
        params["cursor"] = cursor
        return f"{request.path}?{params.urlencode()}"

    return {"newer_url": address(newer) if newer else "", "older_url": address(older) if older else ""}


@require_safe
@requires(keys.READ)
def assets(request: AccountRequest, pk: int) -> HttpResponse:
    """Devices, accounts, mailboxes that visible alerts name, with what holds them."""
    found = find_incident(request, pk)
    groups = [_assets_of(kind, found, request) for kind in ASSET_KINDS]
    others = (
        Evidence.objects.visible_to(request.user)
        .filter(alert__incident=found, type__in=["cloudApplication", "oauthApplication", "azureResource",
                                                 "amazonResource", "googleCloudResource"])
        .values("type", "display").annotate(n=Count("alert", distinct=True)).order_by("-n")[:50]
    )  # fmt: skip
    context = {"incident": found, "groups": groups, "others": others, "any_asset": any(g["rows"] for g in groups)}
    return render(request, "incidents/assets.html", context)


def _assets_of(kind: str, found: Incident, request: AccountRequest) -> dict[str, Any]:
    named = Evidence.objects.visible_to(request.user).filter(alert__incident=found).exclude(**{kind: None})
    times = dict(named.values_list(kind).annotate(n=Count("alert", distinct=True)).values_list(kind, "n"))
    rows: QuerySet[Any] = MODELS[kind].objects.visible_to(request.user).filter(pk__in=list(times))
    if kind == "device":
        rows = rows.select_related("device_group")
    shown = sorted(rows[:500], key=lambda row: (-times[row.pk], row.display_name))
    return {
        "kind": KINDS[kind],
        "rows": [
            {
                "entity": row,
                "key": str(row.pk),
                "url": entity_url(kind, row.pk),
                "alerts": times[row.pk],
                "held": containment_of(row),
            }
            for row in shown
        ],
        "hidden": len(times) - len(shown),
    }


@require_safe
@requires(keys.READ)
def evidence(request: AccountRequest, pk: int) -> HttpResponse:
    """Everything that the alerts name, once each, with verdict, what became of it and which alerts say so."""
    found, params = find_incident(request, pk), request.GET
    everything = as_things(Evidence.objects.visible_to(request.user).filter(alert__incident=found))
    rows = everything
    chosen = {name: params.getlist(name) for name in ("verdict", "state", "type") if params.getlist(name)}
    columns = {"verdict": "verdict__in", "state": "remediation_status__in", "type": "type__in"}
    for name, values in chosen.items():
        rows = rows.filter(**{columns[name]: [value.replace("\x00", "") for value in values[:40]]})
    each = firsts(rows)
    full = each.select_related("device", "file", "identity", "mailbox")
    page = leaf(full, Keyset(("id",), descending=False),
                purpose=f"evidence:{pk}", cursor=params.get("cursor", ""))  # fmt: skip
    shown = named_as_seen(with_marks(with_naming(page.rows, rows), request), request.user)
    context = {
        "incident": found,
        "rows": [_row_of(item, found) for item in shown],
        "total": counted(each),
        "facets": _facets(everything, params, request.path),
        "any_filter": bool(chosen),
        **_leaves(request, page.newer, page.older),
    }
    return render(request, "incidents/evidence.html", context)


def _row_of(item: Any, found: Incident) -> Any:
    """Green only for what is done away with, red for what is open. Its pane is the one of the attack story."""
    item.state_look = LOOKS.get(item.naming.status, ("", ""))
    item.state_word = RemediationStatus(item.naming.status).label
    entity = None if item.type in {*BESIDE, "process"} else item.entity
    key = f"{entity.kind.value}-{entity.pk}" if entity else f"e{item.pk}"
    item.pane = reverse("incidents:node", args=[found.pk, key])
    item.url = entity_url(entity.kind.value, entity.pk) if entity else item.pane
    item.acts = entity is not None or item.type in ANSWERABLE
    return item


def _facets(things: QuerySet[Evidence], params: QueryDict, path: str) -> list[dict[str, Any]]:
    """What can be filtered by and how many there are of each, as links that switch a value on and off."""
    spec: Sequence[tuple[str, str, str, dict[str, str]]] = (
        ("verdict", "Verdict", "verdict", {str(c.value): str(c.label) for c in EvidenceVerdict}),
        ("state", "State", "remediation_status", {str(c.value): str(c.label) for c in RemediationStatus}),
        ("type", "Kind", "type", EVIDENCE_LABELS),
    )
    counts = count_by(things, [column for _name, _label, column, _words in spec])
    facets = []
    for name, label, column, words in spec:
        items = [
            {"label": words.get(value, value), "count": n, "on": value in params.getlist(name),
             "url": f"{path}?{_toggled(params, name, value)}"}
            for value, n in counts[column].most_common()
        ]  # fmt: skip
        facets.append({"label": label, "items": items})
    return facets


def _toggled(params: QueryDict, name: str, value: str) -> str:
    copy = params.copy()
    copy.pop("cursor", None)
    values = copy.getlist(name)
    copy.setlist(name, [item for item in values if item != value] if value in values else [*values, value])
    return copy.urlencode()


@require_safe
@requires(keys.READ)
def activities(request: AccountRequest, pk: int) -> HttpResponse:
    """History and comments as one timeline."""
    found, params = find_incident(request, pk), request.GET
    kinds, origins = params.getlist("kind"), params.getlist("by")
    page = activities_of(found, request.user, kinds=kinds, origins=origins, cursor=params.get("cursor", ""))
    spoken = {key: label for key, (label, _q) in ACTIVITY_KINDS.items()}
    facets = [
        {"label": title, "switches": [
            {"label": label, "on": key in params.getlist(name), "url": f"{request.path}?{_toggled(params, name, key)}"}
            for key, label in table.items()
        ]}
        for title, name, table in (("What", "kind", spoken), ("By", "by", ORIGINS))
    ]  # fmt: skip
    context = {"incident": found, "entries": page.entries, "facets": facets,
               "may_manage": request.user.holds(keys.MANAGE_ALERTS), "any_filter": bool(kinds or origins),
               **_leaves(request, page.newer, page.older)}  # fmt: skip
    return render(request, "incidents/activities.html", context)
