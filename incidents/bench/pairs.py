"""How well a partition of alerts into incidents fits what is known of the attacks, counted in pairs of alerts."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Label:
    """The attack that an alert belongs to, and its phase; both empty for what belongs to none."""

    attack: str = ""
    phase: str = ""


def quality(labels: Mapping[int, Label], incident_of: Mapping[int, int]) -> dict[str, Any]:
    """The figures of `./soc bench correlation`; what each means stands in `incidents.bench.correlation`."""
    inside: dict[int, Counter[str]] = defaultdict(Counter)
    for alert, incident in incident_of.items():
        inside[incident][labels[alert].attack] += 1
    held = {incident: counts for incident, counts in inside.items() if any(counts.keys() - {""})}
    same = sum(_pairs(count) for counts in held.values() for attack, count in counts.items() if attack)
    together = sum(_pairs(counts.total()) - _pairs(counts[""]) for counts in held.values())
    sizes = Counter(label.attack for alert, label in labels.items() if label.attack and alert in incident_of)
    wanted = sum(_pairs(count) for count in sizes.values())
    precision, recall = _share(same, together), _share(same, wanted)
    foreign, all_held = sum(c[""] for c in held.values()), sum(c.total() for c in held.values())
    return {
        "incidents": len(inside),
        "attack_incidents": len(held),
        "fp_share": round(foreign / all_held, 4) if all_held else 0.0,
        "phases_in_largest": _phases_in_largest(labels, incident_of),
        "precision": round(precision, 4),
        "recall": round(recall, 4),
        "f1": round(2 * precision * recall / (precision + recall), 4) if precision + recall else 0.0,
        "attacks": len(sizes),
        "incidents_an_attack_most": max((sum(1 for c in held.values() if c[attack]) for attack in sizes), default=0),
        "incidents_of_several_attacks": sum(len(counts.keys() - {""}) > 1 for counts in held.values()),
    }


def _pairs(count: int) -> int:
    return count * (count - 1) // 2


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 1.0


def _phases_in_largest(labels: Mapping[int, Label], incident_of: Mapping[int, int]) -> float:
    phases: dict[str, set[str]] = defaultdict(set)
    found: dict[str, dict[int, set[str]]] = defaultdict(lambda: defaultdict(set))
    counts: dict[str, Counter[int]] = defaultdict(Counter)
    for alert, incident in incident_of.items():
        label = labels[alert]
        if label.attack:
            counts[label.attack][incident] += 1
            if label.phase:
                phases[label.attack].add(label.phase)
                found[label.attack][incident].add(label.phase)
    shares = []
    for attack, wanted in phases.items():
        largest = min(counts[attack], key=lambda incident: (-counts[attack][incident], incident))
        shares.append(len(found[attack][largest]) / len(wanted))
    return round(sum(shares) / len(shares), 4) if shares else 1.0


def agreement(one: Mapping[str, int], other: Mapping[str, int]) -> float:
    """How far two partitions of the same alerts agree: of the pairs that either puts together, the share that both
    do. 1.0 for the same partition; pairs that both keep apart do not flatter it."""
    names = one.keys() & other.keys()
    first, second = Counter(one[name] for name in names), Counter(other[name] for name in names)
    both = sum(_pairs(count) for count in Counter((one[name], other[name]) for name in names).values())
    either = _all_pairs(first.values()) + _all_pairs(second.values()) - both
    return both / either if either else 1.0


def _all_pairs(counts: Iterable[int]) -> int:
    return sum(_pairs(count) for count in counts)
