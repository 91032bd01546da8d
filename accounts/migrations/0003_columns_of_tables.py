from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0002_ranks_and_names"),
    ]

    operations = [
        migrations.AddField(
            model_name="user",
            name="tables",
            field=models.JSONField(blank=True, default=dict, help_text="Columns shown, in order, by the table's name."),
        ),
    ]
