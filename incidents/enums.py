"""Enums of incidents, alerts and evidence; values as in Microsoft Graph security, labels as an analyst says them."""

from django.db.models import TextChoices


class IncidentStatus(TextChoices):
    ACTIVE = "active", "New"
    IN_PROGRESS = "inProgress", "In progress"
    RESOLVED = "resolved", "Resolved"
    REDIRECTED = "redirected", "Redirected"
    AWAITING_ACTION = "awaitingAction", "Awaiting action"


class AlertStatus(TextChoices):
    UNKNOWN = "unknown", "Unknown"
    NEW = "new", "New"
    IN_PROGRESS = "inProgress", "In progress"
    RESOLVED = "resolved", "Resolved"


class Severity(TextChoices):
    UNKNOWN = "unknown", "Unknown"
    INFORMATIONAL = "informational", "Informational"
    LOW = "low", "Low"
    MEDIUM = "medium", "Medium"
    HIGH = "high", "High"


SEVERITY_RANK: dict[str, int] = {
    Severity.UNKNOWN: 0,
    Severity.INFORMATIONAL: 1,
    Severity.LOW: 2,
    Severity.MEDIUM: 3,
    Severity.HIGH: 4,
}


class ValueSource(TextChoices):
    AUTO = "auto", "Automatic"
    MANUAL = "manual", "Set by a person"


class Classification(TextChoices):
    UNKNOWN = "unknown", "Not set"
    TRUE_POSITIVE = "truePositive", "True positive"
    INFORMATIONAL = "informationalExpectedActivity", "Informational, expected activity"
    FALSE_POSITIVE = "falsePositive", "False positive"


class Determination(TextChoices):
    UNKNOWN = "unknown", "Not set"
    MULTI_STAGED_ATTACK = "multiStagedAttack", "Multistaged attack"
    MALICIOUS_USER_ACTIVITY = "maliciousUserActivity", "Malicious user activity"
    COMPROMISED_ACCOUNT = "compromisedAccount", "Compromised account"
    MALWARE = "malware", "Malware"
    PHISHING = "phishing", "Phishing"
    UNWANTED_SOFTWARE = "unwantedSoftware", "Unwanted software"
    SECURITY_TESTING = "securityTesting", "Security test"
    LINE_OF_BUSINESS_APPLICATION = "lineOfBusinessApplication", "Line-of-business app"
    CONFIRMED_ACTIVITY = "confirmedActivity", "Confirmed activity"
    NOT_MALICIOUS = "notMalicious", "Not malicious"
    NOT_ENOUGH_DATA = "notEnoughDataToValidate", "Not enough data to validate"
    OTHER = "other", "Other"


DETERMINATIONS: dict[str, tuple[Determination, ...]] = {
    Classification.UNKNOWN: (Determination.UNKNOWN,),
    Classification.TRUE_POSITIVE: (
        Determination.MULTI_STAGED_ATTACK,
        Determination.MALICIOUS_USER_ACTIVITY,
        Determination.COMPROMISED_ACCOUNT,
        Determination.MALWARE,
        Determination.PHISHING,
        Determination.UNWANTED_SOFTWARE,
        Determination.OTHER,
    ),
    Classification.INFORMATIONAL: (
        Determination.SECURITY_TESTING,
        Determination.LINE_OF_BUSINESS_APPLICATION,
        Determination.CONFIRMED_ACTIVITY,
        Determination.OTHER,
    ),
    Classification.FALSE_POSITIVE: (
        Determination.NOT_MALICIOUS,
        Determination.NOT_ENOUGH_DATA,
        Determination.OTHER,
    ),
}

# Older names that sources still send (three generations of them).
DETERMINATION_ALIASES: dict[str, Determination] = {
    "compromisedUser": Determination.COMPROMISED_ACCOUNT,
    "confirmedUserActivity": Determination.CONFIRMED_ACTIVITY,
    "clean": Determination.NOT_MALICIOUS,
    "insufficientData": Determination.NOT_ENOUGH_DATA,
    "NoEnoughDataToValidate": Determination.NOT_ENOUGH_DATA,
    "NotAvailable": Determination.UNKNOWN,
}


class EvidenceVerdict(TextChoices):
    UNKNOWN = "unknown", "Unknown"
    SUSPICIOUS = "suspicious", "Suspicious"
    MALICIOUS = "malicious", "Malicious"
    NO_THREATS_FOUND = "noThreatsFound", "Clean"


class RemediationStatus(TextChoices):
    NONE = "none", "None"
    REMEDIATED = "remediated", "Remediated"
    PREVENTED = "prevented", "Prevented"
    BLOCKED = "blocked", "Blocked"
    NOT_FOUND = "notFound", "Not found"
    ACTIVE = "active", "Active"
    PENDING_APPROVAL = "pendingApproval", "Pending approval"
    DECLINED = "declined", "Declined"
    UNREMEDIATED = "unremediated", "Restored"
    RUNNING = "running", "Running"
    PARTIALLY_REMEDIATED = "partiallyRemediated", "Partially remediated"


class EvidenceRole(TextChoices):
    UNKNOWN = "unknown", "Unknown"
    CONTEXTUAL = "contextual", "Contextual"
    SCANNED = "scanned", "Scanned"
    SOURCE = "source", "Source"
    DESTINATION = "destination", "Destination"
    CREATED = "created", "Created"
    ADDED = "added", "Added"
    COMPROMISED = "compromised", "Compromised"
    EDITED = "edited", "Edited"
    ATTACKED = "attacked", "Attacked"
    ATTACKER = "attacker", "Attacker"
    COMMAND_AND_CONTROL = "commandAndControl", "Command and control"
    LOADED = "loaded", "Loaded"
    SUSPICIOUS = "suspicious", "Suspicious"
    POLICY_VIOLATOR = "policyViolator", "Policy violator"


class EntityKind(TextChoices):
    DEVICE = "device", "Device"
    FILE = "file", "File"
    IDENTITY = "identity", "Identity"
    MAILBOX = "mailbox", "Mailbox"


class CorrelationReason(TextChoices):
    REPEATED_ALERT_OCCURRENCE = "repeatedAlertOccurrence", "Repeated alert"
    SAME_GEOGRAPHY = "sameGeography", "Same geography"
    SIMILAR_ARTIFACTS = "similarArtifacts", "Similar artifacts"
    SAME_TARGETED_ASSET = "sameTargetedAsset", "Same targeted asset"
    SAME_NETWORK_SEGMENT = "sameNetworkSegment", "Same network segment"
    EVENT_SEQUENCE = "eventSequence", "Event sequence"
    TIME_FRAME = "timeFrame", "Time frame"
    SAME_THREAT_SOURCE = "sameThreatSource", "Same threat source"
    SIMILAR_TTPS = "similarTTPsOrBehavior", "Similar techniques or behavior"
    SAME_ACTOR = "sameActor", "Same actor"
    SAME_CAMPAIGN = "sameCampaign", "Same campaign"
    SHARED_INDICATORS = "sharedIndicators", "Shared indicators"
    SAME_ASSET = "sameAsset", "Same asset"
    NETWORK_PROXIMITY = "networkProximity", "Network proximity"
    EVENT_CAUSAL_SEQUENCE = "eventCasualSequence", "Causal sequence"
    TEMPORAL_PROXIMITY = "temporalProximity", "Close in time"
    LATERAL_MOVEMENT_PATH = "lateralMovementPath", "Lateral movement path"


class Category(TextChoices):
    """Kill-chain categories, in the order in which an attack usually goes through them."""

    INITIAL_ACCESS = "InitialAccess", "Initial access"
    EXPLOIT = "Exploit", "Exploit"
    EXECUTION = "Execution", "Execution"
    PERSISTENCE = "Persistence", "Persistence"
    PRIVILEGE_ESCALATION = "PrivilegeEscalation", "Privilege escalation"
    DEFENSE_EVASION = "DefenseEvasion", "Defense evasion"
    CREDENTIAL_ACCESS = "CredentialAccess", "Credential access"
    DISCOVERY = "Discovery", "Discovery"
    LATERAL_MOVEMENT = "LateralMovement", "Lateral movement"
    COLLECTION = "Collection", "Collection"
    COMMAND_AND_CONTROL = "CommandAndControl", "Command and control"
    EXFILTRATION = "Exfiltration", "Exfiltration"
    IMPACT = "Impact", "Impact"
    RANSOMWARE = "Ransomware", "Ransomware"
    MALWARE = "Malware", "Malware"
    UNWANTED_SOFTWARE = "UnwantedSoftware", "Unwanted software"
    SUSPICIOUS_ACTIVITY = "SuspiciousActivity", "Suspicious activity"


class Criticality(TextChoices):
    VERY_HIGH = "veryHigh", "Very high"
    HIGH = "high", "High"
    MEDIUM = "medium", "Medium"
    LOW = "low", "Low"
    NONE = "none", "None"


class DeviceValue(TextChoices):
    HIGH = "high", "High"
    NORMAL = "normal", "Normal"
    LOW = "low", "Low"


class RiskLevel(TextChoices):
    HIGH = "high", "High"
    MEDIUM = "medium", "Medium"
    LOW = "low", "Low"
    INFORMATIONAL = "informational", "Informational"
    NONE = "none", "No known risks"


class ExposureLevel(TextChoices):
    HIGH = "high", "High"
    MEDIUM = "medium", "Medium"
    LOW = "low", "Low"
    NO_DATA = "noData", "No data available"


class SensorHealth(TextChoices):
    ACTIVE = "active", "Active"
    INACTIVE = "inactive", "Inactive"
    IMPAIRED = "impairedCommunication", "Impaired communications"
    NO_SENSOR_DATA = "noSensorData", "No sensor data"
    UNKNOWN = "unknown", "Unknown"


class Onboarding(TextChoices):
    ONBOARDED = "onboarded", "Onboarded"
    CAN_BE_ONBOARDED = "canBeOnboarded", "Can be onboarded"
    UNSUPPORTED = "unsupported", "Unsupported"
    INSUFFICIENT_INFO = "insufficientInfo", "Insufficient info"


class DeadLetterState(TextChoices):
    OPEN = "open", "Open"
    REPLAYED = "replayed", "Replayed"
    DISCARDED = "discarded", "Discarded"


# Evidence types by what they are for an analyst; every other type is kept as type + JSON + display key.
ASSET_TYPES = frozenset(
    {"device", "user", "mailbox", "cloudApplication", "azureResource", "amazonResource", "googleCloudResource"}
)
EVIDENCE_LABELS: dict[str, str] = {
    "device": "Device",
    "user": "Account",
    "file": "File",
    "process": "Process",
    "ip": "IP address",
    "url": "URL",
    "dns": "Domain",
    "networkConnection": "Network connection",
    "mailbox": "Mailbox",
    "mailboxConfiguration": "Mailbox configuration",
    "analyzedMessage": "Mail message",
    "mailCluster": "Mail cluster",
    "submissionMail": "Submitted mail",
    "cloudApplication": "Cloud application",
    "oauthApplication": "OAuth app",
    "cloudLogonSession": "Cloud sign-in session",
    "hostLogonSession": "Host sign-in session",
    "registryKey": "Registry key",
    "registryValue": "Registry value",
    "securityGroup": "Security group",
    "malware": "Malware",
    "fileHash": "File hash",
}


class ServiceClock(TextChoices):
    """What a service level promises a time for."""

    ACKNOWLEDGE = "acknowledge", "Acknowledge"
    CONTAIN = "contain", "First containment"
    RESOLVE = "resolve", "Resolve"


class ServiceState(TextChoices):
    ACTIVE = "active", "On time"
    AT_RISK = "atRisk", "At risk"
    BREACHED = "breached", "Breached"
    PAUSED = "paused", "Paused"
    COMPLETED_MET = "completedMet", "Met"
    COMPLETED_BREACHED = "completedBreached", "Missed"


class PauseReason(TextChoices):
    """Why the clocks of a service level stand still."""

    AWAITING_ACTION = "awaitingAction", "Waiting for an action of somebody outside the team"
    THIRD_PARTY = "thirdParty", "Waiting for a third party"
    AWAITING_USER = "awaitingUser", "Waiting for the person concerned"
    PLANNED_WINDOW = "plannedWindow", "Waiting for a planned maintenance window"
    OTHER = "other", "Another reason, told in the note"


class TaughtKind(TextChoices):
    """What a person teaches the correlation."""

    LINK = "link", "Never joined by this"
    HUB = "hub", "Proves no relation"
    OPTION = "option", "Option of a rule"


class TaughtState(TextChoices):
    PROPOSED = "proposed", "Proposed"
    IN_FORCE = "inForce", "In force"
    DECLINED = "declined", "Declined"
    LIFTED = "lifted", "Lifted"
