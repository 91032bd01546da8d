"""Actions on a file, wherever it lies: a parent run with one child for each device that saw it."""

from accounts import keys
from incidents.enums import EntityKind, RemediationStatus
from remediation.catalog.action import Action, Choice, Parameter
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
    parameters=(
        Parameter(
            "copy",
            "Which copy",
            required=False,
            help="The others stay where they are.",
            for_api="Its id in the quarantine list; the others stay where they are. Without one every copy comes back.",
            max_length=18,
            listed=True,
            without="Every copy, on every device",
            passing=True,
            effects=(
                "Only the copy that is chosen comes back; every other stays where it is.",
                "This happens on every device where it was quarantined, by the portal or by the device itself.",
            ),
        ),
    ),
    wanted="present",
    effects=("{target} is put back where it lay, with its former rights.",),
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

COLLECT = Action(
    key="file.collect",
    label="Collect file",
    verb="Collect",
    noun="the file itself",
    running="Collecting file",
    done="Collected",
    target_kind=EntityKind.FILE,
    acts_on=EntityKind.DEVICE,
    parameters=(
        Parameter(
            "devices",
            "From",
            choices=(
                Choice("one", "One device", "It is fetched from the device that was heard of last."),
                Choice("all", "Every device that saw it", "Each sends its own copy, for comparison."),
            ),
            default="one",
        ),
    ),
    facet=Facet.COLLECTED,
    wanted="collected",
    by_order=True,
    guarded=True,
    counted="devices sent it",
    effects=(
        "A copy of {target} is fetched, at most 3 GiB; nothing is changed on the device.",
        "It is kept encrypted. Whoever downloads it says why and chooses the password of the zip that it comes in.",
    ),
    checked_by="What arrived is compared with the SHA-256 that the device announced.",
    request_permissions=(keys.REQUEST_RESPONSE,),
    decide_permissions=(keys.DECIDE_RESPONSE,),
    risk=Risk.LOW,
    approval=Approval.NONE,
    why_no_undo="Collecting changes nothing on the device; the copy is deleted when its time is over.",
    icon="download",
    order=20,
)

ACTIONS = (QUARANTINE, RESTORE, COLLECT)
