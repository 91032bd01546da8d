"""The rules by which two alerts belong together, as declarations.

Every rule looks at one pair: both name the same thing, and the times of their events are at most a window apart. No
rule looks at the order in which alerts arrive, so the order does not decide what belongs together.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from core import options
from incidents.enums import SEVERITY_RANK, CorrelationReason, Severity

PREFIX = "correlation."
# Alerts of low severity prove less: two of them must be closer together.
WEAK_SHARE = 4
WEAK_BELOW = SEVERITY_RANK[Severity.MEDIUM]


@dataclass(frozen=True, slots=True)
class Rule:
    """`strong` joins whatever the size of the incident; `quiet` also applies to informational alerts. `weight` says
    which of several reasons counts, `hub` whether things seen everywhere are passed over."""

    key: str
    reason: CorrelationReason
    label: str
    hours: int
    weight: int
    strong: bool = False
    quiet: bool = False
    hub: bool = True

    @property
    def option(self) -> str:
        return f"{PREFIX}hours.{self.key}"


PROVIDER = Rule(
    "provider_incident",
    CorrelationReason.SAME_CAMPAIGN,
    "Same incident at its source",
    720,
    100,
    strong=True,
    quiet=True,
    hub=False,
)
MESSAGE = Rule(
    "message", CorrelationReason.SAME_CAMPAIGN, "Same mail message", 168, 90, strong=True, quiet=True, hub=False
)
FILE = Rule("file", CorrelationReason.SHARED_INDICATORS, "Same file", 72, 80, strong=True)
REPEATED = Rule(
    "repeated", CorrelationReason.REPEATED_ALERT_OCCURRENCE, "Same detection again", 24, 70, quiet=True, hub=False
)
DEVICE = Rule("device", CorrelationReason.SAME_ASSET, "Same device", 24, 60)
ACCOUNT = Rule("account", CorrelationReason.SAME_ACTOR, "Same account", 24, 55)
ARTEFACT = Rule("artefact", CorrelationReason.SIMILAR_ARTIFACTS, "Same session, app or resource", 24, 55)
URL = Rule("url", CorrelationReason.SHARED_INDICATORS, "Same address on the web", 24, 50)
COMMAND = Rule("command", CorrelationReason.SIMILAR_TTPS, "Same command line", 24, 50)
DOMAIN = Rule("domain", CorrelationReason.SHARED_INDICATORS, "Same domain", 24, 45)
CONNECTION = Rule("connection", CorrelationReason.NETWORK_PROXIMITY, "Same two machines spoke", 6, 42)
ADDRESS = Rule("address", CorrelationReason.SAME_THREAT_SOURCE, "Same IP address", 6, 40)

RULES: dict[str, Rule] = {
    rule.key: rule
    for rule in (
        PROVIDER,
        MESSAGE,
        FILE,
        REPEATED,
        DEVICE,
        ACCOUNT,
        ARTEFACT,
        URL,
        COMMAND,
        DOMAIN,
        CONNECTION,
        ADDRESS,
    )
}
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
    f"{PREFIX}hub_incidents", 12, "Correlation: incidents that make a hub",
    "A device, account, file or address named by this many incidents within a rule's window proves no relation.",
    minimum=3, maximum=1000,
))  # fmt: skip
options.declare(options.Option(
    f"{PREFIX}hub_neighbours", 20, "Correlation: neighbours that make a hub",
    "A device, account or address named with more than this many other devices or accounts within a day proves none.",
    minimum=5, maximum=10000,
))  # fmt: skip
options.declare(options.Option(
    f"{PREFIX}background_alerts", 10, "Correlation: low alerts that make a background",
    "So many low alerts over four hours and more are a habit of the house: a graver alert joins them only when it is "
    "the same detection again, or through a file, a message or its source's own incident.",
    minimum=3, maximum=10000,
))  # fmt: skip
options.declare(options.Option(
    f"{PREFIX}max_alerts", 500, "Correlation: largest incident",
    "An incident of this size is joined further only through a file, a message or its source's own incident.",
    minimum=10, maximum=100000,
))  # fmt: skip
options.declare(options.Option(
    f"{PREFIX}max_days", 14, "Correlation: longest incident in days",
    "An incident that spans this long is joined further only through a file, a message or its source's own incident.",
    minimum=1, maximum=365,
))  # fmt: skip


@dataclass(frozen=True, slots=True)
class Limits:
    """The options in force, read once a batch."""

    windows: dict[str, timedelta]
    hub_incidents: int
    hub_neighbours: int
    background_alerts: int
    max_alerts: int
    max_span: timedelta

    def window(self, rule: Rule, rank: int, other_rank: int) -> timedelta:
        """How far apart the events of two alerts of these severities may be."""
        window = self.windows[rule.key]
        weak = not (rule.strong or rule.quiet) and min(rank, other_rank) < WEAK_BELOW
        return window / WEAK_SHARE if weak else window


def limits_in_force() -> Limits:
    values: dict[str, Any] = options.get_many(PREFIX)
    return Limits(
        windows={key: timedelta(hours=int(values[rule.option])) for key, rule in RULES.items()},
        hub_incidents=int(values[f"{PREFIX}hub_incidents"]),
        hub_neighbours=int(values[f"{PREFIX}hub_neighbours"]),
        background_alerts=int(values[f"{PREFIX}background_alerts"]),
        max_alerts=int(values[f"{PREFIX}max_alerts"]),
        max_span=timedelta(days=int(values[f"{PREFIX}max_days"])),
    )
