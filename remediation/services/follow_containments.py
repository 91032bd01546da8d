"""Containments follow what changes: devices that join later enforce them too, and addresses that the contained device
takes later are cut as well. What was decided on is the device or the account, so nobody is asked again."""

from datetime import timedelta

from django.db import transaction

from accounts.models import User
from core import clock, jobs
from core.actors import Actor
from incidents.models import Device, DeviceBinding, Identity
from remediation import policy
from remediation.catalog import get
from remediation.catalog.containment import KEY, KEY_OF_ACCOUNT
from remediation.enums import OPEN_STATUSES, Decision, RunStatus
from remediation.lifecycle import announce_run, move_children
from remediation.models import ActionRun
from remediation.policy import Child, peers
from remediation.policy.peers import entry_of, peers_of
from remediation.policy.reach import MAX_DEVICES, leave_spared
from remediation.refused import Refused
from remediation.services.notes import note
from remediation.services.request import draft_child, seal
from remediation.taken_back import DONE, taken_back

FOLLOWER = Actor.system("remediation")
LONGEST = timedelta(days=30)
AT_ONCE = 200
# What is asked anew when it differs.
_CUT = ("addresses", "macs", "account")


def follow_containments() -> int:
    """Give the orders that are missing; answers how many."""
    since = clock.now() - LONGEST
    runs = ActionRun.objects.filter(
        action__in=(KEY, KEY_OF_ACCOUNT), parent=None, facet_key="", status__in=DONE, queued__gte=since
    )
    return sum(_follow(run) for run in runs.select_related("incident").order_by("-pk")[:AT_ONCE])


def _follow(run: ActionRun) -> int:
    model = Identity if run.target_kind == Identity.kind else Device
    whole: Device | Identity | None = model._default_manager.filter(pk=run.target_id).first()
    if whole is None or _is_over(run) or taken_back(run).claimed:
        return 0
    try:
        wanted = peers_of(get(run.action), whole, run.arguments)
    except Refused:
        return 0
    asker = User.objects.filter(pk=run.requester_id or 0).first()
    if asker is None:
        return 0
    missing = _missing(run, whole, list(wanted.visible_to(asker).order_by("pk")[:MAX_DEVICES]))
    return _order(run, missing) if missing else 0


def ends_at(run: ActionRun) -> float:
    """When the containment ends on every device, whenever it joined."""
    days = int(run.arguments.get("days") or 5)
    return ((run.queued or run.created) + timedelta(days=days)).timestamp()


def _is_over(run: ActionRun) -> bool:
    return clock.now().timestamp() >= ends_at(run)


def _missing(run: ActionRun, whole: Device | Identity, wanted: list[Device]) -> list[Child]:
    """The parts of those that were never asked, were asked about other addresses, or were another agent's."""
    entry = entry_of(whole)
    told: dict[int, ActionRun] = {one.target_id: one for one in run.children.order_by("pk")}
    busy = set(
        ActionRun.objects.filter(facet=run.facet, facet_key=peers.entry_key(whole), status__in=OPEN_STATUSES)
        .values_list("target_id", flat=True)
    )  # fmt: skip
    bindings = _single_bindings(wanted)
    due = [one for one in wanted if one.pk not in busy and _needs(told.get(one.pk), entry, bindings.get(one.pk))]
    arguments = {**entry, "until": ends_at(run)}
    children = []
    for one in due:
        try:
            bound = policy.check_connection(
                get(run.action), bindings[one.pk].connection, bindings[one.pk].remote_id, str(one), one.kind
            )
        except (Refused, KeyError):
            continue
        children.append(Child(one, arguments, entry["entry"], bound))
    return [child for child in leave_spared(children) if child.bound is not None]


def _single_bindings(devices: list[Device]) -> dict[int, DeviceBinding]:
    """Nobody acts on a device that is bound to two remote objects: nobody knows which of them it is."""
    found: dict[int, list[DeviceBinding]] = {}
    for one in DeviceBinding.objects.filter(device__in=devices).select_related("connection"):
        found.setdefault(one.device_id, []).append(one)
    return {pk: bound[0] for pk, bound in found.items() if len(bound) == 1}


def _needs(child: ActionRun | None, entry: dict[str, object], bound: DeviceBinding | None) -> bool:
    if child is None or child.status == RunStatus.SKIPPED:
        return True
    if bound is not None and child.remote_id and child.remote_id != bound.remote_id:
        return True
    return any(child.arguments.get(name) != value for name, value in entry.items() if name in _CUT)


def _order(run: ActionRun, missing: list[Child]) -> int:
    with transaction.atomic():
        parent = ActionRun.objects.select_for_update(of=("self",)).select_related("incident").get(pk=run.pk)
        if parent.status not in DONE or parent.decision not in {Decision.APPROVED, Decision.NOT_REQUIRED}:
            return 0
        policy.check_seal(parent)
        children = [draft_child(parent, one, "") for one in missing]
        for child in children:
            child.decided_by, child.decided_at = parent.decided_by, parent.decided_at
            child.emergency = parent.emergency
        ActionRun.objects.bulk_create(children)
        for child in children:
            child.argument_digest = policy.digest_of(child)
            child.decision_seal = seal(child)
        ActionRun.objects.bulk_update(children, ["argument_digest", "decision_seal"])
        move_children(children, RunStatus.QUEUED, actor=FOLLOWER, next_step_at=clock.real_now())
        names = ", ".join(child.target_name for child in children[:5])
        note(parent, f"Asked of {len(children)} more, or anew: {names}.", origin=f"follow-{children[0].pk}")
        announce_run(parent)
        jobs.wake("remediation.tasks.advance_runs")
    return len(children)
