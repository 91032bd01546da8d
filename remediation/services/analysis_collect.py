"""Getting a sample from a device: the ordinary action that collects a file, asked for in the name of who submits it."""

from accounts.models import User
from core.actors import Actor
from incidents.models import Device, File, Incident
from remediation.models import ActionRun, RunArtefact
from remediation.refused import Refused
from remediation.services.request import request_action

COLLECT = "file.collect"


def ask_devices(file: File, *, reason: str, actor: Actor, user: User, incident: Incident | None) -> ActionRun:
    """Ask the device that was heard of last. Raises `Refused`, with what else can be done."""
    try:
        return request_action(
            COLLECT, target=file, arguments={"devices": "one"}, comment=reason, actor=actor, user=user,
            incident=incident,
        )  # fmt: skip
    except Refused as refused:
        if refused.code == "conflict":
            raise
        message = f"The portal holds no copy of this file, and none can be collected: {refused.message} Upload a copy."
        raise Refused(refused.code, message, link=refused.link, run=refused.run) from None


def device_of(run: ActionRun) -> Device | None:
    """The device that was asked."""
    child = run.children.filter(target_kind="device").order_by("pk").first()
    return Device.objects.filter(pk=child.target_id).first() if child is not None else None


def collected(run: ActionRun | None, file: File) -> RunArtefact | None:
    """What came, when it is this very file."""
    if run is None or not file.sha256:
        return None
    of_run = RunArtefact.objects.filter(run=run) | RunArtefact.objects.filter(run__parent=run)
    return of_run.filter(blob__sha256=file.sha256).select_related("blob", "run").order_by("pk").first()
