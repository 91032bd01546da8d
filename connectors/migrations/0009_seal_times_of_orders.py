"""The seal of an order covers its times from now on. What is open and fits its former seal is sealed anew; what does
not fit was not given by the portal and stays as it is."""

import hashlib
import hmac
import json

from django.conf import settings
from django.db import migrations

from connectors.seal import seal_of

ENDED = ("succeeded", "partially_succeeded", "failed", "timed_out", "cancelled", "expired")
PURPOSE = b"order seal, version 1"


def former_seal(secret, order):
    told = [
        order.idempotency_key, order.reference, order.connection_id, order.action, order.target_kind, order.remote_id,
        order.arguments, order.reverses,
    ]  # fmt: skip
    key = hmac.digest(secret.encode(), PURPOSE, hashlib.sha256)
    return hmac.new(key, json.dumps(told, sort_keys=True, separators=(",", ":")).encode(), hashlib.sha256).hexdigest()


def seal_times(apps, schema_editor):
    deliveries = apps.get_model("connectors", "Delivery").objects
    for order in deliveries.exclude(state__in=ENDED).iterator():
        if any(hmac.compare_digest(order.seal, former_seal(secret, order)) for secret in settings.ENCRYPTION_KEYS):
            deliveries.filter(pk=order.pk).update(seal=seal_of(order))


class Migration(migrations.Migration):
    dependencies = [("connectors", "0008_upload_proof")]

    operations = [migrations.RunPython(seal_times, migrations.RunPython.noop)]
