"""Names, summaries and system tags that say what happened, to what, and who says so. The same facts, the same words."""

from datetime import UTC
from typing import Any

from core.wording import counted
from incidents.enums import Category, Criticality, Severity
from incidents.services.incident_facts import Asset, IncidentFacts, Sort

MAX_NAME = 300
MAX_TITLE = 160
MAX_ASSET_NAME = 60
RANSOMWARE, MAIL_FRAUD, STOLEN_SESSION, CRITICAL_ASSET = "Ransomware", "BEC fraud", "Stolen session", "Critical asset"
# The tags that the roll-up itself puts on and takes off; others belong to whoever put them on.
OWN_TAGS = frozenset({RANSOMWARE, MAIL_FRAUD, STOLEN_SESSION, CRITICAL_ASSET})
# Steal web session cookie, application token, alternate authentication material, adversary in the middle.
_SESSION_TECHNIQUES = ("T1539", "T1528", "T1550", "T1557")
_ENCRYPTION = "T1486"
_PATTERN_WORDS = {
    RANSOMWARE: "Ransomware",
    MAIL_FRAUD: "Mailbox takeover",
    STOLEN_SESSION: "Stolen sign-in session",
}
_ASSET_NOUNS = (("device", "device", ""), ("identity", "account", ""), ("mailbox", "mailbox", "mailboxes"))


def name_incident(facts: IncidentFacts) -> str:
    """Empty when there is nothing to name it after."""
    telling = facts.telling or facts.sorts
    if not telling:
        return ""
    pattern = attack_pattern(facts)
    titles = list(dict.fromkeys(one.title for one in telling))
    where, reported = _where(facts), _reported(telling)
    if pattern == RANSOMWARE:
        devices = facts.hit("device")
        return _cut(f"Ransomware spreading on {len(devices)} devices" if len(devices) > 1 else f"Ransomware{where}")
    if pattern == MAIL_FRAUD and len(titles) > 1:
        return _cut(f"Mailbox takeover{_of(facts, 'mailbox', 'identity')}{reported}")
    if pattern == STOLEN_SESSION and len(titles) > 1:
        return _cut(f"Stolen sign-in session{_of(facts, 'identity', 'mailbox')}{reported}")
    if is_multi_stage(facts):
        first, last = (Category(stage).label.lower() for stage in (facts.progress[0], facts.progress[-1]))
        return _cut(f"Multi-stage attack{where}: {first} to {last}{',' if reported else ''}{reported}")
    lead = titles[0][:MAX_TITLE].rstrip(" .:")
    if len(titles) > 1:
        lead += f" and {counted(len(titles) - 1, 'other detection')}"
    return _cut(f"{lead}{'' if _names_it(lead, facts) else _said_once(lead, where)}")


def _said_once(lead: str, where: str) -> str:
    """`One account on many devices (56)` instead of `One account on many devices on 56 devices`."""
    words = where.split()
    crowd = len(words) == 3 and words[1].isdigit() and lead.lower().endswith(f" {words[2]}")
    return f" ({words[1]})" if crowd else where


def neutral_name(facts: IncidentFacts) -> str:
    """The name for who may see a part only: what it is and how many it hit, no asset, no words of an alert."""
    devices = len(facts.hit("device"))
    where = f" on {counted(devices, 'device')}" if devices else ""
    pattern = attack_pattern(facts)
    if pattern:
        return f"{_PATTERN_WORDS[pattern]}{where}"
    stages = facts.stages
    if is_multi_stage(facts):
        return f"Multi-stage attack{where}"
    told = [category for one in facts.telling for category in one.categories if category in Category.values]
    words = str(Category(stages[-1] if stages else told[0]).label) if stages or told else "Detections"
    return f"{words}{where}"


def _cut(name: str) -> str:
    return name if len(name) <= MAX_NAME else f"{name[: MAX_NAME - 1]}…"


def is_multi_stage(facts: IncidentFacts) -> bool:
    """Several detections, and serious ones went from one stage of an attack to a later one."""
    return len(facts.progress) >= 2 and len({one.title for one in facts.telling}) >= 3


def attack_pattern(facts: IncidentFacts) -> str:
    """The kind of attack that serious alerts show, or empty. Much encryption looks like a backup: it is ransomware when
    a high alert says so, or when something led to it."""
    serious = [one for one in facts.telling if one.is_serious]
    encrypting = [one for one in serious if Category.RANSOMWARE in one.categories or _ENCRYPTION in one.techniques]
    if encrypting and (encrypting[0].severity == Severity.HIGH or len(facts.progress) >= 2):
        return RANSOMWARE
    if serious and facts.has_evidence("mailboxConfiguration"):
        return MAIL_FRAUD
    if any(technique.startswith(_SESSION_TECHNIQUES) for one in serious for technique in one.techniques):
        return STOLEN_SESSION
    return ""


def _name(asset: Asset) -> str:
    return asset.name if len(asset.name) <= MAX_ASSET_NAME else f"{asset.name[:MAX_ASSET_NAME]}…"


def _where(facts: IncidentFacts) -> str:
    """` on FIN-WS-014`, ` on 3 devices`, else the accounts, else the mailboxes, else from which address."""
    devices = facts.hit("device")
    if devices:
        return f" on {_name(devices[0])}" if len(devices) == 1 else f" on {len(devices)} devices"
    for kind, noun, plural in _ASSET_NOUNS[1:]:
        found = facts.hit(kind)
        if found:
            return f" for {_name(found[0])}" if len(found) == 1 else f" for {counted(len(found), noun, plural)}"
    if facts.origins:
        many = counted(len(facts.origins), "address", "addresses")
        return f" from {facts.origins[0] if len(facts.origins) == 1 else many}"
    return ""


def _of(facts: IncidentFacts, *kinds: str) -> str:
    for kind in kinds:
        found = facts.hit(kind)
        if found:
            noun = {"mailbox": "mailboxes", "identity": "accounts"}[kind]
            return f" of {_name(found[0])}" if len(found) == 1 else f" of {len(found)} {noun}"
    return ""


def _reported(sorts: list[Sort]) -> str:
    sources = {one.source for one in sorts}
    return f" reported by {len(sources)} sources" if len(sources) > 1 else ""


def _names_it(title: str, facts: IncidentFacts) -> bool:
    lowered = title.lower()
    return any(asset.name.lower() in lowered for asset in facts.assets if asset.kind != "file")


def summarise(facts: IncidentFacts) -> str:
    """What happened, hit what, and how far it came, in three or four sentences."""
    first, last = facts.first, facts.last
    if first is None or last is None:
        return ""
    lead = (facts.telling or facts.sorts)[0]
    said = f"{counted(facts.total, 'alert')} from {counted(len(facts.sources), 'source')}"
    begun, ended = _stamp(first), _stamp(last)
    sentences = [f"{said} at {begun}." if begun == ended else f"{said} between {begun} and {ended}."]
    hit = _listed(facts)
    if hit:
        sentences.append(f"Named are {hit}.")
    stages = [Category(value).label for value in facts.stages]
    if stages:
        sentences.append(f"Stages: {', '.join(stages).lower()}.")
    sentences.append(f"The gravest: “{lead.title[:MAX_TITLE]}”.")
    return " ".join(sentences)


def _stamp(moment: Any) -> str:
    return str(moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC"))


def _listed(facts: IncidentFacts) -> str:
    parts = []
    for kind, noun, plural in _ASSET_NOUNS:
        found = facts.of_kind(kind)
        if found:
            names = ", ".join(_name(asset) for asset in found[:3])
            more = f" and {len(found) - 3} more" if len(found) > 3 else ""
            parts.append(f"{counted(len(found), noun, plural)} ({names}{more})")
    return "; ".join(parts)


def system_tags(facts: IncidentFacts) -> list[str]:
    tags = [pattern] if (pattern := attack_pattern(facts)) else []
    critical = {Criticality.VERY_HIGH, Criticality.HIGH}
    if any(asset.criticality in critical and asset.since is not None for asset in facts.assets):
        tags.append(CRITICAL_ASSET)
    return tags
