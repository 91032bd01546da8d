"""Cutting off what has no agent of its own: a device, whose traffic every device with an agent drops, and an account,
which each of them keeps out."""

from accounts import keys
from incidents.enums import EntityKind, RemediationStatus
from remediation.catalog.action import Action, Choice, Parameter
from remediation.enums import Approval, Facet, Risk

KEY = "device.contain"


def _parameters(narrower: Choice) -> tuple[Parameter, ...]:
    """Who enforces it, everybody or `narrower`, and for how long."""
    everybody = Choice("all", "Every device with an agent", "All agents within your device groups enforce it.")
    periods = tuple(Choice(str(days), f"{days} days" if days > 1 else "1 day") for days in (1, 3, 5, 14, 30))
    return (
        Parameter("peers", "Enforced by", choices=(everybody, narrower), default="all"),
        Parameter("days", "Ends after", choices=periods, default="5"),
    )


CONTAIN = Action(
    key=KEY,
    label="Contain device",
    verb="Contain",
    noun="containment",
    running="Containing",
    done="Contained",
    counted="devices enforce it",
    target_kind=EntityKind.DEVICE,
    acts_on=EntityKind.DEVICE,
    parameters=_parameters(Choice("group", "Its own device group", "Agents of the same device group enforce it.")),
    facet=Facet.CONTAIN,
    wanted="contained",
    effects=(
        "Devices with an agent drop all traffic with the addresses of {target}, both ways.",
        "It goes on talking with machines that have no agent, and the accounts that are used on it stay as they are.",
        "Devices that join later enforce it too, and addresses that {target} takes later are added.",
    ),
    checked_by="Each device is asked what it drops.",
    request_permissions=(keys.REQUEST_RESPONSE,),
    decide_permissions=(keys.DECIDE_RESPONSE,),
    risk=Risk.HIGH,
    approval=Approval.ANOTHER_PERSON,
    undo="device.uncontain",
    in_force=True,
    contains=True,
    evidence_status=RemediationStatus.BLOCKED,
    icon="shield",
    order=12,
)

UNCONTAIN = Action(
    key="device.uncontain",
    label="Release from containment",
    verb="Release from containment",
    noun="release from containment",
    running="Releasing from containment",
    done="Released from containment",
    counted="devices let it through again",
    target_kind=EntityKind.DEVICE,
    acts_on=EntityKind.DEVICE,
    facet=Facet.CONTAIN,
    wanted="open",
    effects=("Every device that drops traffic with {target} lets it through again.",),
    checked_by="Each device is asked what it drops.",
    request_permissions=(keys.REQUEST_RESPONSE,),
    decide_permissions=(keys.DECIDE_RESPONSE,),
    risk=Risk.MEDIUM,
    approval=Approval.ANOTHER_PERSON,
    undo=KEY,
    evidence_status=RemediationStatus.UNREMEDIATED,
    icon="link",
    order=13,
)

KEY_OF_ACCOUNT = "identity.contain"

CONTAIN_ACCOUNT = Action(
    key=KEY_OF_ACCOUNT,
    label="Contain account on devices",
    verb="Contain on devices",
    noun="containment on devices",
    running="Keeping out of devices",
    done="Kept out of devices",
    counted="devices enforce it",
    target_kind=EntityKind.IDENTITY,
    acts_on=EntityKind.DEVICE,
    parameters=_parameters(
        Choice("seen", "Devices that saw it", "Agents on devices that alerts name with it enforce it.")
    ),
    facet=Facet.ACCOUNTS,
    wanted="contained",
    effects=(
        "Devices with an agent refuse new logons of the account of this name, and end its sessions and programs.",
        "What {target} has not saved there is lost.",
        "The account stays enabled in its directory, and on machines without an agent nothing changes.",
        "Accounts of the system, and root, are left alone; a device that has such an account of this name says so.",
    ),
    checked_by="Each device is asked whether it refuses the account, and whether anything of it still runs.",
    request_permissions=(keys.REQUEST_RESPONSE,),
    decide_permissions=(keys.DECIDE_RESPONSE,),
    risk=Risk.HIGH,
    approval=Approval.ANOTHER_PERSON,
    undo="identity.uncontain",
    in_force=True,
    contains=True,
    evidence_status=RemediationStatus.BLOCKED,
    icon="shield",
    order=40,
)

UNCONTAIN_ACCOUNT = Action(
    key="identity.uncontain",
    label="Let account on devices again",
    verb="Let on devices again",
    noun="release of the account on devices",
    running="Letting on devices again",
    done="Let on devices again",
    counted="devices let it on again",
    target_kind=EntityKind.IDENTITY,
    acts_on=EntityKind.DEVICE,
    facet=Facet.ACCOUNTS,
    wanted="open",
    effects=("Every device that refuses {target} has its account as it was before.",),
    checked_by="Each device is asked whether it refuses the account.",
    request_permissions=(keys.REQUEST_RESPONSE,),
    decide_permissions=(keys.DECIDE_RESPONSE,),
    risk=Risk.MEDIUM,
    approval=Approval.ANOTHER_PERSON,
    undo=KEY_OF_ACCOUNT,
    evidence_status=RemediationStatus.UNREMEDIATED,
    icon="link",
    order=41,
)

ACTIONS = (CONTAIN, UNCONTAIN, CONTAIN_ACCOUNT, UNCONTAIN_ACCOUNT)
