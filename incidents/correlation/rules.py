"""The rules by which two alerts belong together, as a table, and the options that change them.

Every rule looks at one pair: both name the same thing, and the times of their events are at most a window apart. No
rule looks at the order in which alerts arrive, so the order does not decide what belongs together. Each rule has three
options with revisions: on or off, its window in hours, its weight.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from core import options
from incidents.correlation.taught import Taught, taught_in_force
from incidents.enums import SEVERITY_RANK, CorrelationReason, Severity

PREFIX = "correlation."
# Alerts of low severity prove less about a device or account: two of them must be closer together.
WEAK_SHARE = 4
WEAK_BELOW = SEVERITY_RANK[Severity.MEDIUM]


@dataclass(frozen=True, slots=True)
class Rule:
    """`sentence` says what the rule joins. `strong` joins whatever the size of the incident; `quiet` also applies to
    informational alerts. `weight` says which of several reasons counts, `hub` whether things seen everywhere are passed
    over. `asset`: the thing is one of the house's own, which many unrelated alerts name, so both alerts must be rare
    enough there; any other thing proves nothing only when ordinary alerts name it day after day."""

    key: str
    reason: CorrelationReason
    label: str
    sentence: str
    hours: int
    weight: int
    strong: bool = False
    quiet: bool = False
    hub: bool = True
    asset: bool = False

    @property
    def option(self) -> str:
        return f"{PREFIX}hours.{self.key}"

    @property
    def weight_option(self) -> str:
        return f"{PREFIX}weight.{self.key}"

    @property
    def switch_option(self) -> str:
        return f"{PREFIX}on.{self.key}"


PROVIDER = Rule(
    "provider_incident", CorrelationReason.SAME_CAMPAIGN, "Same incident at its source",
    "The source itself put both alerts into one incident.",
    720, 100, strong=True, quiet=True, hub=False,
)  # fmt: skip
MESSAGE = Rule(
    "message", CorrelationReason.SAME_CAMPAIGN, "Same mail message",
    "Both alerts are about the same mail message, whoever received it, alone or in a group of mails.",
    168, 90, strong=True, quiet=True, hub=False,
)  # fmt: skip
ANCESTRY = Rule(
    "ancestry", CorrelationReason.EVENT_CAUSAL_SEQUENCE, "Same process or its descendant",
    "Both alerts name the same run of a program on the same device, or one that was started by it.",
    72, 85, quiet=True, hub=False,
)  # fmt: skip
CLUSTER = Rule(
    "cluster", CorrelationReason.SAME_CAMPAIGN, "Same mail cluster",
    "Both alerts are about the same group of mails that are alike.",
    168, 82,
)  # fmt: skip
FILE = Rule(
    "file", CorrelationReason.SHARED_INDICATORS, "Same file",
    "Both alerts name a file with the same hash that is neither part of the system nor named day after day.",
    168, 80, strong=True,
)  # fmt: skip
REPEATED = Rule(
    "repeated", CorrelationReason.REPEATED_ALERT_OCCURRENCE, "Same detection again",
    "The same detection fired again on the same device, else for the same account or address.",
    24, 70, quiet=True, hub=False,
)  # fmt: skip
DEVICE = Rule(
    "device", CorrelationReason.SAME_ASSET, "Same device",
    "Both alerts name the same device and are rarer there than chance would bring them together.",
    48, 60, asset=True,
)  # fmt: skip
PATH = Rule(
    "path", CorrelationReason.LATERAL_MOVEMENT_PATH, "Path from machine to machine",
    "One alert tells of somebody who went from one device to another, the other alert is about either of them.",
    48, 58, asset=True,
)  # fmt: skip
ACCOUNT = Rule(
    "account", CorrelationReason.SAME_ACTOR, "Same account",
    "Both alerts name the same person or account and are rarer there than chance would bring them together.",
    48, 55, asset=True,
)  # fmt: skip
ARTEFACT = Rule(
    "artefact", CorrelationReason.SIMILAR_ARTIFACTS, "Same session, app or resource",
    "Both alerts name the same sign-in session, application or cloud resource.",
    72, 55,
)  # fmt: skip
URL = Rule(
    "url", CorrelationReason.SHARED_INDICATORS, "Same address on the web",
    "Both alerts name the same address on the web.",
    72, 50,
)  # fmt: skip
PROGRAM = Rule(
    "program", CorrelationReason.SIMILAR_ARTIFACTS, "Same program ran",
    "Both alerts name a process or file of the same program, by its hash, that is neither part of the system nor named "
    "day after day.",
    72, 52,
)  # fmt: skip
COMMAND = Rule(
    "command", CorrelationReason.SIMILAR_TTPS, "Same command line",
    "Both alerts name the same long command line.",
    72, 50,
)  # fmt: skip
SEQUENCE = Rule(
    "sequence", CorrelationReason.EVENT_SEQUENCE, "Next stage of an attack",
    "On the same device or for the same account a later stage of an attack follows an earlier one.",
    48, 48, asset=True,
)  # fmt: skip
STORY = Rule(
    "story", CorrelationReason.EVENT_SEQUENCE, "Goes on where it was",
    "A group of alerts begins on a device or with an account of an earlier group, and hardly any group here is as "
    "varied and as grave as either.",
    48, 46, asset=True,
)  # fmt: skip
DOMAIN = Rule(
    "domain", CorrelationReason.SHARED_INDICATORS, "Same domain",
    "Both alerts name the same domain.",
    72, 45,
)  # fmt: skip
CONNECTION = Rule(
    "connection", CorrelationReason.NETWORK_PROXIMITY, "Same two machines spoke",
    "Both alerts are about traffic between the same two addresses.",
    24, 42,
)  # fmt: skip
ADDRESS = Rule(
    "address", CorrelationReason.SAME_THREAT_SOURCE, "Same IP address",
    "Both alerts name the same address on the internet, or the same internal address that no known device has.",
    72, 40,
)  # fmt: skip

RULES: dict[str, Rule] = {
    rule.key: rule
    for rule in (
        PROVIDER, MESSAGE, ANCESTRY, CLUSTER, FILE, REPEATED, DEVICE, PATH, ACCOUNT, ARTEFACT, PROGRAM, URL, COMMAND,
        SEQUENCE, STORY, DOMAIN, CONNECTION, ADDRESS,
    )
}  # fmt: skip
# Evidence types whose key counts as an artefact.
ARTEFACT_PREFIXES = ("cloudLogonSession:", "oauthApplication:", "azureResource:", "amazonResource:",
                     "googleCloudResource:")  # fmt: skip

for _rule in RULES.values():
    options.declare(options.Option(
        _rule.option, _rule.hours, f"Correlation: {_rule.label.lower()}, window in hours",
        "Alerts whose events are further apart are not joined by this rule; 0 switches it off.",
        minimum=0, maximum=2160,
    ))  # fmt: skip
    options.declare(options.Option(
        _rule.weight_option, _rule.weight, f"Correlation: {_rule.label.lower()}, weight",
        "Of several reasons the one of the greatest weight counts first, and is named first.",
        minimum=1, maximum=1000,
    ))  # fmt: skip
    options.declare(options.Option(
        _rule.switch_option, True, f"Correlation: {_rule.label.lower()}, in use",
        _rule.sentence, kind="bool",
    ))  # fmt: skip
# What the limits are made of beside the rules: field of `Limits`, default, label, help, least, most.
_THRESHOLDS: tuple[tuple[str, int, str, str, int, int], ...] = (
    (
        "chance_permille", 5, "chance that is accepted, of a thousand",
        ("Two alerts about the same device or account belong together when an unrelated alert as rare and as grave "
        "would come so near by chance in at most so many of a thousand cases."),
        1, 500,
    ),
    (
        "ordinary_minutes", 20, "minutes below which an alert is ordinary",
        "An alert of a kind that comes so often that chance brings one to a device within so many minutes is ordinary.",
        0, 1440,
    ),
    (
        "habit_days", 4, "days that make a habit",
        "A file, address or command that ordinary alerts name on so many days proves no relation.",
        2, 60,
    ),
    (
        "hub_incidents", 12, "incidents that make a hub",
        "A device, account, file or address named by this many incidents within a rule's window proves no relation.",
        3, 1000,
    ),
    (
        "hub_neighbours", 20, "neighbours that make a hub",
        ("A device, account or address named with more than this many other devices or accounts within a day proves "
        "none."),
        5, 10000,
    ),
    (
        "background_alerts", 10, "alerts that make a background",
        ("So many low or ordinary alerts over four hours and more are a habit of the house: a graver alert joins them "
        "only when it is the same detection again, or through a file, a message or its source's own incident."),
        3, 10000,
    ),
    (
        "max_alerts", 500, "largest incident",
        "An incident of this size is joined further only through a file, a message or its source's own incident.",
        10, 100000,
    ),
    (
        "max_days", 14, "longest incident in days",
        ("An incident that spans this long is joined further only through a file, a message or its source's own "
        "incident."),
        1, 365,
    ),
)  # fmt: skip
for _key, _default, _label, _help, _least, _most in _THRESHOLDS:
    options.declare(options.Option(
        f"{PREFIX}{_key}", _default, f"Correlation: {_label}", _help, minimum=_least, maximum=_most,
    ))  # fmt: skip
THRESHOLD_OPTIONS: tuple[str, ...] = tuple(f"{PREFIX}{row[0]}" for row in _THRESHOLDS)


@dataclass(frozen=True, slots=True)
class Limits:
    """The options of all rules at one moment, those in force or others that are only tried. A rule that is off has a
    window of nothing."""

    windows: dict[str, timedelta]
    weights: dict[str, int]
    chance_permille: int
    ordinary_minutes: int
    habit_days: int
    hub_incidents: int
    hub_neighbours: int
    background_alerts: int
    max_alerts: int
    max_days: int
    # What people excluded; nothing of it is a rule.
    taught: Taught = field(default_factory=Taught)

    @property
    def max_span(self) -> timedelta:
        return timedelta(days=self.max_days)

    def window(self, rule: Rule, rank: int, other_rank: int) -> timedelta:
        """How far apart the events of two alerts of these severities may be."""
        window = self.windows[rule.key]
        weak = rule.asset and min(rank, other_rank) < WEAK_BELOW
        return window / WEAK_SHARE if weak else window


def limits_in_force() -> Limits:
    return limits_of({})


def limits_of(changed: Mapping[str, Any]) -> Limits:
    """The limits that would hold if these options, by their keys, had other values. Writes nothing; raises
    `ValidationError` for a value that the option refuses and `LookupError` for a key that is none of correlation."""
    values: dict[str, Any] = options.get_many(PREFIX)
    known = {option.key: option for option in options.declared() if option.key.startswith(PREFIX)}
    for key, value in changed.items():
        if key not in known:
            raise LookupError(f"{key!r} is no option of correlation.")
        values[key] = known[key].clean(value)
    return Limits(
        windows={
            key: timedelta(hours=int(values[rule.option])) if values[rule.switch_option] else timedelta()
            for key, rule in RULES.items()
        },
        weights={key: int(values[rule.weight_option]) for key, rule in RULES.items()},
        taught=taught_in_force(),
        **{name: int(values[f"{PREFIX}{name}"]) for name, *_ in _THRESHOLDS},
    )


@dataclass(frozen=True, slots=True)
class RuleInForce:
    """One row of the table of rules: what it joins, and how it is set."""

    rule: Rule
    on: bool
    window: timedelta
    weight: int


def rules_in_force(limits: Limits | None = None) -> list[RuleInForce]:
    """All rules with their settings, the weightiest first."""
    limits = limits or limits_in_force()
    rows = [
        RuleInForce(rule, bool(limits.windows[key]), limits.windows[key], limits.weights[key])
        for key, rule in RULES.items()
    ]
    return sorted(rows, key=lambda row: (-row.weight, row.rule.key))
