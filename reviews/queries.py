"""Query-sets of reviews; they begin with `visible_to(user)`."""

from typing import TYPE_CHECKING, Any, Self

from django.apps import apps
from django.db import models
from django.db.models import Q

if TYPE_CHECKING:
    from accounts.models import User
    from reviews.models import Contact, Drill, FollowUp, Lesson, PeriodReport, Review  # noqa: F401 - named in the base classes


class ReviewQuerySet(models.QuerySet["Review"]):
    def visible_to(self, user: "User") -> Self:
        """Reviews of incidents of which this person may see everything."""
        incidents = apps.get_model("incidents", "Incident").objects.wholly_visible_to(user)
        return self.filter(incident__in=incidents)


def _incidents() -> Any:
    return apps.get_model("incidents", "Incident").objects


class FollowUpQuerySet(models.QuerySet["FollowUp"]):
    def visible_to(self, user: "User") -> Self:
        """Those of reviews that this person may see."""
        return self.filter(review__incident__in=_incidents().wholly_visible_to(user))


class LessonQuerySet(models.QuerySet["Lesson"]):
    def visible_to(self, user: "User") -> Self:
        """Lessons of incidents that this person may see whole, and those that no incident taught."""
        if not user.holds("security_data.read"):
            return self.none()
        return self.filter(Q(incident=None) | Q(incident__in=_incidents().wholly_visible_to(user)))


class PeriodReportQuerySet(models.QuerySet["PeriodReport"]):
    def visible_to(self, user: "User") -> Self:
        """Reports that tell no more than this person may see."""
        if not user.holds("reports.read"):
            return self.none()
        if user.scope.everything:
            return self
        return self.filter(everything=False, group_ids__contained_by=sorted(user.scope.group_ids))


class ContactQuerySet(models.QuerySet["Contact"]):
    def visible_to(self, user: "User") -> Self:
        """Whoever reads incidents may have to call somebody."""
        return self if user.holds("security_data.read") else self.none()

    def with_people(self) -> Self:
        return self.select_related("person", "deputy")


class DrillQuerySet(models.QuerySet["Drill"]):
    def visible_to(self, user: "User") -> Self:
        """What was learned is for everybody who may have to do it."""
        return self if user.holds("security_data.read") else self.none()
