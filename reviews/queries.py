"""Query-sets of reviews; they begin with `visible_to(user)`."""

from typing import TYPE_CHECKING, Self

from django.apps import apps
from django.db import models

if TYPE_CHECKING:
    from accounts.models import User
    from reviews.models import Review  # noqa: F401 - named in the base class


class ReviewQuerySet(models.QuerySet["Review"]):
    def visible_to(self, user: "User") -> Self:
        """Reviews of incidents of which this person may see everything."""
        incidents = apps.get_model("incidents", "Incident").objects.wholly_visible_to(user)
        return self.filter(incident__in=incidents)
