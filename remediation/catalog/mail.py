"""Actions on one message in one mailbox."""

from accounts import keys
from incidents.enums import EntityKind, RemediationStatus
from remediation.catalog.action import Action, Parameter
from remediation.enums import Approval, Facet, Risk

_MESSAGE = Parameter(
    "message_id",
    "Message",
    help="The internet message id, as the evidence shows it: <...@...>.",
    max_length=998,
)

SOFT_DELETE = Action(
    key="mailbox.soft_delete_message",
    label="Soft-delete message",
    verb="Soft-delete",
    running="Deleting",
    done="Deleted (recoverable)",
    target_kind=EntityKind.MAILBOX,
    parameters=(_MESSAGE,),
    facet=Facet.MESSAGES,
    facet_argument="message_id",
    wanted="removed",
    effects=("The message {message_id} leaves the mailbox of {target}; it can be brought back from the trash.",),
    checked_by="The mailbox is searched for the message.",
    request_permissions=(keys.REQUEST_RESPONSE,),
    decide_permissions=(keys.DECIDE_RESPONSE, keys.MAIL_ADVANCED),
    risk=Risk.MEDIUM,
    approval=Approval.ANOTHER_PERSON,
    undo="mailbox.restore_message",
    in_force=True,
    evidence_status=RemediationStatus.REMEDIATED,
    icon="mail",
    order=10,
)

RESTORE = Action(
    key="mailbox.restore_message",
    label="Restore message",
    verb="Restore",
    running="Restoring",
    done="Restored",
    target_kind=EntityKind.MAILBOX,
    parameters=(_MESSAGE,),
    facet=Facet.MESSAGES,
    facet_argument="message_id",
    wanted="delivered",
    effects=("The message {message_id} returns to the folder of {target} in which it lay.",),
    checked_by="The mailbox is searched for the message.",
    request_permissions=(keys.REQUEST_RESPONSE,),
    decide_permissions=(keys.DECIDE_RESPONSE, keys.MAIL_ADVANCED),
    risk=Risk.MEDIUM,
    approval=Approval.ANOTHER_PERSON,
    undo="mailbox.soft_delete_message",
    evidence_status=RemediationStatus.UNREMEDIATED,
    icon="undo",
    order=11,
)

ACTIONS = (SOFT_DELETE, RESTORE)
