from reviews.models.addendum import Addendum
from reviews.models.document import ReviewDocument
from reviews.models.finding import Finding
from reviews.models.follow_up import FollowUp
from reviews.models.lesson import Lesson
from reviews.models.period_report import PeriodReport
from reviews.models.review import Review

__all__ = ["Addendum", "Finding", "FollowUp", "Lesson", "PeriodReport", "Review", "ReviewDocument"]
