from django.db import models

from core import clock


class BackupKind(models.TextChoices):
    BACKUP = "backup", "Backup"
    REHEARSAL = "rehearsal", "Restore rehearsal"
    RESTORE = "restore", "Restore"


class BackupRecord(models.Model):
    """One backup that was tried, one rehearsal of its restore, or the restore that this database came from.

    `at` is when it began; of a rehearsal and a restore, `taken_at` is when the backup was taken. `file` is a name
    without its folder.
    """

    kind = models.CharField(max_length=10, choices=BackupKind.choices)
    succeeded = models.BooleanField()
    at = models.DateTimeField(default=clock.real_now)
    taken_at = models.DateTimeField(null=True)
    took_s = models.FloatField(default=0.0)
    file = models.CharField(max_length=255, blank=True)
    size = models.BigIntegerField(default=0)
    detail = models.CharField(max_length=500, blank=True)

    class Meta:
        indexes = [models.Index(fields=["kind", "-at"], name="backup_newest")]

    def __str__(self) -> str:
        return f"{self.kind} of {self.at:%Y-%m-%d %H:%M}"
