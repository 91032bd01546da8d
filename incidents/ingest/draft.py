"""What a format makes of one item: an alert that is read but not yet bounded, resolved or stored."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from incidents.enums import AlertStatus, Classification, Determination, EvidenceVerdict, RemediationStatus, Severity
from incidents.services.facts import DeviceFacts, FileFacts, IdentityFacts, MailboxFacts


class Rejected(Exception):
    """The item cannot become an alert. `code` is for programs, the message for people, `field` says where."""

    def __init__(self, code: str, message: str, field: str = "") -> None:
        super().__init__(message)
        self.code, self.message, self.field = code, message, field


@dataclass(slots=True)
class EvidenceDraft:
    """As `models.Evidence`; the facts are resolved to entities when the alert is stored. `data` is the source's own
    object, and its bounded JSON text once the alert is normalised."""

    type: str
    display: str
    key: str = ""
    roles: list[str] = field(default_factory=list)
    verdict: str = EvidenceVerdict.UNKNOWN
    remediation_status: str = RemediationStatus.NONE
    remediation_status_details: str = ""
    members: list[str] = field(default_factory=list)
    data: dict[str, Any] | str = field(default_factory=dict)
    device: DeviceFacts | None = None
    file: FileFacts | None = None
    identity: IdentityFacts | None = None
    mailbox: MailboxFacts | None = None


@dataclass(slots=True)
class AlertDraft:
    """Texts and times as the source wrote them; `normalise.finish()` bounds them.

    `first_activity` and `last_activity` are the source's words for times; empty falls back to `said_at`, then to
    the arrival. `additional` is what no field of ours takes.
    """

    provider_alert_id: Any
    title: Any
    description: Any = ""
    recommended_actions: Any = ""
    severity: str = Severity.UNKNOWN
    status: str = AlertStatus.NEW
    classification: str = Classification.UNKNOWN
    determination: str = Determination.UNKNOWN
    categories: Any = ()
    mitre_techniques: Any = ()
    service_source: Any = "unknown"
    detection_source: Any = "unknown"
    product_name: Any = ""
    provider_incident_id: Any = ""
    detector_id: Any = ""
    actor_display_name: Any = ""
    threat_display_name: Any = ""
    custom_tags: Any = ()
    first_activity: Any = None
    last_activity: Any = None
    said_at: Any = None
    evidence: list[EvidenceDraft] = field(default_factory=list)
    additional: dict[str, Any] = field(default_factory=dict)
    marks: list[dict[str, str]] = field(default_factory=list)


@dataclass(slots=True)
class ReadyAlert:
    """A bounded alert, column by column, ready to be stored."""

    source: str
    provider_alert_id: str
    format: str
    digest: bytes
    columns: dict[str, Any]
    first_activity: datetime
    last_activity: datetime
    evidence: list[EvidenceDraft]
    source_state: dict[str, str]
