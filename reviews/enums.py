from django.db.models import TextChoices


class ReviewState(TextChoices):
    DRAFT = "draft", "Draft"
    SIGNED = "signed", "Signed"


class FollowUpState(TextChoices):
    OPEN = "open", "Open"
    DONE = "done", "Done"


class FindingKind(TextChoices):
    WELL = "well", "Went well"
    BADLY = "badly", "Went badly"


class DocumentState(TextChoices):
    WAITING = "waiting", "Being made"
    READY = "ready", "Ready"
    FAILED = "failed", "Failed"
