"""How urgent an incident is, from 0 to 100, as factors that add up and can be read.

The weights are a plain table, so that an analyst can disagree with a line of it: severity up to 40, what was seen up
to 18, spread up to 15, stages up to 10, assets up to 8, agreement of sources up to 6, open threats up to 3.
"""

from dataclasses import dataclass
from datetime import timedelta

from core.wording import duration
from incidents.enums import SEVERITY_RANK, Category, Criticality, EvidenceVerdict, RemediationStatus, Severity
from incidents.services.incident_facts import CRITICALITY_RANK, Asset, IncidentFacts

QUICK = timedelta(hours=2)
_SEVERITY = {Severity.HIGH: 40, Severity.MEDIUM: 22, Severity.LOW: 9, Severity.INFORMATIONAL: 2, Severity.UNKNOWN: 5}
# What was seen counts in full when a high alert says so, in part when only lower ones do.
_SHARE = {Severity.HIGH: 1.0, Severity.MEDIUM: 0.6, Severity.LOW: 0.3}
_SEEN: dict[str, tuple[int, str]] = {
    Category.RANSOMWARE: (18, "Ransomware behavior seen"),
    Category.IMPACT: (16, "Damage is being done"),
    Category.EXFILTRATION: (14, "Data is leaving"),
    Category.LATERAL_MOVEMENT: (11, "Moving from machine to machine"),
    Category.COLLECTION: (10, "Data or mail is being collected"),
    Category.COMMAND_AND_CONTROL: (10, "Contact with a control server"),
    Category.CREDENTIAL_ACCESS: (9, "Credentials under attack"),
    Category.PRIVILEGE_ESCALATION: (8, "More rights were gained"),
    Category.PERSISTENCE: (7, "A way back in was made"),
    Category.DEFENSE_EVASION: (7, "Defences are being evaded"),
    Category.MALWARE: (6, "Malware seen"),
    Category.EXPLOIT: (6, "A weakness was exploited"),
    Category.EXECUTION: (6, "Suspicious code ran"),
    Category.INITIAL_ACCESS: (5, "A way in was tried"),
    Category.DISCOVERY: (4, "The network is being explored"),
}
_CRITICAL = {Criticality.VERY_HIGH: 8, Criticality.HIGH: 6, Criticality.MEDIUM: 3}
_OPEN = {RemediationStatus.NONE, RemediationStatus.ACTIVE, RemediationStatus.UNREMEDIATED, RemediationStatus.RUNNING,
         RemediationStatus.PENDING_APPROVAL}  # fmt: skip
_STOPPED = {RemediationStatus.BLOCKED, RemediationStatus.PREVENTED, RemediationStatus.REMEDIATED}


@dataclass(frozen=True, slots=True)
class Factor:
    """`neutral`: the label for who may not see every asset, where the other one names one."""

    key: str
    label: str
    points: int
    neutral: str = ""

    def as_json(self) -> dict[str, str | int]:
        said: dict[str, str | int] = {"key": self.key, "label": self.label, "points": self.points}
        return {**said, "neutral": self.neutral} if self.neutral else said


def weigh(facts: IncidentFacts) -> tuple[int, list[Factor]]:
    """The score and its factors, the heaviest first; the factors add up to the score."""
    factors = [
        factor
        for factor in (_severity(facts), _seen(facts), _spread(facts), _stages(facts), _assets(facts),
                       _agreement(facts), _open_threat(facts))
        if factor is not None and factor.points > 0
    ]  # fmt: skip
    factors.sort(key=lambda factor: (-factor.points, factor.key))
    total = sum(factor.points for factor in factors)
    stopped = _stopped(facts, total)
    if stopped is not None:
        factors.append(stopped)
        total += stopped.points
    return total, factors


def _severity(facts: IncidentFacts) -> Factor:
    severity = facts.severity
    count = sum(one.count for one in facts.sorts if one.severity == severity)
    label = f"{Severity(severity).label} severity"
    if count < facts.total:
        label += f" in {count} of {facts.total} alerts"
    return Factor("severity", label, _SEVERITY[Severity(severity)])


def _seen(facts: IncidentFacts) -> Factor | None:
    """The gravest thing that was seen."""
    best: tuple[int, str] | None = None
    for one in facts.telling:
        for category in one.categories:
            if category in _SEEN:
                points, label = _SEEN[category]
                weighted = round(points * _SHARE[Severity(one.severity)])
                if best is None or (weighted, label) > best:
                    best = weighted, label
    if best is None:
        return None
    device = next((asset for asset in facts.hit("device") if asset.criticality != Criticality.NONE), None)
    if device is None:
        return Factor("seen", best[1], best[0])
    return Factor("seen", f"{best[1]}, {device.name} among the assets", best[0], neutral=best[1])


def _spread(facts: IncidentFacts) -> Factor | None:
    """How many machines, or else people, and how quickly."""
    times = sorted(asset.since for asset in facts.of_kind("device") if asset.since is not None)
    if len(times) >= 2:
        taken = times[-1] - times[0]
        quick = taken <= QUICK
        points = {2: (8, 4), 3: (11, 6)}.get(len(times), (15, 8))[0 if quick else 1]
        if not taken:
            return Factor("spread", f"{len(times)} hosts at once", points)
        return Factor("spread", f"{'Spreading: ' if quick else ''}{len(times)} hosts in {duration(taken)}", points)
    people = [asset for kind in ("identity", "mailbox") for asset in facts.of_kind(kind) if asset.since is not None]
    reached = max(sum(asset.kind == kind for asset in people) for kind in ("identity", "mailbox"))
    if reached < 2:
        return None
    noun = "accounts" if sum(asset.kind == "identity" for asset in people) == reached else "mailboxes"
    return Factor("spread", f"Reaches {reached} {noun}", min(10, 2 + 2 * reached))


def _stages(facts: IncidentFacts) -> Factor | None:
    stages = facts.stages
    if len(stages) < 2:
        return None
    first, last = Category(stages[0]).label, Category(stages[-1]).label
    points = min(10, 2 * len(stages)) if SEVERITY_RANK[facts.severity] >= SEVERITY_RANK[Severity.MEDIUM] else 3
    return Factor("stages", f"{len(stages)} stages, from {first.lower()} to {last.lower()}", points)


def _assets(facts: IncidentFacts) -> Factor | None:
    def points(asset: Asset) -> int:
        return max(_CRITICAL.get(Criticality(asset.criticality), 0), 4 if asset.high_value else 0)

    named = [asset for asset in facts.assets if asset.since is not None and points(asset)]
    if not named:
        return None
    best = max(named, key=lambda asset: (points(asset), CRITICALITY_RANK[asset.criticality], -asset.id))
    what = Criticality(best.criticality).label if best.criticality != Criticality.NONE else "High value"
    word = "criticality" if best.criticality != Criticality.NONE else "device"
    return Factor("assets", f"{what} {word}: {best.name}", points(best), neutral=f"{what} {word}")


def _agreement(facts: IncidentFacts) -> Factor | None:
    sources = {one.source for one in facts.telling}
    if len(sources) < 2:
        return None
    return Factor("sources", f"{len(sources)} sources agree", 4 if len(sources) == 2 else 6)


def _bad(facts: IncidentFacts) -> dict[str, int]:
    """Malicious evidence by what became of it."""
    found: dict[str, int] = {}
    for (_, verdict, status), count in facts.evidence.items():
        if verdict == EvidenceVerdict.MALICIOUS:
            found[status] = found.get(status, 0) + count
    return found


def _open_threat(facts: IncidentFacts) -> Factor | None:
    count = sum(number for status, number in _bad(facts).items() if status in _OPEN)
    if not count or not facts.telling:
        return None
    return Factor("open", f"{count} malicious {'item' if count == 1 else 'items'} not remediated", 3)


def _stopped(facts: IncidentFacts, total: int) -> Factor | None:
    """Everything malicious was stopped: less urgent, not less grave."""
    bad = _bad(facts)
    if not bad or any(status not in _STOPPED for status in bad):
        return None
    return Factor("stopped", "All malicious evidence was stopped", -min(12, total // 3))
