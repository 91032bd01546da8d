from collections.abc import Iterator

import pytest

from incidents.models import Device
from tests.factories.incidents import DeviceFactory
from tests.factories.live import HeldLine, held_line


@pytest.fixture
def held() -> Iterator[HeldLine]:
    """The agents, in the hands of the test."""
    with held_line() as line:
        yield line


@pytest.fixture
def device(db: None) -> Device:
    return DeviceFactory.create()
