from django.db.models import TextChoices


class SessionState(TextChoices):
    REQUESTED = "requested", "Requested"
    CONNECTING = "connecting", "Connecting"
    ACTIVE = "active", "Connected"
    DISCONNECTED = "disconnected", "Disconnected"
    TIMED_OUT = "timed_out", "Timed out"
    FAILED = "failed", "Failed"


# A session in one of these holds its device; the database allows one such session per device.
OPEN_SESSIONS = (SessionState.REQUESTED, SessionState.CONNECTING, SessionState.ACTIVE)


class SessionKind(TextChoices):
    CONSOLE = "console", "Console"
    BATCH = "batch", "Script through the API"


class Level(TextChoices):
    """What a session, and each command, needs."""

    BASIC = "basic", "Basic"
    ADVANCED = "advanced", "Advanced"
    RAW = "raw", "Raw shell"


class CommandState(TextChoices):
    WAITING = "waiting", "Waiting"
    QUEUED = "queued", "Queued"
    STARTED = "started", "Running"
    SUCCEEDED = "succeeded", "Done"
    PARTIALLY_SUCCEEDED = "partially_succeeded", "Partly done"
    FAILED = "failed", "Failed"
    TIMED_OUT = "timed_out", "Timed out"
    CANCELLED = "cancelled", "Cancelled"
    EXPIRED = "expired", "Expired"
    REFUSED = "refused", "Refused"
    SKIPPED = "skipped", "Skipped"
    UNKNOWN = "unknown", "Unknown"


OPEN_COMMANDS = (CommandState.WAITING, CommandState.QUEUED, CommandState.STARTED)


class ShellDecision(TextChoices):
    ASKED = "asked", "Asked for"
    APPROVED = "approved", "Approved"
    REJECTED = "rejected", "Rejected"


class Where(TextChoices):
    """Who carries a command out."""

    PORTAL = "portal", "The portal itself"
    AGENT = "agent", "The agent on the device"
    RESPONSE = "response", "An action of the Action center"


class Output(TextChoices):
    TABLE = "table", "Table"
    JSON = "json", "JSON"
