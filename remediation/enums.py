"""One vocabulary for actions: deciding and carrying out are two lifecycles of one run."""

from django.db.models import TextChoices


class Decision(TextChoices):
    NOT_REQUIRED = "not_required", "No approval needed"
    PENDING = "pending", "Waiting for a decision"
    APPROVED = "approved", "Approved"
    REJECTED = "rejected", "Rejected"
    EXPIRED = "expired", "Expired undecided"
    WITHDRAWN = "withdrawn", "Withdrawn"


class RunStatus(TextChoices):
    WAITING = "waiting", "Waiting"
    QUEUED = "queued", "Queued"
    DELIVERED = "delivered", "Delivered"
    STARTED = "started", "Running"
    SUCCEEDED = "succeeded", "Verified"
    PARTIALLY_SUCCEEDED = "partially_succeeded", "Partly verified"
    FAILED = "failed", "Failed"
    TIMED_OUT = "timed_out", "Timed out"
    CANCELLED = "cancelled", "Cancelled"
    EXPIRED = "expired", "Expired"
    SKIPPED = "skipped", "Skipped"
    UNKNOWN = "unknown", "Unknown"


# A run in one of these holds its target's facet; the database allows one such run per target and facet.
OPEN_STATUSES = (RunStatus.WAITING, RunStatus.QUEUED, RunStatus.DELIVERED, RunStatus.STARTED)


class Source(TextChoices):
    """Where a request came from (the Action center's "Action source")."""

    MANUAL = "manual", "Manual action"
    API = "api", "API"
    PLAYBOOK = "playbook", "Playbook"
    INVESTIGATION = "investigation", "Automated investigation"
    DISRUPTION = "disruption", "Attack disruption"
    SYSTEM = "system", "System"


class Facet(TextChoices):
    """The part of a target that an action changes; two open runs never share one."""

    NETWORK = "network", "Network"
    SCAN = "scan", "Antivirus scan"
    FILES = "files", "Files"
    ACCOUNT = "account", "Account"
    MESSAGES = "messages", "Messages"


class LogLevel(TextChoices):
    INFO = "info", "Info"
    WARNING = "warning", "Warning"
    ERROR = "error", "Error"


class Risk(TextChoices):
    LOW = "low", "Low impact"
    MEDIUM = "medium", "Medium impact"
    HIGH = "high", "High impact"


class Approval(TextChoices):
    NONE = "none", "No approval"
    ANOTHER_PERSON = "another_person", "Approval by another person"
