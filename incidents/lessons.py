"""What can be taught from one join that was a mistake: the things that both alerts name, their two detections, the
options of the rule. A link tells who reads it only what `CorrelationLink.said` tells."""

from dataclasses import dataclass

from django.db import connection

from core import options
from incidents.correlation.habits import Habits
from incidents.correlation.nodes import Node, give_signals, load_nodes
from incidents.correlation.rules import ACCOUNT, DEVICE, PREFIX, RULES, SEQUENCE, STORY, Rule
from incidents.enums import TaughtKind
from incidents.models import CorrelationLink
from incidents.services.teach_correlation import Lesson

CHANCE = f"{PREFIX}chance_permille"
MOST_THINGS = 5
MAX_WORDS = 200


@dataclass(frozen=True, slots=True)
class Offer:
    """One thing that may be taught: `key` is its place in the form, `label` and `hint` are what people read. `option`
    is the option whose new value is asked for, with the present one."""

    key: str
    lesson: Lesson
    label: str
    hint: str
    option: str = ""
    present: int | None = None


def offers_of(link: CorrelationLink) -> list[Offer]:
    """From the narrowest to the widest; nothing for a link made by hand or whose other alert is hidden or gone."""
    rule = RULES.get(link.rule)
    if rule is None or link.seen_other_id is None:
        return []
    nodes = _nodes(link.alert_id, link.seen_other_id)
    if len(nodes) < 2:
        return []
    one, other = nodes
    things = _shared(one, other, rule)
    return [*_of_pair(one, other, rule), *_of_things(things, one.exercise, rule), *_of_options(rule)]


def _nodes(*alerts: int) -> list[Node]:
    with connection.cursor() as cursor:
        nodes = load_nodes(cursor, alerts, Habits())
    give_signals(nodes, marked_hubs=False)
    return nodes


def _shared(one: Node, other: Node, rule: Rule) -> list[tuple[str, str]]:
    """What both name, of the kind that the rule compares: how the rules write it, and how people read it."""
    wanted = (DEVICE.key, ACCOUNT.key) if rule in (SEQUENCE, STORY) else (rule.key,)
    found = []
    for key, signal in one.signals.items():
        if key[0] in wanted and key in other.signals:
            shown = signal.shown_with(bool(other.signals[key].address))
            found.append((key[1].partition("|")[2], shown[:MAX_WORDS]))
    return found[:MOST_THINGS]


def _of_pair(one: Node, other: Node, rule: Rule) -> list[Offer]:
    kinds = tuple(sorted((one.kind, other.kind)))
    titles = " and ".join(f"“{title[:MAX_WORDS]}”" for title in dict.fromkeys((one.title, other.title)))
    shown = f"{rule.label} never joins {titles}"
    lesson = Lesson(TaughtKind.LINK, shown, rule=rule.key, detectors=kinds, exercise=one.exercise)
    hint = "These two detections, whichever things they name. With others the rule goes on."
    return [Offer("pair", lesson, shown, hint)]


def _of_things(things: list[tuple[str, str]], exercise: str, rule: Rule) -> list[Offer]:
    found = []
    for place, (thing, name) in enumerate(things):
        shown = f"{rule.label} never joins by {name}"
        lesson = Lesson(TaughtKind.LINK, shown, rule=rule.key, thing=thing, exercise=exercise)
        found.append(Offer(f"thing-{place}", lesson, shown, "Other rules may still join alerts that name it."))
        if rule.hub:
            shown = f"{name} proves no relation"
            lesson = Lesson(TaughtKind.HUB, shown, thing=thing, exercise=exercise)
            hint = "No rule joins by it: a hub, such as a proxy, a scanner or an account on every machine."
            found.append(Offer(f"hub-{place}", lesson, shown, hint))
    return found


def _of_options(rule: Rule) -> list[Offer]:
    window = int(options.get(rule.option))
    offers = [_option(rule, rule.option, f"{rule.label}: narrow the window, now {window} hours", window,
                      "Alerts further apart are not joined by this rule.")]  # fmt: skip
    if rule.asset:
        chance = int(options.get(CHANCE))
        label = f"Devices and accounts: accept less chance, now {chance} of a thousand"
        offers.append(_option(rule, CHANCE, label, chance, "Alerts must be rarer or nearer to be joined."))
    return offers


def _option(rule: Rule, key: str, label: str, present: int, hint: str) -> Offer:
    lesson = Lesson(TaughtKind.OPTION, label, rule=rule.key, option=key, value=present)
    return Offer("window" if key == rule.option else "chance", lesson, label, hint, key, present)
