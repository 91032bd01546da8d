"""What several tests of the agent ask for."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.agent.halves import JoinedHost
from tests.agent.small_portal import SmallPortal


@pytest.fixture
def portal(tmp_path: Path) -> Iterator[SmallPortal]:
    found = SmallPortal(tmp_path)
    yield found
    found.stop()


@pytest.fixture
def host(portal: SmallPortal, tmp_path: Path) -> Iterator[JoinedHost]:
    """With both halves running."""
    found = JoinedHost(portal, tmp_path / "joined")
    found.start_both()
    yield found
    found.stop()
