"""One labelled set: attacks that overlap in time in one company, and its noise around them."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from exercises.labelled.attack import Attack
from exercises.labelled.background import background, look_alike
from exercises.labelled.detections import DETECTIONS
from exercises.labelled.network import Network, build_network
from exercises.labelled.shapes import SHAPES
from exercises.labelled.variants import vary
from exercises.sources.render import render
from exercises.sources.sighting import Sighting

# A Monday.
BEGIN = datetime(2026, 6, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Plan:
    """How large the set is. Noise is `noise` alerts for each alert of an attack; `look_alikes` for each attack, on its
    machines and its days; `shuffled` gives the same alerts in another order."""

    seed: int
    attacks: int = 20
    days: int = 14
    hosts: int = 300
    noise: int = 99
    look_alikes: int = 1
    begin: datetime = BEGIN
    shuffled: int | None = None


Row = dict[str, Any]


def labelled_set(plan: Plan) -> list[Row]:
    """Rows `{"format", "attack_id", "phase", "alert"}` in the order of their events, or shuffled."""
    rng = Random(f"labelled:{plan.seed}")  # noqa: S311 - a play, not a secret
    network = build_network(rng, plan.hosts)
    seen: list[tuple[str | None, str | None, Sighting]] = []
    for attack in _attacks(rng, network, plan):
        seen += [(attack.key, phase, sighting) for phase, sighting in attack.steps]
        seen += [(None, None, sighting) for sighting in _around(rng, network, attack, plan)]
    hostile = sum(1 for attack, *_ in seen if attack)
    wanted = max(0, hostile * plan.noise - (len(seen) - hostile))
    seen += [(None, None, one) for one in background(rng, network, plan.begin, plan.days, wanted)]
    seen.sort(key=lambda row: (row[2].at, row[2].key))
    rows = [_row(plan, rng, *row) for row in seen]
    if plan.shuffled is not None:
        Random(f"order:{plan.shuffled}").shuffle(rows)  # noqa: S311 - a play, not a secret
    return rows


def _attacks(rng: Random, network: Network, plan: Plan) -> Iterator[Attack]:
    """Every shape in turn, each beginning anywhere in the time so that it is over before the end, most on workdays."""
    shapes = [SHAPES[number % len(SHAPES)] for number in range(plan.attacks)]
    for number, shape in enumerate(shapes):
        latest = max(1.0, plan.days - (9 if shape.__name__ == "slow_attack" else 3))
        begin = plan.begin + timedelta(days=rng.uniform(0, latest))
        attack = Attack(rng, network, f"{shape.__name__}-{number + 1}", begin)
        shape(attack)
        yield attack


def _around(rng: Random, network: Network, attack: Attack, plan: Plan) -> Iterator[Sighting]:
    """Harmless deeds on the machines of the attack within the same day."""
    machines = [one.machine for _, one in attack.steps if one.machine is not None]
    times = [one.at for _, one in attack.steps]
    chosen = [one for one in DETECTIONS.values() if one.severity != "high"]
    for number in range(plan.look_alikes):
        at = rng.choice(times) + timedelta(hours=rng.uniform(-10, 10))
        machine = rng.choice(machines) if machines else None
        yield look_alike(rng, network, rng.choice(chosen), f"{attack.key}:like:{number}", at, machine)


def _row(plan: Plan, rng: Random, attack: str | None, phase: str | None, sighting: Sighting) -> Row:
    alert = vary(render(sighting), sighting.wire, rng)
    _name(alert, f"{plan.seed}:{sighting.provider_id}", sighting.wire)
    return {"format": sighting.wire.value, "attack_id": attack, "phase": phase, "alert": alert}


def _name(alert: Row, name: str, wire: str) -> None:
    """Ids that differ from set to set, so that two may be put into one portal."""
    fields = {"graph": ("id", "providerAlertId"), "sentinel": ("SystemAlertId", "VendorOriginalId"), "wazuh": ("id",)}
    for field in fields[wire]:
        alert[field] = name
