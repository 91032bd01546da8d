"""The endpoint agents of the device groups that somebody sees."""

from collections.abc import Iterator
from typing import Any

from django.db.models import Q
from django.http import HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from accounts import keys
from accounts.guard import AccountRequest, requires
from connectors.agent_facts import cannot, connected_since, health_mark, health_of, os_of
from connectors.agent_forms import AgentFilterForm
from connectors.enums import AgentState
from connectors.models import Agent
from connectors.queries.agents import AgentQuerySet
from core import exports
from core.filters import at_cursor, chips_of
from core.pages import leaf
from core.pagination import Keyset, counted, counted_together

WAYS = [("approve", "Approve"), ("reject", "Reject"), ("revoke", "Revoke")]
ORDERS = {"name": ("name", "id"), "seen": ("seen_at", "id"), "joined": ("enrolled_at", "id")}
CSV_HEADER = ("name", "fingerprint", "device group", "state", "health", "last heard", "version", "system", "cannot",
              "drifts", "key used twice since", "disagrees since a restore", "joined", "demo data")  # fmt: skip


@require_safe
@requires(keys.READ)
def agent_list(request: AccountRequest) -> HttpResponse:
    form = AgentFilterForm(request.GET, user=request.user)
    found = _found(request, form)
    word = request.GET.get("sort", "name")
    word = word if word.removeprefix("-") in ORDERS else "name"
    keyset = Keyset(ORDERS[word.removeprefix("-")], word.startswith("-"))
    page = leaf(found, keyset, purpose=f"agents:{word}", cursor=request.GET.get("cursor", ""))
    mine = Agent.objects.visible_to(request.user)
    context = {
        "rows": rows_with_health(page.rows),
        "sort": word,
        "form": form,
        "chips": chips_of(request, form) if form.is_valid() else [],
        "clear_url": request.path,
        "total": counted(found),
        "counts": counted_together({"all": mine, "pending": mine.filter(state=AgentState.PENDING)}),
        "may_manage": request.user.holds(keys.MANAGE_SYSTEM),
        "ways": WAYS,
        "newer_url": at_cursor(request, page.newer),
        "older_url": at_cursor(request, page.older),
    }
    return render(request, "connectors/agents.html", context)


def rows_with_health(agents: list[Agent]) -> list[dict[str, Any]]:
    """Each with its health; which of them drift is asked once for all."""
    drifting = set(Agent.objects.filter(pk__in=[one.pk for one in agents]).drifting().values_list("pk", flat=True))
    return [
        {"agent": one, "health": health_of(one), "mark": health_mark(one), "os": os_of(one),
         "cannot": cannot(one) if one.state == AgentState.APPROVED else {}, "drifts": one.pk in drifting}
        for one in agents
    ]  # fmt: skip


def _found(request: AccountRequest, form: AgentFilterForm) -> AgentQuerySet:
    rows = Agent.objects.visible_to(request.user).light()
    wanted = form.cleaned_data if form.is_valid() else {}
    if text := str(wanted.get("q", "")).replace("\x00", "").strip():
        rows = rows.filter(Q(name__icontains=text) | Q(device_id__startswith=text.replace(" ", "").lower()))
    if state := wanted.get("state"):
        rows = rows.filter(state=state)
    if group := wanted.get("group"):
        rows = rows.filter(device_group=int(group))
    return _in_trouble(_of_health(rows, wanted.get("health", "")), wanted.get("trouble", ""))


def _of_health(rows: AgentQuerySet, health: str) -> AgentQuerySet:
    edge = connected_since()
    match health:
        case "connected":
            return rows.connected(edge)
        case "away":
            return rows.in_service().filter(silent_since=None).exclude(seen_at__gte=edge)
        case "silent":
            return rows.in_service().exclude(silent_since=None).exclude(seen_at__gte=edge)
    return rows


def _in_trouble(rows: AgentQuerySet, trouble: str) -> AgentQuerySet:
    match trouble:
        case "drift":
            return rows.drifting()
        case "clone":
            return rows.exclude(cloned_at=None)
        case "ahead":
            return rows.filter(ahead=True)
    return rows


@require_safe
@requires(keys.READ)
def agents_csv(request: AccountRequest) -> StreamingHttpResponse:
    """What is filtered, at most 10,000 rows."""
    found = _found(request, AgentFilterForm(request.GET, user=request.user)).order_by("name", "id")
    return exports.csv_response("endpoint-agents", CSV_HEADER, _lines(list(found[: exports.MAX_ROWS])))


def _lines(agents: list[Agent]) -> Iterator[tuple[Any, ...]]:
    for row in rows_with_health(agents):
        one: Agent = row["agent"]
        yield (one.name, one.device_id, one.device_group.name, one.get_state_display(), row["health"], one.seen_at,
               one.version, row["os"], [f"{name}: {why}" for name, why in row["cannot"].items()],
               "yes" if row["drifts"] else "", one.cloned_at, "yes" if one.ahead else "", one.enrolled_at,
               "SIMULATED" if one.exercise else "")  # fmt: skip
