"""How long messages are kept was an option of this room; it is one of the kinds of retention now."""

from typing import Any

from django.db import migrations

OLD, NEW, ALSO = "notifications.kept_days", "retention.messages_days", "retention.dispatches_days"


def forwards(apps: Any, schema_editor: Any) -> None:
    revisions = apps.get_model("core", "OptionRevision").objects
    for row in list(revisions.filter(key=OLD).order_by("pk")):
        row.pk, row.key = None, ALSO
        row.save(force_insert=True)
    revisions.filter(key=OLD).update(key=NEW)


class Migration(migrations.Migration):
    dependencies = [("notifications", "0006_connections_in_pulse"), ("core", "0007_sealed_names")]
    operations = [migrations.RunPython(forwards, migrations.RunPython.noop)]
