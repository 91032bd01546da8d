from django.contrib.postgres.indexes import GinIndex
from django.db import migrations, models

# The labels that name an asset, without the name: until the next roll-up writes them anew.
NEUTRAL_FACTORS = r"""
UPDATE incidents_incident SET priority_factors = (
    SELECT jsonb_agg(CASE factor ->> 'key'
        WHEN 'seen' THEN factor || jsonb_build_object(
            'neutral', regexp_replace(factor ->> 'label', ', .* among the assets$', ''))
        WHEN 'assets' THEN factor || jsonb_build_object('neutral', split_part(factor ->> 'label', ':', 1))
        ELSE factor END ORDER BY place)
    FROM jsonb_array_elements(priority_factors) WITH ORDINALITY AS one(factor, place)
) WHERE priority_factors <> '[]'
"""


class Migration(migrations.Migration):
    dependencies = [
        ("incidents", "0006_saved_filters"),
    ]

    operations = [
        migrations.AddField(
            model_name="incident",
            name="neutral_name",
            field=models.CharField(
                default="Incident in several device groups",
                help_text="Names no asset, quotes no alert.",
                max_length=300,
            ),
        ),
        migrations.RunSQL(NEUTRAL_FACTORS, migrations.RunSQL.noop),
        migrations.AddIndex(
            model_name="incident",
            index=GinIndex(fields=["neutral_name"], name="incident_neutral_trgm", opclasses=["gin_trgm_ops"]),
        ),
    ]
