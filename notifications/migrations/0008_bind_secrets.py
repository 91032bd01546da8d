"""Addresses and secrets of endpoints that were there before purposes are bound to theirs."""

from typing import Any

from django.db import migrations

from core.encryption import bound

PURPOSES = {"sealed_url": "address of an endpoint", "sealed_secret": "secret of an endpoint",
            "sealed_former": "secret of an endpoint"}  # fmt: skip


def bind_secrets(apps: Any, _editor: Any) -> None:
    for row in apps.get_model("notifications", "Endpoint").objects.select_for_update():
        for column, purpose in PURPOSES.items():
            if kept := getattr(row, column):
                setattr(row, column, bound(bytes(kept), purpose))
        row.save(update_fields=list(PURPOSES))


class Migration(migrations.Migration):
    dependencies = [("notifications", "0007_kept_days")]
    operations = [migrations.RunPython(bind_secrets, migrations.RunPython.noop, elidable=True)]
