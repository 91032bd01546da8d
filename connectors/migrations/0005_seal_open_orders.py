"""Orders that were given before orders were sealed, and have not ended, are the portal's own."""

from django.db import migrations

from connectors.seal import seal_of

ENDED = ("succeeded", "partially_succeeded", "failed", "timed_out", "cancelled", "expired")


def seal_open_orders(apps, schema_editor):
    deliveries = apps.get_model("connectors", "Delivery").objects
    for order in deliveries.filter(seal="").exclude(state__in=ENDED).iterator():
        deliveries.filter(pk=order.pk).update(seal=seal_of(order))


class Migration(migrations.Migration):
    dependencies = [("connectors", "0004_seal_of_orders")]

    operations = [migrations.RunPython(seal_open_orders, migrations.RunPython.noop)]
