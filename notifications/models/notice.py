from django.db import models

from core import clock
from notifications.queries.notices import NoticeQuerySet


class Notice(models.Model):
    """News in the portal for one person, in the words this person may read."""

    user = models.ForeignKey("accounts.User", models.CASCADE, related_name="notices")
    message = models.ForeignKey("notifications.Message", models.CASCADE, related_name="notices")
    topic = models.CharField(max_length=80)
    subject = models.CharField(max_length=80)
    title = models.CharField(max_length=300)
    body = models.TextField(blank=True)
    url = models.CharField(max_length=300, blank=True)
    severity = models.CharField(max_length=20, blank=True)
    created = models.DateTimeField(default=clock.real_now)
    read_at = models.DateTimeField(null=True)

    objects = NoticeQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["user", "-id"], name="notice_newest"),
            models.Index(fields=["user", "-id"], condition=models.Q(read_at=None), name="notice_unread"),
        ]
        constraints = [models.UniqueConstraint(fields=["user", "message"], name="notice_once_each")]

    def __str__(self) -> str:
        return self.title
