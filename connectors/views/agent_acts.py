"""What administrators decide about endpoint agents."""

from typing import Any

from django.core.exceptions import ValidationError
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from accounts import keys, step_up
from accounts.guard import AccountRequest, requires
from connectors import acts
from connectors.agent_facts import fingerprint_of
from connectors.enums import AgentState, OrderKind
from connectors.forms import ReasonForm
from connectors.models import Agent
from connectors.services.agents import decide
from connectors.services.agents.release import code_of, make_release_code
from connectors.services.agents.rotate import ask_for_new_key
from connectors.views.agent import find_agent
from core.htmx import done
from core.lifecycle import IllegalMove, LostRace
from core.wording import counted

MOST, MOST_DIGITS = 200, 18
# verb of the address -> the state, the word of the deed done, from which states it leads there
WAYS: dict[str, tuple[AgentState, str, frozenset[str]]] = {
    "approve": (AgentState.APPROVED, "Approved", frozenset({AgentState.PENDING, AgentState.REJECTED,
                                                             AgentState.REVOKED})),
    "reject": (AgentState.REJECTED, "Rejected", frozenset({AgentState.PENDING})),
    "revoke": (AgentState.REVOKED, "Revoked", frozenset({AgentState.APPROVED})),
}  # fmt: skip

# What root types on the device itself, before the code.
RELEASE = "soc-agentctl release"


@require_http_methods(["GET", "POST"])
@requires(keys.MANAGE_SYSTEM)
def decide_agents(request: AccountRequest, way: str) -> HttpResponse:
    """The agents that were checked, each as far as it can go there."""
    if way not in WAYS:
        raise Http404
    state, label, sources = WAYS[way]
    asked = _asked(request)
    ready = [one for one in asked if one.state in sources]
    form = ReasonForm(request.POST or None)
    if request.method == "POST" and form.is_valid() and ready:
        moved = _decide(ready, state, request, form.cleaned_data["reason"])
        title = f"{counted(moved, 'agent')} {label.lower()}"
        return done(request, title, leave=True, back=_back(request, asked))
    for one in ready:
        one.shown = fingerprint_of(one)  # type: ignore[attr-defined]
    context = {
        "form": form, "agents": ready, "left_out": len(asked) - len(ready), "way": way, "label": way.capitalize(),
        "back": _back(request, asked),
    }  # fmt: skip
    return render(request, "connectors/agent_decide.html", context, status=422 if form.errors else 200)


def _asked(request: AccountRequest) -> list[Agent]:
    given = request.GET.getlist("id") + request.POST.getlist("id")
    ids = [int(pk) for pk in given if pk.isascii() and pk.isdigit() and len(pk) <= MOST_DIGITS][:MOST]
    rows = Agent.objects.visible_to(request.user).light().filter(pk__in=ids)
    return list(rows.order_by("name", "pk"))


def _decide(agents: list[Agent], state: AgentState, request: AccountRequest, reason: str) -> int:
    """How many were moved; one that somebody else moved meanwhile stays as it is."""
    moved = 0
    for one in agents:
        try:
            decide.decide_agent(one, to=state, actor=request.actor, reason=reason)
        except (IllegalMove, LostRace):
            continue
        moved += 1
    return moved


def _back(request: AccountRequest, asked: list[Agent]) -> str:
    alone = len(asked) == 1 and "one" in request.GET
    return reverse("connectors:agent", args=[asked[0].pk]) if alone else reverse("connectors:agents")


@require_http_methods(["GET", "POST"])
@requires(keys.MANAGE_SYSTEM)
def believe_agent(request: AccountRequest, pk: int) -> HttpResponse:
    """After a clone alarm: one machine alone uses the key now."""
    found = find_agent(request, pk)
    form = ReasonForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        decide.believe_after_clone(found, actor=request.actor, reason=form.cleaned_data["reason"])
        return done(request, f"{found.name} is believed again", back=_page(found), leave=True)
    return _ask(request, "connectors/agent_believe.html", found, form)


@require_http_methods(["GET", "POST"])
@requires(keys.MANAGE_SYSTEM)
def insist_on_agent(request: AccountRequest, pk: int) -> HttpResponse:
    """After a restore: what the portal wants counts, whatever the device obeys."""
    found = find_agent(request, pk)
    form = ReasonForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        decide.insist_after_restore(found, actor=request.actor, reason=form.cleaned_data["reason"])
        return done(request, f"The portal's wishes count for {found.name}", back=_page(found), leave=True)
    return _ask(request, "connectors/agent_insist.html", found, form)


@require_http_methods(["GET", "POST"])
@requires(keys.MANAGE_SYSTEM)
def new_agent_key(request: AccountRequest, pk: int) -> HttpResponse:
    """Ask the device for a new key; both keys sign the change."""
    found = find_agent(request, pk)
    form = ReasonForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            ask_for_new_key(found, actor=request.actor, reason=form.cleaned_data["reason"])
        except ValidationError as error:
            form.add_error(None, error)
        else:
            return done(request, f"{found.name} is asked for a new key", back=_page(found), leave=True)
    return _ask(request, "connectors/agent_new_key.html", found, form)


@require_http_methods(["GET", "POST"])
@requires(keys.MANAGE_SYSTEM)
@step_up.needs(acts.MAKE_RELEASE_CODE)
def release_agent(request: AccountRequest, pk: int) -> HttpResponse:
    """Ask for a code that opens the device without the portal."""
    found = find_agent(request, pk)
    form = ReasonForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            order = make_release_code(found, actor=request.actor, reason=form.cleaned_data["reason"])
        except ValidationError as error:
            form.add_error(None, error)
        else:
            return redirect("connectors:release_code", pk=found.pk, order_id=order.pk)
    return _ask(request, "connectors/agent_release.html", found, form)


@require_safe
@requires(keys.MANAGE_SYSTEM)
@step_up.needs(acts.MAKE_RELEASE_CODE)
def release_code(request: AccountRequest, pk: int, order_id: int) -> HttpResponse:
    """The code, as soon as it is signed and for as long as it is good."""
    found = find_agent(request, pk)
    order = get_object_or_404(found.orders, pk=order_id, kind=OrderKind.RELEASE)
    code = code_of(order)
    context = {"agent": found, "order": order, "code": code, "command": f"{RELEASE} {code}", "back": _page(found)}
    response = render(request, "connectors/agent_code.html", context)
    response["Cache-Control"] = "no-store"
    return response


def _page(found: Agent) -> str:
    return reverse("connectors:agent", args=[found.pk])


def _ask(request: AccountRequest, template: str, found: Agent, form: Any) -> HttpResponse:
    context = {"agent": found, "form": form, "back": _page(found)}
    return render(request, template, context, status=422 if form.errors else 200)
