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

FORCE_PASSWORD_CHANGE = Action(
    key="identity.force_password_change",
    label="Force password change",
    verb="Force password change",
    noun="password change",
    running="Demanding a new password",
    done="Password change demanded",
    target_kind=EntityKind.IDENTITY,
    facet=Facet.PASSWORD,
    wanted="change_required",
    effects=(
        "{target} must choose a new password at the next sign-in, in each account of the directory that has one.",
        "Sessions that are open already go on; revoke them as well when somebody else may be in them.",
    ),
    checked_by="The directory is asked, account by account, whether a new password is demanded.",
    request_permissions=(keys.REQUEST_RESPONSE,),
    decide_permissions=(keys.DECIDE_RESPONSE,),
    risk=Risk.MEDIUM,
    approval=Approval.ANOTHER_PERSON,
    undo="identity.waive_password_change",
    in_force=True,
    icon="key",
    order=20,
)

WAIVE_PASSWORD_CHANGE = Action(
    key="identity.waive_password_change",
    label="Waive password change",
    verb="Waive password change",
    noun="the waiver of the password change",
    running="Waiving the password change",
    done="Password change waived",
    target_kind=EntityKind.IDENTITY,
    facet=Facet.PASSWORD,
    wanted="no_change_required",
    effects=("{target} keeps the present password; one that was changed already stays changed.",),
    checked_by="The directory is asked, account by account, whether a new password is demanded.",
    request_permissions=(keys.REQUEST_RESPONSE,),
    decide_permissions=(keys.DECIDE_RESPONSE,),
    risk=Risk.MEDIUM,
    approval=Approval.ANOTHER_PERSON,
    undo="identity.force_password_change",
    icon="undo",
    order=21,
)

REVOKE_SESSIONS = Action(
    key="identity.revoke_sessions",
    label="Revoke sessions",
    verb="Revoke sessions",
    running="Revoking sessions",
    done="Sessions revoked",
    target_kind=EntityKind.IDENTITY,
    facet=Facet.SESSIONS,
    wanted="revoked",
    by_order=True,
    effects=(
        "{target} is signed out everywhere and must sign in again; what was not saved may be lost.",
        "Whoever knows the password can sign in again: force a new one, or disable the account.",
    ),
    checked_by="The directory is asked, account by account, which sessions are older than this order.",
    request_permissions=(keys.REQUEST_RESPONSE,),
    decide_permissions=(keys.DECIDE_RESPONSE,),
    risk=Risk.MEDIUM,
    approval=Approval.NONE,
    why_no_undo="A session that has ended cannot be brought back; the person signs in again.",
    icon="unplug",
    order=30,
)

ACTIONS = (DISABLE, ENABLE, FORCE_PASSWORD_CHANGE, WAIVE_PASSWORD_CHANGE, REVOKE_SESSIONS)
