"""Secrets of second factors and of sign-in providers that were there before purposes are bound to theirs."""

from typing import Any

from django.db import migrations

from core.encryption import bound

FACTOR, PROVIDER = "second factor", "secret of a sign-in provider"
IN_DATA = ("secret", "seed")


def bind_secrets(apps: Any, _editor: Any) -> None:
    for row in apps.get_model("mfa", "Authenticator").objects.select_for_update():
        kept = {name: row.data[name] for name in IN_DATA if isinstance(row.data.get(name), str)}
        row.data = {**row.data, **{name: bound(text.encode(), FACTOR).decode() for name, text in kept.items()}}
        row.save(update_fields=["data"])
    for row in apps.get_model("accounts", "SignInProvider").objects.exclude(secret="").select_for_update():
        row.secret = bound(row.secret.encode(), PROVIDER).decode()
        row.save(update_fields=["secret"])


class Migration(migrations.Migration):
    dependencies = [("accounts", "0008_session_keys_as_digests"), ("mfa", "0003_authenticator_type_uniq")]
    operations = [migrations.RunPython(bind_secrets, migrations.RunPython.noop, elidable=True)]
