from django.contrib.postgres.indexes import GinIndex
from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [
        ("remediation", "0002_truths_of_runs"),
        ("core", "0001_initial"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="actionrun",
            index=GinIndex(fields=["target_name"], name="run_target_trgm", opclasses=["gin_trgm_ops"]),
        ),
        migrations.AddIndex(
            model_name="actionrun",
            index=GinIndex(fields=["comment"], name="run_comment_trgm", opclasses=["gin_trgm_ops"]),
        ),
    ]
