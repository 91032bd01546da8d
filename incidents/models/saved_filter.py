from typing import TYPE_CHECKING

from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower

from core import clock

if TYPE_CHECKING:
    from accounts.models import User

MAX_FILTER_NAME, MAX_QUERY = 60, 4000


class SavedFilter(models.Model):
    """Filters and order of the queue under a name, of one person. `query` is the query string that brings them back;
    the default set is what the queue opens with."""

    user: "models.ForeignKey[User, User]" = models.ForeignKey(
        "accounts.User", models.CASCADE, related_name="saved_filters"
    )
    name = models.CharField(max_length=MAX_FILTER_NAME)
    query = models.CharField(max_length=MAX_QUERY)
    is_default = models.BooleanField(default=False)
    created = models.DateTimeField(default=clock.now)

    class Meta:
        ordering = [Lower("name"), "id"]
        constraints = [
            models.UniqueConstraint("user", Lower("name"), name="one_filter_set_of_a_name"),
            models.UniqueConstraint(fields=["user"], condition=Q(is_default=True), name="one_default_filter_set"),
        ]

    def __str__(self) -> str:
        return self.name
