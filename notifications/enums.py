from django.db.models import TextChoices


class Channel(TextChoices):
    """By what a person hears of a topic."""

    PAGE = "page", "In the portal"
    MAIL = "mail", "E-mail"
    DIGEST = "digest", "Digest"


class DigestRhythm(TextChoices):
    NEVER = "never", "Never"
    DAILY = "daily", "Every day"
    WEEKLY = "weekly", "Every week"


class Weekday(TextChoices):
    MONDAY = "0", "Monday"
    TUESDAY = "1", "Tuesday"
    WEDNESDAY = "2", "Wednesday"
    THURSDAY = "3", "Thursday"
    FRIDAY = "4", "Friday"
    SATURDAY = "5", "Saturday"
    SUNDAY = "6", "Sunday"


class EndpointKind(TextChoices):
    WEBHOOK = "webhook", "Signed webhook"
    SLACK = "slack", "Slack"
    TEAMS = "teams", "Microsoft Teams"
    MATTERMOST = "mattermost", "Mattermost"
    GENERIC = "generic", "Plain text as JSON"


class RuleKind(TextChoices):
    INCIDENT = "incident", "Incidents"
    ACTION = "action", "Response actions"


class ActionSource(TextChoices):
    BOTH = "both", "Manual and automated"
    MANUAL = "manual", "Manual"
    AUTOMATED = "automated", "Automated"


class ActionOutcome(TextChoices):
    WAITING = "waiting", "Waiting for a decision"
    COMPLETED = "completed", "Completed"
    FAILED = "failed", "Failed"


class RecipientKind(TextChoices):
    PERSON = "person", "Person"
    ADDRESS = "address", "Address"
    ENDPOINT = "endpoint", "Webhook or chat"


class DispatchStatus(TextChoices):
    WAITING = "waiting", "Waiting"
    SENT = "sent", "Sent"
    FAILED = "failed", "Failed"
    SKIPPED = "skipped", "Not sent"
