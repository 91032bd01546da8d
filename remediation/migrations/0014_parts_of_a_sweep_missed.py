from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("remediation", "0013_deep_analysis")]

    operations = [
        migrations.AddField(
            model_name="sweeppart",
            name="missed",
            field=models.JSONField(
                default=list, help_text="Kinds of things that the device could not look for everywhere."
            ),
        ),
    ]
