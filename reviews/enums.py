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


class DecisionKind(TextChoices):
    """What is decided before the bad night by whom it is decided in it."""

    SHUT_DOWN = "shut_down", "Shut down a critical workload"
    CALL_RESPONDERS = "call_responders", "Call in outside responders"
    LAW_ENFORCEMENT = "law_enforcement", "Call law enforcement"
    PRIVACY_REGULATOR = "privacy_regulator", "Notify the privacy regulator"
    OTHER_REGULATOR = "other_regulator", "Notify auditors or other regulators"
    TELL_BOARD = "tell_board", "Tell the board"
    TELL_PUBLIC = "tell_public", "Speak to the public"
    PAY_RANSOM = "pay_ransom", "Decide on a ransom"
    OTHER = "other", "Something else"


class DrillKind(TextChoices):
    TABLETOP = "tabletop", "Tabletop exercise"
    DRILL = "drill", "Drill with real systems"
    SIMULATION = "simulation", "Attack simulation"
