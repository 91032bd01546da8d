from reviews.models.addendum import Addendum
from reviews.models.contact import Contact
from reviews.models.document import ReviewDocument
from reviews.models.drill import Drill
from reviews.models.finding import Finding
from reviews.models.follow_up import FollowUp
from reviews.models.lesson import Lesson
from reviews.models.period_report import PeriodReport
from reviews.models.readiness_change import ReadinessChange
from reviews.models.review import Review

__all__ = [
    "Addendum",
    "Contact",
    "Drill",
    "Finding",
    "FollowUp",
    "Lesson",
    "PeriodReport",
    "ReadinessChange",
    "Review",
    "ReviewDocument",
]
