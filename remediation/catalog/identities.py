"""Actions on one account."""

from accounts import keys
from incidents.enums import EntityKind, RemediationStatus
from remediation.catalog.action import Action
from remediation.enums import Approval, Facet, Risk

DISABLE = Action(
    key="identity.disable",
    label="Disable account",
    verb="Disable",
    running="Disabling",
    done="Disabled",
    target_kind=EntityKind.IDENTITY,
    facet=Facet.ACCOUNT,
    wanted="disabled",
    effects=(
        "{target} can no longer sign in anywhere that asks this directory.",
        "Sessions that are open already may last until their tokens expire.",
    ),
    checked_by="The directory is asked whether the account is disabled.",
    request_permissions=(keys.REQUEST_RESPONSE,),
    decide_permissions=(keys.DECIDE_RESPONSE,),
    risk=Risk.HIGH,
    approval=Approval.ANOTHER_PERSON,
    undo="identity.enable",
    in_force=True,
    contains=True,
    evidence_status=RemediationStatus.REMEDIATED,
    icon="lock",
    order=10,
)

ENABLE = Action(
    key="identity.enable",
    label="Enable account",
    verb="Enable",
    running="Enabling",
    done="Enabled",
    target_kind=EntityKind.IDENTITY,
    facet=Facet.ACCOUNT,
    wanted="enabled",
    effects=("{target} can sign in again.",),
    checked_by="The directory is asked whether the account is enabled.",
    request_permissions=(keys.REQUEST_RESPONSE,),
    decide_permissions=(keys.DECIDE_RESPONSE,),
    risk=Risk.MEDIUM,
    approval=Approval.ANOTHER_PERSON,
    undo="identity.disable",
    evidence_status=RemediationStatus.UNREMEDIATED,
    icon="key",
    order=11,
)

ACTIONS = (DISABLE, ENABLE)
