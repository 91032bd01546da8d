"""Where the story of a resolved incident goes on: resolved incidents are never opened by an alert, so what comes after
opens a new one that continues the old one, and both say so."""

from collections.abc import Collection, Mapping

from core import audit
from core.actors import Actor
from incidents.models import Incident
from incidents.services.announce import announce_incident

# What alerts are put together with: "alert", "incident" (an open one) or "closed" (a resolved one), and an id.
Point = tuple[str, int]
CONTINUES, CONTINUED = "incident.continues", "incident.continued"
# Nobody resolves the same attack more often; a chain that does is cut.
LONGEST_CHAIN = 20


def ends_of(closed: Collection[int]) -> dict[int, Point]:
    """The point that stands for each resolved incident: the open one that continues it, however often it was resolved
    in between, else the last resolved one. One query for each link of the longest chain."""
    ends: dict[int, Point] = {pk: ("closed", pk) for pk in closed}
    for _ in range(LONGEST_CHAIN):
        waiting = {point[1] for point in ends.values() if point[0] == "closed"}
        following = _continuing(waiting)
        if not following:
            break
        ends = {pk: following.get(point[1], point) if point[0] == "closed" else point for pk, point in ends.items()}
    return ends


def _continuing(closed: Collection[int]) -> Mapping[int, Point]:
    """Of several that continue one, an open one, else the newest."""
    if not closed:
        return {}
    rows = Incident.objects.listed().filter(continues__in=closed, restricted=False).order_by("pk")
    found: dict[int, Point] = {}
    for row in rows.only("pk", "continues_id", "status"):
        if row.continues_id is not None and (row.is_open or found.get(row.continues_id, ("closed",))[0] == "closed"):
            found[row.continues_id] = ("incident" if row.is_open else "closed", row.pk)
    return found


def tell_both(continued: Mapping[int, int], *, actor: Actor) -> None:
    """A line in the history of each new incident and of the resolved one that it continues; by new, old. The subject
    is the other one, so that nobody reads of an incident that they may not see."""
    entries = []
    for new, old in continued.items():
        entries.append(audit.Entry(CONTINUES, f"incident:{old}", f"incident:{new}"))
        entries.append(audit.Entry(CONTINUED, f"incident:{new}", f"incident:{old}"))
    audit.record_many(entries, actor=actor)
    for row in Incident.objects.filter(pk__in=set(continued.values())).order_by("pk"):
        announce_incident(row)
