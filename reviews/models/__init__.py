from reviews.models.document import ReviewDocument
from reviews.models.finding import Finding
from reviews.models.follow_up import FollowUp
from reviews.models.review import Review

__all__ = ["Finding", "FollowUp", "Review", "ReviewDocument"]
