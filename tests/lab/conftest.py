"""A lab of two hosts that have joined a small portal, with real root and without where this machine can do both; and a
whole portal with four hosts, which all tests share that run in one process."""

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from soc_portal.lab import able, conductor
from soc_portal.lab.conductor import Lab
from tests.lab.estate import Estate, estate
from tests.lab.lab_portal import LabPortal

KINDS = ("rootless", "root") if able.is_root() else ("rootless",)
HOSTS = 4
_shared = contextlib.ExitStack()
_estates: list[Estate] = []


def refuse_or_skip(*, root: bool) -> None:
    """What the machine lacks is a failure where everything is to be tried, and a reason elsewhere."""
    if reason := able.missing(root=root):
        if os.environ.get("CI") == "true":
            pytest.fail(f"this machine cannot hold a lab: {reason}")
        pytest.skip(reason)


@pytest.fixture
def folder() -> Iterator[Path]:
    """Short, for the path of a socket may have 107 bytes."""
    made = Path(tempfile.mkdtemp(prefix="soc-lab-", dir="/tmp"))
    yield made
    shutil.rmtree(made, ignore_errors=True)


@pytest.fixture(scope="module", params=KINDS)
def joined(request: pytest.FixtureRequest) -> Iterator[tuple[Lab, LabPortal]]:
    """Two hosts whose agents answer."""
    root = request.param == "root"
    refuse_or_skip(root=root)
    made = Path(tempfile.mkdtemp(prefix="soc-lab-", dir="/tmp"))
    lab = Lab(made)
    portal = LabPortal(made, lab.portal)
    try:
        conductor.start(lab, 2, root=root)
        conductor.join(lab, portal.token)
        assert conductor.wait_for_agents(lab), conductor.status(lab)
        yield lab, portal
    finally:
        conductor.end(lab)
        portal.stop()
        shutil.rmtree(made, ignore_errors=True)


@pytest.fixture
def lab() -> Estate:
    """One portal with four hosts for everything that is tried for real. Each test gives back what it changed."""
    refuse_or_skip(root=able.is_root())
    if not _estates:
        _estates.append(_shared.enter_context(estate(HOSTS)))
    return _estates[0]


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(nextitem: pytest.Item | None) -> None:
    """What comes after the tests of this folder needs the machine for itself."""
    if nextitem is None or Path(__file__).parent not in nextitem.path.parents:
        pytest_sessionfinish()


def pytest_sessionfinish() -> None:
    _estates.clear()
    _shared.close()


@pytest.fixture
def root_lab(lab: Estate) -> Estate:
    """What the kernel lets real root alone do."""
    if not able.is_root():
        if os.environ.get("CI") == "true":
            pytest.fail("the kernel lets real root alone decide which programs run: run the tests as root")
        pytest.skip("the kernel lets real root alone decide which programs run")
    return lab
