"""What is encrypted at rest is bound to its purpose. Secrets that were there before are bound now, so that none of them
opens anywhere else; files that were there before stay as they are."""

from typing import Any

from django.db import migrations

from core.encryption import bound

PURPOSE = "secrets of a connection"


def bind_secrets(apps: Any, _editor: Any) -> None:
    rows = apps.get_model("connectors", "Connection").objects.exclude(secrets=None)
    for row in rows.select_for_update():
        row.secrets = bound(bytes(row.secrets), PURPOSE)
        row.save(update_fields=["secrets"])


class Migration(migrations.Migration):
    dependencies = [("connectors", "0012_files_of_orders")]
    operations = [migrations.RunPython(bind_secrets, migrations.RunPython.noop, elidable=True)]
