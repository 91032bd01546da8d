from django.db.models import TextChoices


class UserKind(TextChoices):
    PERSON = "person", "Person"
    SERVICE = "service", "Service account"


class ScopeKind(TextChoices):
    ALL = "all", "All device groups"
    SELECTED = "selected", "Selected device groups"


class Theme(TextChoices):
    SYSTEM = "system", "As the system"
    LIGHT = "light", "Light"
    DARK = "dark", "Dark"


class Density(TextChoices):
    COMFORTABLE = "comfortable", "Comfortable"
    COMPACT = "compact", "Compact"


class BuiltInRole(TextChoices):
    READER = "reader", "Reader"
    MANAGER = "manager", "Manager"
    ANALYST = "analyst", "Analyst"
    RESPONDER = "responder", "Responder"
    ADMINISTRATOR = "admin", "Administrator"
    INGEST = "ingest", "Ingest"
    ANALYSIS_HOST = "analysis", "Analysis host"
