"""A web process is settled before its first request."""

import gc
import importlib
from collections.abc import Iterator

import pytest

from core import web_process
from core.web_process import settle


@pytest.fixture(autouse=True)
def thawed() -> Iterator[None]:
    yield
    gc.unfreeze()


def test_what_is_loaded_is_no_longer_walked_by_the_collector() -> None:
    gc.unfreeze()
    settle()
    assert gc.get_freeze_count() > 100_000
    assert len(gc.get_objects()) < gc.get_freeze_count() / 10


@pytest.mark.parametrize("entry", ["wsgi", "asgi"])
def test_either_entry_settles_its_process(entry: str, monkeypatch: pytest.MonkeyPatch) -> None:
    settled: list[bool] = []
    monkeypatch.setattr(web_process, "settle", lambda: settled.append(True))
    importlib.reload(importlib.import_module(f"soc_portal.{entry}"))
    assert settled
