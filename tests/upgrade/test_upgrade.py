"""The data of the previous version, under the present one. `make_previous.py` says where it comes from."""

import json
import re
import signal
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from soc_portal.up.backup.database import Address
from soc_portal.up.processes import wait_until
from soc_portal.up.servers import Addresses, scratch_servers
from tests.crash.clients import Api
from tests.crash.ledger import Ledger
from tests.operations.lived import word
from tests.started_portal import StartedPortal
from tests.upgrade.old_data import lay_old_data, servers_of
from tests.upgrade.previous import DUMP, told

pytestmark = pytest.mark.slow
# Tables whose rows the upgrade neither adds nor removes.
KEPT = re.compile(r"incidents_(alert|evidence|incident|device|file|identity|comment)|reviews_(review|reviewdocument)|"
                  r"remediation_actionrun|connectors_delivery|core_blob|accounts_(user|apitoken)")  # fmt: skip


@dataclass
class Upgraded:
    portal: StartedPortal
    ledger: Ledger
    api: Api
    told: dict[str, Any]

    def status_of(self, name: str) -> str:
        query = "SELECT status FROM remediation_actionrun WHERE id = %s"
        return str(self.ledger.value(query, self.told["runs"][name]))

    def becomes(self, name: str, status: str) -> bool:
        return wait_until(lambda: self.status_of(name) == status, seconds=60, pause=0.3)

    def inside(self, call: str) -> Any:
        done = self.portal.run("manage", "shell", "-v0", "-c", f"from tests.upgrade import inside; inside.{call}")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout.splitlines()[-1]) if done.stdout.strip() else None


@pytest.fixture(scope="module")
def servers() -> Iterator[Addresses]:
    with pytest.MonkeyPatch.context() as patch:
        for name in ("DATABASE_URL", "REDIS_URL"):
            patch.delenv(name, raising=False)
        with scratch_servers() as pair:
            yield pair


@pytest.fixture(scope="module")
def upgraded(servers: Addresses) -> Iterator[Upgraded]:
    with tempfile.TemporaryDirectory(prefix="soc-upgrade-") as folder:
        lay_old_data(servers.owner_url)
        portal = StartedPortal(Path(folder) / "data", servers=servers_of(servers))
        portal.start()
        try:
            yield Upgraded(portal, Ledger(portal), Api(portal.url, threading.Event(), patience_s=30), told())
        finally:
            portal.end(signal.SIGTERM)


def test_the_kept_data_is_small_and_says_where_it_comes_from() -> None:
    assert DUMP.stat().st_size < 3_000_000
    ref, version = (DUMP.parent / "ref").read_text().split()
    assert (told()["ref"], told()["version"]) == (ref, version)
    assert told()["counts"]["incidents_alert"] == 10_000


def test_nothing_is_lost(upgraded: Upgraded) -> None:
    counts = {name: count for name, count in upgraded.told["counts"].items() if KEPT.fullmatch(name)}
    assert len(counts) >= 10
    found = {name: upgraded.ledger.value(f"SELECT count(*) FROM {name}") for name in counts}
    assert found == counts


def test_everything_is_whole_and_the_history_goes_on(upgraded: Upgraded) -> None:
    answer = upgraded.portal.run("verify")
    assert answer.returncode == 0, answer.stderr
    chain = upgraded.portal.run("manage", "audit", "verify", f"--head={upgraded.told['head']}")
    assert chain.returncode == 0, chain.stdout + chain.stderr


def test_pages_and_the_signed_review_read_as_before(upgraded: Upgraded) -> None:
    review = upgraded.told["review"]
    seen = upgraded.inside(f"look({review['incident']})")
    assert {page: status for page, status in seen["pages"].items() if status != 200} == {}
    assert seen["document"] == "%PDF-"
    assert "A program was contained." in seen["review"]
    digest = upgraded.ledger.value("SELECT snapshot_sha256 FROM reviews_review WHERE state = 'signed'")
    assert digest == review["sha256"]


def test_what_was_under_way_goes_on(upgraded: Upgraded) -> None:
    for name in ("started", "delivered"):
        assert upgraded.becomes(name, "succeeded"), (name, upgraded.status_of(name), upgraded.portal.last_lines())
    devices = upgraded.told["devices"]
    for name in ("offline", "queued"):
        assert upgraded.status_of(name) == "queued"
    upgraded.inside(f"answer_again({devices['offline']['id']}, {devices['queued']['id']})")
    for name in ("offline", "queued"):
        assert upgraded.becomes(name, "succeeded"), (name, upgraded.status_of(name), upgraded.portal.last_lines())


def test_a_request_is_still_to_be_decided_and_tokens_work(upgraded: Upgraded) -> None:
    run = upgraded.told["runs"]["pending"]
    decision = "SELECT decision FROM remediation_actionrun WHERE id = %s"
    assert (upgraded.status_of("pending"), upgraded.ledger.value(decision, run)) == ("waiting", "pending")
    status, answer = upgraded.api.post(f"/actions/{run}/approve", {}, token=upgraded.told["tokens"]["decider"])
    assert status == 200, answer
    assert upgraded.becomes("pending", "succeeded")


def test_a_backup_of_the_previous_version_is_restored_into_this_one(tmp_path: Path, servers: Addresses) -> None:
    with Address.of(servers.owner_url).connect(autocommit=True) as connection:
        connection.execute("CREATE DATABASE never_upgraded")
    owner = f"{servers.owner_url.rpartition('/')[0]}/never_upgraded"
    lay_old_data(owner)
    here = {**servers_of(servers), "DATABASE_URL": owner, "SOC_OWNER_DATABASE_URL": owner}
    taken = word("backup", tmp_path / "old.tar", servers=here)
    assert (taken.returncode, "of an older version" in taken.stderr) == (0, True), taken.stderr
    answer = word("restore", tmp_path / "old.tar", f"--data={tmp_path}/new", "--end-tokens")
    assert answer.returncode == 0, answer.stderr
    assert "not carried out again: 5 runs, 4 orders" in answer.stderr
    assert "3 tokens are ended" in answer.stderr
    whole = word("verify", f"--data={tmp_path}/new")
    assert whole.returncode == 0, whole.stderr
    assert "10,000 alerts, 8 runs" in whole.stderr
