"""Incidents that are ripe for a review, and reviews ripe for a signature."""

from datetime import UTC, datetime, timedelta

from accounts.models import User
from incidents.enums import AlertStatus, Classification, Determination, IncidentStatus, Severity
from incidents.models import Alert, Incident
from reviews.models import Review
from reviews.services.write import open_review, write_review

NINE = datetime(2026, 11, 3, 9, 0, tzinfo=UTC)


def resolved_incident(*, name: str = "Invoice fraud", groups: list[int] | None = None) -> Incident:
    """First alert at nine, acknowledged after 6, contained after 47 minutes, resolved the next day."""
    incident = Incident.objects.create(
        display_name=name,
        severity=Severity.HIGH,
        status=IncidentStatus.RESOLVED,
        classification=Classification.TRUE_POSITIVE,
        determination=Determination.PHISHING,
        first_activity=NINE,
        last_activity=NINE + timedelta(hours=2),
        acknowledged=NINE + timedelta(minutes=6),
        contained_at=NINE + timedelta(minutes=47),
        resolved=NINE + timedelta(hours=28),
        mitre_techniques=["T1564.008"],
        categories=["InitialAccess"],
        device_group_ids=groups or [],
        open_to_all=not groups,
    )
    Alert.objects.create(
        source="wazuh",
        provider_alert_id=f"{incident.pk}-1",
        format="wazuh",
        content_digest=b"1" * 16,
        title="Inbox rule moves mail",
        severity=Severity.HIGH,
        status=AlertStatus.RESOLVED,
        first_activity=NINE,
        last_activity=NINE,
        incident=incident,
        correlated=NINE,
        device_group_ids=groups or [],
    )
    return incident


def written_review(incident: Incident, author: User) -> Review:
    """Everything a signature asks for."""
    review = open_review(incident, actor=author.actor)
    words = {"summary": "Somebody asked for money.", "lessons": "Call back before paying."}
    return write_review(review, changes=words, actor=author.actor)
