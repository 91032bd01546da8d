"""From sightings to what the ingest is given: one batch a wire format, in the order of time."""

from collections.abc import Iterable
from typing import Any

from exercises.sources import graph, sentinel, wazuh
from exercises.sources.sighting import Sighting, Wire

# The name of the feed at the ingest; part of an alert's identity.
FEEDS = {Wire.GRAPH: "defender-demo", Wire.SENTINEL: "sentinel-demo", Wire.WAZUH: "wazuh-demo"}
_RENDERERS = {Wire.GRAPH: graph.render, Wire.SENTINEL: sentinel.render, Wire.WAZUH: wazuh.render}


def render(sighting: Sighting) -> dict[str, Any]:
    return _RENDERERS[sighting.wire](sighting)


def batches(sightings: Iterable[Sighting]) -> list[tuple[Wire, list[object]]]:
    """(format, items) for each format that occurs."""
    found: dict[Wire, list[object]] = {}
    for sighting in sorted(sightings, key=lambda one: (one.at, one.key)):
        found.setdefault(sighting.wire, []).append(render(sighting))
    return list(found.items())
