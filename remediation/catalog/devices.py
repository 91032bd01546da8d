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

RESTRICT = Action(
    key="device.restrict_execution",
    label="Restrict app execution",
    verb="Restrict apps",
    noun="app restriction",
    running="Restricting apps",
    done="Apps restricted",
    target_kind=EntityKind.DEVICE,
    facet=Facet.EXECUTION,
    wanted="restricted",
    effects=(
        "On {target} only programs signed by the maker of the operating system may start; others are refused.",
        "Programs that run already go on, and so do scripts of the system's own interpreters.",
    ),
    checked_by="The device is asked which programs it lets start.",
    request_permissions=(keys.REQUEST_RESPONSE,),
    decide_permissions=(keys.DECIDE_RESPONSE,),
    risk=Risk.HIGH,
    approval=Approval.ANOTHER_PERSON,
    undo="device.unrestrict_execution",
    in_force=True,
    icon="lock",
    order=30,
)

UNRESTRICT = Action(
    key="device.unrestrict_execution",
    label="Remove app restrictions",
    verb="Unrestrict apps",
    noun="the end of app restrictions",
    running="Removing app restrictions",
    done="App restrictions removed",
    target_kind=EntityKind.DEVICE,
    facet=Facet.EXECUTION,
    wanted="unrestricted",
    effects=("On {target} every program may start again that the device's own policy allows.",),
    checked_by="The device is asked which programs it lets start.",
    request_permissions=(keys.REQUEST_RESPONSE,),
    decide_permissions=(keys.DECIDE_RESPONSE,),
    risk=Risk.MEDIUM,
    approval=Approval.ANOTHER_PERSON,
    undo="device.restrict_execution",
    icon="key",
    order=31,
)

COLLECT_PACKAGE = Action(
    key="device.collect_package",
    label="Collect investigation package",
    verb="Collect package",
    running="Collecting package",
    done="Package collected",
    target_kind=EntityKind.DEVICE,
    facet=Facet.PACKAGE,
    wanted="collected",
    by_order=True,
    guarded=True,
    effects=(
        "{target} packs what an investigation needs: autostarts, processes, services, tasks, connections, sign-ins.",
        "The package may hold personal data: whoever looks into it or downloads it says why, and that is recorded.",
    ),
    checked_by="The package's checksum is compared with the one that the device tells.",
    request_permissions=(keys.REQUEST_RESPONSE,),
    decide_permissions=(keys.DECIDE_RESPONSE,),
    risk=Risk.LOW,
    approval=Approval.NONE,
    why_no_undo="Collecting changes nothing on the device; the package is deleted when its time is over.",
    limits=Limits(run_s=2 * 3_600),
    icon="box",
    order=40,
)

ACTIONS = (ISOLATE, RELEASE, SCAN, RESTRICT, UNRESTRICT, COLLECT_PACKAGE)
