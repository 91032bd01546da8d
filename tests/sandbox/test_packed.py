"""What lies packed in a sample is looked at, and no archive makes that endless."""

import gzip
import io
import tarfile
import zipfile
from pathlib import Path

import pytest

from connectors.sandbox import members
from connectors.sandbox.members import Walk
from connectors.sandbox.rules import Rules
from connectors.sandbox.run import analyse
from remediation.analysis_report import clean_report

RULE = 'rule Loader { strings: $a = "evil loader" condition: $a }'


@pytest.fixture
def rules(tmp_path: Path) -> Rules:
    pytest.importorskip("yara")
    (tmp_path / "own.yar").write_text(RULE)
    (tmp_path / "broken.yar").write_text("rule {")
    return Rules(tmp_path)


def zipped(**files: bytes) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return made.getvalue()


def tarred(name: str, content: bytes) -> bytes:
    made, entry = io.BytesIO(), tarfile.TarInfo(name)
    entry.size = len(content)
    with tarfile.open(fileobj=made, mode="w") as archive:
        archive.addfile(entry, io.BytesIO(content))
    return made.getvalue()


def test_rules_match_in_archives_within_archives_and_a_broken_rule_is_named(rules: Rules) -> None:
    sample = zipped(readme=b"hello", inner=gzip.compress(tarred("../../bin/x", b"an evil loader")))
    walk = Walk(rules).through(sample)
    found = [one["path"] for one in walk.found if one["rules"] == ["Loader"]]
    assert found == ["inner > (gzip)", "inner > (gzip) > ../../bin/x"]
    assert (rules.count, rules.wrong[0].partition(":")[0], walk.cut) == (1, "broken.yar", [])
    assert rules.matching(b"an evil loader itself") == ["Loader"]


def test_without_rules_it_says_so(tmp_path: Path) -> None:
    assert "no rules" in Rules(tmp_path / "none").missing or "not installed" in Rules(tmp_path / "none").missing


@pytest.mark.parametrize(
    ("sample", "limit"),
    [
        (zipped(**{str(n): b"" for n in range(members.MOST_MEMBERS + 1)}), "files"),
        (zipped(**{str(n): bytes(33 * 2**20) for n in range(9)}), "unpacked"),
        (zipped(a=zipped(b=zipped(c=zipped(d=b"deep")))), "depth"),
    ],
    ids=["many", "bomb", "nested"],
)
def test_an_archive_without_end_is_cut_and_says_so(tmp_path: Path, sample: bytes, limit: str) -> None:
    walk = Walk(Rules(tmp_path / "none")).through(sample)
    assert limit in " ".join(walk.cut)
    assert len(walk.found) <= members.MOST_SHOWN


@pytest.mark.parametrize(
    "sample",
    [zipped(a=b"text" * 99)[:-30], gzip.compress(b"x" * 999)[:-9], b"PK\x03\x04", b"\xfd7zXZ\x00"],
    ids=["cut_zip", "cut_gzip", "head_of_zip", "head_of_xz"],
)
def test_a_damaged_archive_is_no_failure(tmp_path: Path, sample: bytes) -> None:
    walk = Walk(Rules(tmp_path / "none")).through(sample)
    assert walk.found == [] or "cannot" in walk.found[-1]["note"]


def test_what_the_host_says_of_rules_is_bounded() -> None:
    told = {"packed": {"rules": -1, "matches": ["x" * 999] * 99, "members": [{"path": 7, "sha256": "zz"}, "odd"]}}
    packed = clean_report({"version": 1, "static": told})["static"]["packed"]
    assert (packed["rules"], len(packed["matches"]), packed["members"][0]["sha256"]) == (0, 60, "")
    assert max(map(len, packed["matches"])) <= 120


def test_the_analysis_looks_into_archives_after_it_gave_its_rights_away() -> None:
    packed = analyse(zipped(readme=b"hello"), "letter.zip")["static"]["packed"]
    assert [one["path"] for one in packed["members"]] == ["readme"]
