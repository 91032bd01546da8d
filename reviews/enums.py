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


class LessonState(TextChoices):
    PROPOSED = "proposed", "Proposed"
    ADOPTED = "adopted", "Adopted"
    REJECTED = "rejected", "Rejected"
    VERIFIED = "verified", "Verified"


class LessonCategory(TextChoices):
    """Where a lesson is put to use."""

    DETECTION = "detection", "Detection"
    ACCESS = "access", "Access and accounts"
    HARDENING = "hardening", "Configuration and hardening"
    PROCESS = "process", "Process"
    COMMUNICATION = "communication", "Communication"
    TRAINING = "training", "Training"
    TOOLING = "tooling", "Tools"
