from notifications.models.dispatch import Dispatch, DispatchAttempt
from notifications.models.endpoint import Endpoint
from notifications.models.listening import DigestItem, Listening, Preference, Watch
from notifications.models.message import Message
from notifications.models.notice import Notice
from notifications.models.pulse import Pulse
from notifications.models.rule import Rule, RuleHit, RuleRecipient

__all__ = [
    "DigestItem",
    "Dispatch",
    "DispatchAttempt",
    "Endpoint",
    "Listening",
    "Message",
    "Notice",
    "Preference",
    "Pulse",
    "Rule",
    "RuleHit",
    "RuleRecipient",
    "Watch",
]
