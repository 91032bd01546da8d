"""Actions on a file, wherever it lies: a parent run with one child for each device that saw it."""

from accounts import keys
from incidents.enums import EntityKind, RemediationStatus
from remediation.catalog.action import Action
from remediation.enums import Approval, Facet, Risk

QUARANTINE = Action(
    key="file.quarantine",
    label="Stop and quarantine file",
    verb="Quarantine",
    running="Quarantining",
    done="Quarantined",
    target_kind=EntityKind.FILE,
    acts_on=EntityKind.DEVICE,
    facet=Facet.FILES,
    wanted="quarantined",
    effects=(
        "Programs running from {target} are stopped, and the file is moved to quarantine.",
        "This happens on every device that saw the file in the last 30 days, and where it is in quarantine already.",
    ),
    checked_by="Each device is asked whether the file is still in its place.",
    request_permissions=(keys.REQUEST_RESPONSE,),
    decide_permissions=(keys.DECIDE_RESPONSE,),
    risk=Risk.HIGH,
    approval=Approval.ANOTHER_PERSON,
    undo="file.restore",
    in_force=True,
    contains=True,
    evidence_status=RemediationStatus.REMEDIATED,
    icon="box",
    order=10,
)

RESTORE = Action(
    key="file.restore",
    label="Restore file from quarantine",
    verb="Restore",
    running="Restoring",
    done="Restored",
    target_kind=EntityKind.FILE,
    acts_on=EntityKind.DEVICE,
    facet=Facet.FILES,
    wanted="present",
    effects=(
        "{target} is put back where it lay, with its former rights.",
        "This happens on every device where the portal quarantined it.",
    ),
    checked_by="Each device is asked whether the file is back in its place.",
    request_permissions=(keys.REQUEST_RESPONSE,),
    decide_permissions=(keys.DECIDE_RESPONSE,),
    risk=Risk.HIGH,
    approval=Approval.ANOTHER_PERSON,
    undo="file.quarantine",
    evidence_status=RemediationStatus.UNREMEDIATED,
    icon="undo",
    order=11,
)

ACTIONS = (QUARANTINE, RESTORE)
