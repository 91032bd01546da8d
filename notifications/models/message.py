from django.contrib.postgres.fields import ArrayField
from django.db import models

from core import clock


class Message(models.Model):
    """One piece of news, written in the transaction of what it tells of; who hears it is decided afterwards.

    `device_group_ids` are the groups the words name; somebody who does not see all of them reads neutral words.
    `people` names who it is for; null leaves it to topics, watches and rules. `once` makes telling it twice one row.
    """

    topic = models.CharField(max_length=80)
    subject = models.CharField(max_length=80)
    title = models.CharField(max_length=300)
    body = models.TextField(blank=True)
    url = models.CharField(max_length=300, blank=True)
    severity = models.CharField(max_length=20, blank=True)
    source = models.CharField(max_length=80, blank=True)
    device_group_ids = ArrayField(models.BigIntegerField(), default=list)
    people = ArrayField(models.BigIntegerField(), null=True)
    facts = models.JSONField(default=dict)
    actor = models.JSONField()
    once = models.CharField(max_length=200, blank=True)
    created = models.DateTimeField(default=clock.real_now)
    due = models.DateTimeField(default=clock.real_now)
    routed_at = models.DateTimeField(null=True)
    attempts = models.PositiveIntegerField(default=0)
    last_error = models.CharField(max_length=300, blank=True)

    class Meta:
        indexes = [
            models.Index(fields=["due", "id"], condition=models.Q(routed_at=None), name="message_unrouted"),
            models.Index(fields=["created"], name="message_age"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["topic", "once"], condition=~models.Q(once=""), name="message_told_once")
        ]

    def __str__(self) -> str:
        return self.title
