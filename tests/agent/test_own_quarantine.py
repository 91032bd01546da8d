"""What the guard took without an order is told to the portal; what an order gives back is looked for in its place."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from soc_agent import guarding as guarding_module
from soc_agent import remembered
from soc_agent.guarding import guarding
from soc_agent.host import Host, News
from soc_agent.journal import State
from soc_agent.orders import Command, Effect
from soc_agent.quarantine import restore, take
from soc_agent.remembered import BY_INDICATOR, files, remember_end, taken_by_itself
from tests.agent.hosts import a_host

SHA256 = "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881"  # of "x"


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    found = a_host(tmp_path / "host")
    yield found
    found.journal.close()


def test_what_an_indicator_took_is_told_and_what_an_order_took_is_not(host: Host, tmp_path: Path) -> None:
    for name, reason in (("own", f"{BY_INDICATOR}file_sha256:{SHA256}"), ("ordered", "an-order")):
        (tmp_path / name).write_text("x")
        take(str(tmp_path / name), SHA256, host.vault, reason=reason)
    (told,) = taken_by_itself(host)
    assert (told["path"], told["sha256"], told["size"]) == (str(tmp_path / "own"), SHA256, 1)
    assert told["indicator"] == f"file_sha256:{SHA256}"
    assert files(host).evidence["items"] == [told]


def test_what_is_given_back_is_present_though_another_copy_stays(host: Host, tmp_path: Path) -> None:
    for name in ("one", "other"):
        (tmp_path / name).write_text("x")
        take(str(tmp_path / name), SHA256, host.vault, reason=f"{BY_INDICATOR}i")
    item = next(one for one in taken_by_itself(host) if one["path"].endswith("/one"))
    restore(item["item"], host.vault)
    command = Command("c", "d", "file.restore", {"sha256": SHA256, "items": [item["item"]]}, Effect.ONCE, 0, 0, 60)
    remember_end(host.journal, command, State.SUCCEEDED, {"restored": [{"path": item["path"]}]})
    assert files(host).evidence["files"][SHA256] == "present"


def test_it_tells_of_the_newest_alone(host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remembered, "MOST_OWN", 1)
    for name in ("older", "newer"):
        (tmp_path / name).write_text("x")
        take(str(tmp_path / name), SHA256, host.vault, reason=f"{BY_INDICATOR}i")
    assert [one["path"] for one in taken_by_itself(host)] == [str(tmp_path / "newer")]


def test_why_a_file_is_not_taken_is_told_once(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    guard = guarding(host)
    monkeypatch.setattr(guarding_module, "RETRY_S", 0.0)
    outcomes = iter([refusal("too_large"), refusal("too_large"), refusal("not_found"), refusal("too_large"),
                     refusal("not_found"), {"taken": [{"path": "/x"}]}, refusal("not_found")])  # fmt: skip
    guard.take = lambda *_: next(outcomes)
    told: list[int] = []
    monkeypatch.setattr(News, "tell", lambda _news: told.append(len(asked)))
    asked: list[int] = []
    for number in range(1, 8):
        asked.append(number)
        guard._remediate("/x", SHA256, "i")
    guard.stop()
    assert told == [1, 3, 6, 7]


def refusal(code: str) -> dict[str, Any]:
    return {"taken": [], "stopped": 0, "refused": [{"path": "/x", "code": code, "detail": ""}], "persistence": []}
