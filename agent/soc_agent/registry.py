"""What this agent can do. Each module that brings a work, a keeper or a view of the host adds one line here."""

from collections.abc import Callable, Mapping

from soc_agent import (
    accounts,
    actions,
    antivirus,
    contain,
    keep_guard,
    keep_network,
    offboard,
    remembered,
    restriction,
    sweep,
)
from soc_agent.carry_out import Work
from soc_agent.detect import beside as detector
from soc_agent.host import Host
from soc_agent.live import works as live_works
from soc_agent.wanted import Keeper, Seen

# Commands by name.
WORKS: tuple[Callable[[Host], Mapping[str, Work]], ...] = (
    actions.works,
    antivirus.works,
    sweep.works,
    offboard.works,
    live_works.works,
)  # fmt: skip

# Facets of the wanted state.
KEEPERS: tuple[Callable[[Host], Keeper], ...] = (
    keep_network.keeper,
    contain.keeper,
    accounts.keeper,
    keep_guard.indicators,
    restriction.keeper,
)  # fmt: skip

# Facets that nobody wants and the portal is told all the same: what commands left behind, looked at anew.
VIEWS: Mapping[str, Callable[[Host], Seen]] = {
    "files": remembered.files,
    "scan": remembered.scan,
    "package": remembered.package,
}

# How parts that run beside the helper are, in words: empty when they run, else why not.
HEALTH: Mapping[str, Callable[[Host], str]] = {
    "guard": keep_guard.health,
    "detector": detector.health,
    "scanner": antivirus.health,
}

# What is told that the portal answered just now.
HEARD: tuple[Callable[[Host], None], ...] = (
    keep_guard.heard,
)  # fmt: skip

# What ends together with the helper.
STOPS: tuple[Callable[[Host], None], ...] = (
    keep_guard.stop,
)  # fmt: skip


def works(host: Host) -> dict[str, Work]:
    found: dict[str, Work] = {}
    for made in WORKS:
        found.update(made(host))
    return found


def keepers(host: Host) -> tuple[Keeper, ...]:
    return tuple(made(host) for made in KEEPERS)
