"""Whether the portal can act when it has to: connections that work, and were looked at."""

from datetime import timedelta

from accounts import keys
from connectors.enums import Health
from connectors.models import Connection
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


def declare_checks() -> None:
    declare(Check(
        "connections", "Connections that work", Group.SOURCES,
        "A password that ran out is found now, or when a device has to be cut off.",
        _connections, "/admin/connections/", "Connections", keys.MANAGE_SYSTEM, rows_for=keys.MANAGE_SYSTEM, order=30,
    ))  # fmt: skip
