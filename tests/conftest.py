"""What every test may ask for."""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from accounts.models import DeviceGroup, User
from tests.factories.people import DeviceGroupFactory, person, sign_in
from tests.running_portal import running_portal

SignedIn = Callable[[Client, User], Client]
CHROMIUM_OPTIONS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def find_chromium() -> str | None:
    named = os.environ.get("SOC_CHROMIUM")
    return named or shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Browser tests come last: their driver leaves an event loop in the thread, in which no other test may run one."""
    items.sort(key=lambda item: "page" in getattr(item, "fixturenames", ()) or "browser" in item.keywords)


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    """Of pytest-playwright: the system's browser, never a downloaded one."""
    chromium = find_chromium()
    if chromium is None:
        reason = "no chromium found: apt-get install chromium, or name one in SOC_CHROMIUM"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    # The browser's driver runs an event loop in this thread, in which Django would refuse its database.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    return {**browser_type_launch_args, "executable_path": chromium, "args": CHROMIUM_OPTIONS}


@pytest.fixture
def portal(transactional_db: None, tmp_path: Path) -> Iterator[str]:
    """The address of web, worker and beat running on this test's database; they end before its rows are removed."""
    with running_portal(tmp_path) as url:
        yield url


@pytest.fixture(autouse=True)
def quick_passwords(settings: Any) -> None:
    """Checking a password against a missing user hashes as well, so the slow scheme would be paid at every sign-in."""
    settings.PASSWORD_HASHERS = ["tests.factories.people.QuickHasher"]


@pytest.fixture
def ada(db: None) -> User:
    """An analyst: works on alerts, asks for actions, may not approve. Sees every device group."""
    return person("ada", "analyst", name="Ada Lindqvist")


@pytest.fixture
def rita(db: None) -> User:
    """A responder: approves and acts. Sees every device group."""
    return person("rita", "responder", name="Rita Moreno")


@pytest.fixture
def mona(db: None) -> User:
    """A manager: reads everything, signs reviews, changes nothing."""
    return person("mona", "manager", name="Mona Haddad")


@pytest.fixture
def adam(db: None) -> User:
    """An administrator. Sees every device group."""
    return person("adam", "admin", name="Adam Novak")


@pytest.fixture
def elsewhere(db: None) -> DeviceGroup:
    """The only device group that eve sees."""
    return DeviceGroupFactory.create(name="Elsewhere")


@pytest.fixture
def eve(elsewhere: DeviceGroup) -> User:
    """An analyst of another device group: what the others work on is a 404 for her."""
    return person("eve", "analyst", name="Eve Sandberg", groups=[elsewhere])


@pytest.fixture
def signed_in() -> SignedIn:
    """`signed_in(client, ada)` answers the client, signed in as ada."""
    return sign_in
