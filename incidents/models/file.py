from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models

from core import clock
from incidents.enums import EntityKind
from incidents.queries.entities import FileQuerySet


class File(models.Model):
    """A file by content. `key` is `sha256:...`, else `sha1:...`, else `md5:...`: the strongest hash a source gave."""

    key = models.CharField(max_length=80, unique=True)
    sha256 = models.CharField(max_length=64, blank=True)
    sha1 = models.CharField(max_length=40, blank=True)
    md5 = models.CharField(max_length=32, blank=True)
    display_name = models.CharField(max_length=255)
    names = ArrayField(models.CharField(max_length=255), default=list)
    path = models.CharField(max_length=1000, blank=True)
    size = models.BigIntegerField(null=True)
    publisher = models.CharField(max_length=255, blank=True)
    signer = models.CharField(max_length=255, blank=True)
    tags = ArrayField(models.CharField(max_length=80), default=list)
    is_hub = models.BooleanField(default=False)
    first_seen = models.DateTimeField(default=clock.now)
    last_seen = models.DateTimeField(default=clock.now)
    version = models.PositiveIntegerField(default=1)
    exercise = models.CharField(max_length=40, blank=True, db_index=True)

    kind = EntityKind.FILE
    objects = FileQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(fields=["sha1"], condition=~models.Q(sha1=""), name="file_sha1"),
            models.Index(fields=["md5"], condition=~models.Q(md5=""), name="file_md5"),
            models.Index(fields=["-last_seen", "-id"], name="file_last_seen"),
            GinIndex(fields=["display_name"], name="file_name_trgm", opclasses=["gin_trgm_ops"]),
        ]

    def __str__(self) -> str:
        return self.display_name
