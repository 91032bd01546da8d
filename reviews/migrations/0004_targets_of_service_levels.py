"""The targets of the review are those of the service levels: what an administrator had set is carried over."""

from django.db import migrations

# Former option -> clock with its unit; medium had twice, low four times as long.
FORMER = {
    "reviews.target_acknowledge_min": "acknowledge_min",
    "reviews.target_contain_min": "contain_min",
    "reviews.target_resolve_h": "resolve_h",
}
PATIENCE = {"high": 1, "medium": 2, "low": 4}


def carry_over(apps, schema_editor):
    revisions = apps.get_model("core", "OptionRevision").objects
    for former, clock in FORMER.items():
        newest = revisions.filter(key=former).order_by("-id").first()
        if newest is None:
            continue
        for severity, times in PATIENCE.items():
            revisions.create(
                key=f"incidents.sla_{severity}_{clock}", value=newest.value * times, at=newest.at,
                actor=newest.actor, reason=newest.reason,
            )


class Migration(migrations.Migration):
    dependencies = [("reviews", "0003_managers_room"), ("core", "0004_bounded_partitions")]

    operations = [migrations.RunPython(carry_over, migrations.RunPython.noop)]
