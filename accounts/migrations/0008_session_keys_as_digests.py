"""Sessions are stored under a digest of their key. The keys that have lain here in plain open nothing any more, in an
old backup neither: everybody signs in once."""

from typing import Any

from django.db import migrations


def end_every_session(apps: Any, _editor: Any) -> None:
    apps.get_model("sessions", "Session").objects.all().delete()
    apps.get_model("usersessions", "UserSession").objects.all().delete()


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0007_name_keys"),
        ("sessions", "0001_initial"),
        ("usersessions", "0001_initial"),
    ]
    operations = [migrations.RunPython(end_every_session, migrations.RunPython.noop, elidable=True)]
