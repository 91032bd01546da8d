"""Actions on one message, or one inbox rule, of one mailbox."""

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

_RULE = Parameter(
    "rule_id",
    "Inbox rule",
    help="The rule as its mailbox knows it.",
    max_length=200,
    listed=True,
)

SOFT_DELETE = Action(
    key="mailbox.soft_delete_message",
    label="Soft-delete message",
    verb="Soft-delete",
    part="message in",
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
    part="message in",
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

DISABLE_RULE = Action(
    key="mailbox.disable_rule",
    label="Disable inbox rule",
    verb="Disable rule",
    noun="disabling of the rule",
    part="of",
    running="Disabling rule",
    done="Rule disabled",
    target_kind=EntityKind.MAILBOX,
    parameters=(_RULE,),
    facet=Facet.RULES,
    facet_argument="rule_id",
    wanted="disabled",
    effects=(
        "The chosen inbox rule of {target} no longer moves, forwards or deletes anything.",
        "The rule stays in the mailbox as it is written, so that it can be studied and switched on again.",
    ),
    checked_by="The mailbox is asked for its rules.",
    request_permissions=(keys.REQUEST_RESPONSE,),
    decide_permissions=(keys.DECIDE_RESPONSE, keys.MAIL_ADVANCED),
    risk=Risk.MEDIUM,
    approval=Approval.ANOTHER_PERSON,
    undo="mailbox.enable_rule",
    in_force=True,
    icon="lock",
    order=20,
)

ENABLE_RULE = Action(
    key="mailbox.enable_rule",
    label="Enable inbox rule",
    verb="Enable rule",
    noun="enabling of the rule",
    part="of",
    running="Enabling rule",
    done="Rule enabled",
    target_kind=EntityKind.MAILBOX,
    parameters=(_RULE,),
    facet=Facet.RULES,
    facet_argument="rule_id",
    wanted="enabled",
    effects=("The chosen inbox rule of {target} works again, as it was written when it was disabled.",),
    checked_by="The mailbox is asked for its rules.",
    request_permissions=(keys.REQUEST_RESPONSE,),
    decide_permissions=(keys.DECIDE_RESPONSE, keys.MAIL_ADVANCED),
    risk=Risk.MEDIUM,
    approval=Approval.ANOTHER_PERSON,
    undo="mailbox.disable_rule",
    icon="undo",
    order=21,
)

ACTIONS = (SOFT_DELETE, RESTORE, DISABLE_RULE, ENABLE_RULE)
