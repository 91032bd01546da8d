"""Actions on one device."""

from accounts import keys
from incidents.enums import EntityKind, RemediationStatus
from remediation.catalog.action import Action, Choice, Limits, Parameter
from remediation.enums import Approval, Facet, Risk

ISOLATE = Action(
    key="device.isolate",
    label="Isolate device",
    verb="Isolate",
    running="Isolating",
    done="Isolated",
    target_kind=EntityKind.DEVICE,
    parameters=(
        Parameter(
            "isolation_type",
            "Isolation type",
            choices=(
                Choice("full", "Full", "Every connection is cut except the one to its security service."),
                Choice("selective", "Selective", "Connections that the isolation exclusions allow stay open."),
            ),
            default="full",
        ),
    ),
    facet=Facet.NETWORK,
    wanted="isolated",
    wanted_arguments=("isolation_type",),
    effects=("{target} is cut off from the network until it is released; whoever works on it is interrupted.",),
    checked_by="The device's own network state is read back.",
    request_permissions=(keys.REQUEST_RESPONSE,),
    decide_permissions=(keys.DECIDE_RESPONSE,),
    risk=Risk.HIGH,
    approval=Approval.ANOTHER_PERSON,
    undo="device.release",
    in_force=True,
    contains=True,
    evidence_status=RemediationStatus.BLOCKED,
    icon="unplug",
    order=10,
)

RELEASE = Action(
    key="device.release",
    label="Release from isolation",
    verb="Release",
    running="Releasing",
    done="Released",
    target_kind=EntityKind.DEVICE,
    facet=Facet.NETWORK,
    wanted="connected",
    effects=("{target} gets its network connections back.",),
    checked_by="The device's own network state is read back.",
    request_permissions=(keys.REQUEST_RESPONSE,),
    decide_permissions=(keys.DECIDE_RESPONSE,),
    risk=Risk.MEDIUM,
    approval=Approval.ANOTHER_PERSON,
    undo="device.isolate",
    evidence_status=RemediationStatus.UNREMEDIATED,
    icon="link",
    order=11,
)

SCAN = Action(
    key="device.antivirus_scan",
    label="Run antivirus scan",
    verb="Scan",
    running="Scanning",
    done="Scanned",
    target_kind=EntityKind.DEVICE,
    parameters=(
        Parameter(
            "scan_type",
            "Scan type",
            choices=(
                Choice("quick", "Quick", "Running programs and the usual hiding places are examined."),
                Choice("full", "Full", "Every file is examined; this can take hours and slows the device down."),
            ),
            default="quick",
        ),
    ),
    facet=Facet.SCAN,
    wanted="finished",
    wanted_arguments=("scan_type",),
    by_order=True,
    effects=("An antivirus scan starts on {target}; what it finds is reported, nothing else is changed.",),
    checked_by="The device's last scan is read back; it must be this one.",
    request_permissions=(keys.REQUEST_RESPONSE,),
    decide_permissions=(keys.DECIDE_RESPONSE,),
    risk=Risk.LOW,
    approval=Approval.NONE,
    why_no_undo="A scan changes nothing that could be taken back.",
    limits=Limits(run_s=8 * 3_600),
    icon="scan",
    order=20,
)

ACTIONS = (ISOLATE, RELEASE, SCAN)
