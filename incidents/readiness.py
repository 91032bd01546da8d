"""Whether the data can be relied on: what matters is marked, agents report, rules of correlation have worked."""

from django.db.models import Count, Q

from accounts import keys
from core import options
from core.options import Option
from core.readiness import Check, Finding, Group, Look, Row, State, declare, listed
from core.wording import counted
from incidents.correlation.rules import rules_in_force
from incidents.enums import Criticality, SensorHealth
from incidents.models import CorrelationLink, Device
from incidents.queries.entities import DeviceQuerySet

CLASSIFIED_PERCENT = options.declare(
    Option(
        "readiness.classified_percent",
        80,
        "Readiness: percent of devices whose criticality has to be known",
        "Low is a criticality as well; none says that nobody has looked.",
        minimum=1,
        maximum=100,
    )
)
UNWELL = (SensorHealth.INACTIVE, SensorHealth.IMPAIRED, SensorHealth.NO_SENSOR_DATA)
LISTED = 13


def devices_for(look: Look) -> DeviceQuerySet:
    """Those that the reader may see; all of them for the portal as a whole."""
    rows: DeviceQuerySet = Device.objects.all()
    return rows if look.reader is None else rows.visible_to(look.reader)


def _classified(look: Look) -> Finding:
    seen = devices_for(look)
    found = seen.aggregate(all=Count("pk"), none=Count("pk", Q(criticality=Criticality.NONE)))
    total, fine = found["all"], found["all"] - found["none"]
    if not total:
        return Finding(State.MISSING, "No device is known yet.", 0, 0)
    percent, wanted = 100 * fine // total, options.get(CLASSIFIED_PERCENT.key)
    open_ones = seen.filter(criticality=Criticality.NONE).order_by("-internet_facing", "-last_seen", "pk")
    rows, _ = listed([_device(one, "Faces the internet" if one.internet_facing else "") for one in open_ones[:LISTED]])
    state = State.OK if percent >= wanted else State.WARN if fine else State.MISSING
    sentence = f"{fine:,} of {total:,} devices have a criticality ({percent} %; {wanted} % are wanted)."
    return Finding(state, sentence, fine, total, rows, max(0, total - fine - len(rows)))


def _agents(look: Look) -> Finding:
    known = devices_for(look).exclude(health=SensorHealth.UNKNOWN)
    found = known.aggregate(all=Count("pk"), unwell=Count("pk", Q(health__in=UNWELL)))
    total, unwell = found["all"], found["unwell"]
    if not total:
        return Finding(State.WARN, "No source tells how the agents of the devices are.", 0, 0)
    rows, _ = listed([
        _device(one, one.get_health_display())
        for one in known.filter(health__in=UNWELL).order_by("-last_seen", "pk")[:LISTED]
    ])  # fmt: skip
    state = State.OK if not unwell else State.MISSING if 4 * unwell > total else State.WARN
    sentence = f"The agents of {total - unwell:,} of {counted(total, 'device')} report."
    return Finding(state, sentence, total - unwell, total, rows, max(0, unwell - len(rows)))


def _device(device: Device, note: str) -> Row:
    return Row(device.display_name, note, f"/devices/{device.pk}/")


def _correlation(_look: Look) -> Finding:
    """What a person undid has worked as well: it was seen at work."""
    on = [row.rule for row in rules_in_force() if row.on]
    if not on:
        return Finding(State.MISSING, "Every rule of correlation is switched off.", 0, 0)
    worked = set(CorrelationLink.objects.order_by().values_list("rule", flat=True).distinct())
    idle = [rule for rule in on if rule.key not in worked]
    rows, more = listed([Row(rule.label, rule.sentence) for rule in idle])
    fine = len(on) - len(idle)
    sentence = f"{fine} of {counted(len(on), 'rule')} that are on have joined alerts."
    return Finding(State.OK if not idle else State.WARN, sentence, fine, len(on), rows, more)


def declare_checks() -> None:
    declare(Check(
        "classified_devices", "Devices have a criticality", Group.DATA,
        "Priority and the order of work follow from it; without one everything is equally unimportant.",
        _classified, "/devices/?criticality=none", "Devices without one", keys.MANAGE_ALERTS, order=20,
    ))  # fmt: skip
    declare(Check(
        "agents", "Agents report", Group.SOURCES,
        "A device whose agent is away neither raises an alert nor takes an order.",
        _agents, "/devices/", "Devices", keys.READ, order=20,
    ))  # fmt: skip
    declare(Check(
        "correlation_rules", "Rules of correlation have worked", Group.DATA,
        "A rule that never joined anything may look at a field that no source fills.",
        _correlation, "/admin/options/", "Options", keys.MANAGE_SETTINGS, whole=True, order=30,
    ))  # fmt: skip
