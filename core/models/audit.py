"""The append-only history. Both tables refuse UPDATE and DELETE by trigger and by grant; see migration 0002."""

from django.db import models

from core import clock
from core.models.personal import NamesJSONField, NamesTextField


class AuditEvent(models.Model):
    """One change by one actor. Partitioned by month on `at`; opaque to the rooms that wrote it.

    `subject` and `thread` look like `incident:42`. A thread gathers everything that belongs to one story: an
    incident's Activities page is one scan of its thread. `changes` is `{"field": [old, new]}`. Names of people lie in
    it sealed (`core.personal`) and are read as names.
    """

    pk = models.CompositePrimaryKey("id", "at")
    id = models.BigIntegerField()
    at = models.DateTimeField(default=clock.now)
    actor_kind = models.CharField(max_length=16)
    actor_id = models.CharField(max_length=64)
    actor_name = NamesTextField(max_length=700)
    verb = models.CharField(max_length=80)
    subject = models.CharField(max_length=80)
    thread = models.CharField(max_length=80, blank=True)
    changes = NamesJSONField(default=dict)
    reason = models.TextField(blank=True)
    data = NamesJSONField(default=dict)

    class Meta:
        db_table = "core_audit_event"
        indexes = [
            models.Index(fields=["thread", "-at", "-id"], name="audit_thread"),
            models.Index(fields=["subject", "-at", "-id"], name="audit_subject"),
            models.Index(fields=["-at", "-id"], name="audit_newest"),
        ]

    def __str__(self) -> str:
        return f"{self.verb} {self.subject}"


class AuditSeal(models.Model):
    """The chain over sealed events: `digest = hmac_sha256(key, previous digest + the event's canonical bytes)`.

    Kept beside the events and not in them, because the events are never updated.
    """

    seq = models.BigIntegerField(primary_key=True)
    event_id = models.BigIntegerField(unique=True)
    event_at = models.DateTimeField()
    digest = models.BinaryField(max_length=32)
    sealed_at = models.DateTimeField(default=clock.real_now)

    class Meta:
        db_table = "core_audit_seal"

    def __str__(self) -> str:
        return f"seal {self.seq}"
