from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("core", "0002_append_only"),
    ]

    operations = [
        # Claims of requests under way: keys are held by locks now.
        migrations.RunSQL("DELETE FROM core_idempotencyrecord WHERE status IS NULL", migrations.RunSQL.noop),
        migrations.AlterField(
            model_name="idempotencyrecord",
            name="status",
            field=models.PositiveSmallIntegerField(),
        ),
    ]
