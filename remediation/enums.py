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


class PolicyStatus(TextChoices):
    """Whether the effect of a run is in force now."""

    ACTIVE = "active", "Active"
    INACTIVE = "inactive", "Inactive"
    NOT_APPLICABLE = "not_applicable", "Not applicable"
    NO_STATUS = "no_status", "No status"


class Facet(TextChoices):
    """The part of a target that an action changes; two open runs never share one."""

    NETWORK = "network", "Network"
    SCAN = "scan", "Antivirus scan"
    FILES = "files", "Files"
    ACCOUNT = "account", "Account"
    MESSAGES = "messages", "Messages"
    EXECUTION = "execution", "App execution"
    PACKAGE = "package", "Investigation package"
    PASSWORD = "password", "Password"
    SESSIONS = "sessions", "Sessions"
    RULES = "rules", "Inbox rules"
    TAGS = "tags", "Tags"
    VALUE = "value", "Device value"
    CRITICALITY = "criticality", "Criticality"
    SWEEP = "sweep", "Sweep"
    CONTAIN = "contain", "Containment"
    ACCOUNTS = "accounts", "Contained accounts"
    COLLECTED = "collected", "Collected file"
    AGENT = "agent", "Agent"


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


class AssetClass(TextChoices):
    """What the caps count, each for itself."""

    DEVICES = "devices", "Devices"
    SERVERS = "servers", "Servers"
    ACCOUNTS = "accounts", "Accounts"
    MAILBOXES = "mailboxes", "Mailboxes"
    FILES = "files", "Files"


class RequesterKind(TextChoices):
    """Whose hand it is. A script with a person's token is a token."""

    PERSON = "person", "People"
    TOKEN = "token", "API tokens"
    AUTOMATION = "automation", "Automation"


class ProtectedKind(TextChoices):
    """Why an asset is protected; for each an option says whether it is refused or needs the stronger right."""

    PORTAL = "portal", "The portal itself"
    DATABASE = "database", "Database"
    GATEWAY = "gateway", "Gateway"
    DNS = "dns", "DNS server"
    DOMAIN_CONTROLLER = "domain_controller", "Domain controller"
    SOC_ACCOUNT = "soc_account", "Account of the SOC"
    BREAK_GLASS = "break_glass", "Break-glass account"
    OTHER = "other", "Other"


class MatchBy(TextChoices):
    ENTITY = "entity", "Is exactly"
    NAME = "name", "Whose name is like"
    ADDRESS = "address", "With an address in"
    TAG = "tag", "With the tag or role"


class EmergencyState(TextChoices):
    OPEN = "open", "To be ratified"
    RATIFIED = "ratified", "Ratified"
    DISOWNED = "disowned", "Not ratified"
    LAPSED = "lapsed", "Nobody ratified in time"


class Stage(TextChoices):
    """When policy is asked. It is asked again at each, because people, rights, devices and brakes change."""

    REQUEST = "request", "Asking"
    DECISION = "decision", "Deciding"
    EXECUTION = "execution", "Carrying out"


class IndicatorType(TextChoices):
    SHA256 = "fileSha256", "File SHA-256"
    SHA1 = "fileSha1", "File SHA-1"
    MD5 = "fileMd5", "File MD5"
    IP = "ipAddress", "IP address"
    DOMAIN = "domainName", "Domain"
    URL = "url", "URL"
    CERTIFICATE = "certificateThumbprint", "Certificate"


class IndicatorAction(TextChoices):
    ALLOWED = "allowed", "Allow"
    AUDIT = "audit", "Audit"
    WARN = "warn", "Warn"
    BLOCK = "block", "Block"
    BLOCK_AND_REMEDIATE = "blockAndRemediate", "Block and remediate"


class IndicatorStatus(TextChoices):
    ACTIVE = "active", "Active"
    EXPIRED = "expired", "Expired"
    REMOVED = "removed", "Removed"


class IndicatorSource(TextChoices):
    MANUAL = "manual", "By hand"
    INCIDENT = "incident", "From an incident"
    CSV = "csv", "CSV import"
    API = "api", "API"


class IndicatorDeed(TextChoices):
    """What was done to an indicator, line by line in its history."""

    MADE = "made", "Made"
    CHANGED = "changed", "Changed"
    REMOVED = "removed", "Removed"
    EXPIRED = "expired", "Expired"
    RESTORED = "restored", "Put in force again"


class HitKind(TextChoices):
    """How something that an indicator names was met: named by an alert, or what a device did when it met it."""

    NAMED = "named", "Named by an alert"
    AUDITED = "audited", "Watched"
    WARNED = "warned", "Warned of"
    BLOCKED = "blocked", "Blocked"


class Enforcement(TextChoices):
    """How far one connection has followed one indicator."""

    WAITING = "waiting", "Waiting"
    SENT = "sent", "On its way"
    IN_FORCE = "in_force", "In force"
    LIFTED = "lifted", "Lifted"
    DIFFERS = "differs", "Differs"
    FAILED = "failed", "Failed"


class ExpertStatus(TextChoices):
    OPEN = "open", "Waits for an answer"
    ANSWERED = "answered", "Answered"
    CLOSED = "closed", "Closed"


class AskedAbout(TextChoices):
    INCIDENT = "incident", "Incident"
    ALERT = "alert", "Alert"
    DEVICE = "device", "Device"
    FILE = "file", "File"


class AnsweredBy(TextChoices):
    """How the answer of a retainer reached the person who wrote it down."""

    PHONE = "phone", "By phone"
    MAIL = "mail", "By mail"


class SweepItemKind(TextChoices):
    """What a device can be asked to look for; the words are of the agents' protocol."""

    HASH = "hash", "File hash"
    PATH = "path", "Path"
    PERSISTENCE = "persistence", "Persistence"
    ADDRESS = "address", "Address"
    DOMAIN = "domain", "Domain"
    ACCOUNT = "account", "Account"


class SweepState(TextChoices):
    ASKING = "asking", "Being asked"
    RUNNING = "running", "Devices answer"
    FINISHED = "finished", "Finished"


class SweepPartState(TextChoices):
    WAITING = "waiting", "To be asked"
    ASKED = "asked", "Asked"
    ANSWERED = "answered", "Answered"
    SILENT = "silent", "Did not answer"
    REFUSED = "refused", "Not asked"


class FindingState(TextChoices):
    FOUND = "found", "Found"
    ASKED = "asked", "Removal asked"
    REMOVED = "removed", "Removed"
    ACCEPTED = "accepted", "Accepted"


class StepKind(TextChoices):
    """What the portal itself checks or does for a step; a free one is a person's word alone."""

    CLEANED = "cleaned", "Rebuilt or cleaned"
    CREDENTIALS = "credentials", "Credentials rotated"
    RELEASED = "released", "Released from isolation"
    WATCHED = "watched", "Watched return"
    FREE = "free", "Free"


class StepState(TextChoices):
    OPEN = "open", "Open"
    DONE = "done", "Done"
    SKIPPED = "skipped", "Not needed"
    FAILED = "failed", "Failed"


class RecoveryState(TextChoices):
    OPEN = "open", "Being recovered"
    WATCHED = "watched", "Watched"
    RECOVERED = "recovered", "Recovered"
    FAILED = "failed", "Failed"


class CustodyKind(TextChoices):
    PACKAGE = "package", "Investigation package"
    FILE = "file", "Collected file"
    REPORT = "report", "Report"
    LIVE = "live", "Live response"
    SAMPLE = "sample", "Analysis sample"
    QUARANTINED = "quarantined", "In quarantine on the device"


class AnalysisState(TextChoices):
    """How far a deep analysis of a file has come."""

    NOT_SUBMITTED = "not_submitted", "Not submitted"
    QUEUED = "queued", "Waits for the analysis host"
    COLLECTING_SAMPLE = "collecting_sample", "Collecting the sample"
    ANALYZING = "analyzing", "Being analysed"
    COMPLETED = "completed", "Completed"
    FAILED = "failed", "Failed"


OPEN_ANALYSES = (
    AnalysisState.NOT_SUBMITTED, AnalysisState.QUEUED, AnalysisState.COLLECTING_SAMPLE, AnalysisState.ANALYZING,
)  # fmt: skip


class SampleSource(TextChoices):
    """Where the copy that is analysed comes from."""

    STORED = "stored", "A copy that the portal holds"
    DEVICE = "device", "Collected from a device"
    UPLOAD = "upload", "Uploaded"
    LIVE_RESPONSE = "live_response", "Live response"
