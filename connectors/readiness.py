"""Whether the portal can act when it has to: connections that work, and were looked at."""

from datetime import timedelta

from accounts import keys
from connectors.agent_facts import connected_since
from connectors.enums import AgentState, Health, OrderState
from connectors.models import Agent, AgentOrder, Connection
from connectors.signing.keys import NoKeys, list_ends
from core import options
from core.options import Option
from core.readiness import Check, Finding, Group, Look, Row, State, declare, listed
from core.wording import counted

CHECKED_DAYS = options.declare(
    Option(
        "readiness.connection_days",
        30,
        "Readiness: days after which a connection has to be checked again",
        minimum=1,
        maximum=365,
    )
)
SIMULATOR = "simulator"
KEYS_LAST, SIGNED_WITHIN = timedelta(days=30), timedelta(seconds=60)


def _connections(look: Look) -> Finding:
    found = list(Connection.objects.filter(enabled=True).order_by("name"))
    if not found:
        return Finding(State.MISSING, "No connection is switched on: nothing can be carried out anywhere.", 0, 0)
    edge = look.now - timedelta(days=options.get(CHECKED_DAYS.key))
    broken = [one for one in found if one.health == Health.UNHEALTHY]
    unknown = [one for one in found if one not in broken and (one.checked_at is None or one.checked_at < edge)]
    bad = [(one, one.health_detail or "Did not answer") for one in broken]
    bad += [(one, "Not checked for a while" if one.checked_at else "Never checked") for one in unknown]
    rows, more = listed([Row(one.name, note, f"/admin/connections/{one.pk}/") for one, note in bad])
    fine = len(found) - len(bad)
    sentence = f"{fine} of {counted(len(found), 'connection')} answered when last asked."
    if all(one.kind == SIMULATOR for one in found):
        sentence += " All of them are simulated: nothing real is acted on."
        state = State.MISSING if broken else State.WARN
    else:
        state = State.MISSING if broken else State.WARN if unknown else State.OK
    return Finding(state, sentence, fine, len(found), rows, more)


def _agents(look: Look) -> Finding:
    """Agents that are heard, keys that last, a signer that signs; nothing where no machine was to join."""
    mine = Agent.objects.all() if look.is_whole else Agent.objects.visible_to(look.reader)
    served = mine.in_service().light()
    if not mine.exists():
        return Finding(State.OK, "No endpoint agent was asked to join.", 0, 0)
    waiting = mine.filter(state=AgentState.PENDING).count()
    away = list(served.exclude(seen_at__gte=connected_since()).order_by("seen_at")[:50])
    cloned = list(served.exclude(cloned_at=None)[:50])
    bad = [(one, "Its key is used twice") for one in cloned] + [(one, "Away") for one in away if one not in cloned]
    rows, more = listed([Row(one.name, note, f"/admin/agents/{one.pk}/") for one, note in bad])
    count = served.count()
    sentence = f"{count - len(away)} of {counted(count, 'agent')} are heard."
    if waiting:
        sentence += f" {counted(waiting, 'waits', 'wait')} for approval."
    broken = _why_no_orders(look)
    state = State.MISSING if broken else State.WARN if bad or waiting else State.OK
    return Finding(state, f"{sentence} {broken}".strip(), count - len(away), count, rows, more)


def _why_no_orders(look: Look) -> str:
    """Why no order can reach a device; empty when they can."""
    try:
        if list_ends() < look.now + KEYS_LAST:
            return "The keys that devices believe end soon: start the signer with its root key."
    except NoKeys as error:
        return str(error)
    late = AgentOrder.objects.filter(state=OrderState.UNSIGNED, created__lt=look.now - SIGNED_WITHIN)
    return "Orders wait for the signer: it does not run." if late.exists() else ""


def declare_checks() -> None:
    declare(Check(
        "endpoint_agents", "Endpoint agents that answer", Group.SOURCES,
        "A device whose agent is away is neither seen nor cut off when it matters.",
        _agents, "/admin/agents/", "Endpoint agents", keys.MANAGE_SYSTEM, rows_for=keys.READ, order=31,
    ))  # fmt: skip
    declare(Check(
        "connections", "Connections that work", Group.SOURCES,
        "A password that ran out is found now, or when a device has to be cut off.",
        _connections, "/admin/connections/", "Connections", keys.MANAGE_SYSTEM, rows_for=keys.MANAGE_SYSTEM, order=30,
    ))  # fmt: skip
