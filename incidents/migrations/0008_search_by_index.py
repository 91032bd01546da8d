from django.contrib.postgres.indexes import GinIndex
from django.db import migrations, models


def _trigrams(model, field, name):
    index = GinIndex(fields=[field], name=name, opclasses=["gin_trgm_ops"])
    return migrations.AddIndex(model_name=model, index=index)


class Migration(migrations.Migration):
    dependencies = [
        ("incidents", "0007_neutral_names"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="alert",
            index=models.Index(fields=["provider_alert_id"], name="alert_provider_id"),
        ),
        _trigrams("alert", "title", "alert_title_trgm"),
        _trigrams("device", "key", "device_key_trgm"),
        _trigrams("identity", "key", "identity_key_trgm"),
        _trigrams("identity", "upn", "identity_upn_trgm"),
        _trigrams("mailbox", "key", "mailbox_key_trgm"),
        _trigrams("mailbox", "upn", "mailbox_upn_trgm"),
    ]
