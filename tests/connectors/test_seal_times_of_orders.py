"""The seal of an order covers its times; what was open before that was so is carried over, and nothing else."""

from importlib import import_module
from typing import Any

import pytest
from django.apps import apps
from django.conf import settings

from connectors.models import Connection, Delivery
from connectors.seal import seal_fits
from connectors.services.deliver import Order, order_delivery
from connectors.targets import Target

pytestmark = pytest.mark.django_db
migration: Any = import_module("connectors.migrations.0009_seal_times_of_orders")


def given(key: str) -> Delivery:
    connection = Connection.objects.create(name=f"S {key}", kind="simulator")
    return order_delivery(
        Order("run:1", key * 40, connection, "device.isolate", Target("device", "d-1", "FIN-1"), {"a": 1})
    )


def test_what_fits_its_former_seal_is_sealed_anew_and_nothing_else() -> None:
    ours, forged = given("a"), given("b")
    for one in (ours, forged):
        Delivery.objects.filter(pk=one.pk).update(seal=migration.former_seal(settings.ENCRYPTION_KEYS[0], one))
        one.refresh_from_db()
        assert not seal_fits(one)
    Delivery.objects.filter(pk=forged.pk).update(action="device.release")
    migration.seal_times(apps, None)
    ours.refresh_from_db()
    forged.refresh_from_db()
    assert seal_fits(ours)
    assert not seal_fits(forged)
