from incidents.models.alert import Alert
from incidents.models.binding import DeviceBinding, IdentityBinding, MailboxBinding
from incidents.models.comment import Comment
from incidents.models.correlation_change import CorrelationChange
from incidents.models.correlation_link import CorrelationLink
from incidents.models.dead_letter import DeadLetter
from incidents.models.device import Device
from incidents.models.evidence import Evidence
from incidents.models.file import File
from incidents.models.identity import Identity
from incidents.models.incident import Incident
from incidents.models.known_habits import KnownHabits
from incidents.models.legal_hold import LegalHold
from incidents.models.mailbox import Mailbox
from incidents.models.saved_filter import SavedFilter

__all__ = [
    "Alert",
    "Comment",
    "CorrelationChange",
    "CorrelationLink",
    "DeadLetter",
    "Device",
    "DeviceBinding",
    "Evidence",
    "File",
    "Identity",
    "IdentityBinding",
    "Incident",
    "KnownHabits",
    "LegalHold",
    "Mailbox",
    "MailboxBinding",
    "SavedFilter",
]
