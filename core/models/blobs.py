from django.db import models

from core import clock


class Blob(models.Model):
    """A file kept by the portal, encrypted at rest. Read and write it through `core.blobs` only. The content is in
    `ciphertext`; a large one lies in the file that `place` names, and `ciphertext` is that file's key."""

    name = models.CharField(max_length=255)
    media_type = models.CharField(max_length=100)
    size = models.BigIntegerField()
    sha256 = models.CharField(max_length=64)
    ciphertext = models.BinaryField()
    place = models.CharField(max_length=41, blank=True, default="", db_default="")
    created = models.DateTimeField(default=clock.now)
    keep_until = models.DateTimeField(null=True, db_index=True)

    def __str__(self) -> str:
        return self.name
