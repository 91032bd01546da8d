"""The product speaks of the product alone: no path of a machine it was written on, no secret in its text."""

import re
from pathlib import Path

import pytest

from tests.house.source_tree import ROOMS, ROOT

FOLDERS = (*ROOMS, "templates", "static/js", "static/css", "docs", "deploy", "tests", ".ci", "requirements")
SUFFIXES = {".py", ".html", ".js", ".css", ".md", ".yml", ".yaml", ".toml", ".txt", ".in", ".conf", ".json", ".sh", ""}
# Written apart, so that this file does not find itself. `lab` is the user of the lab's own hosts.
FORBIDDEN = {
    "a path of one machine": re.compile(r"(?<![\w.])/(?:wo" + r"rk|ho" + r"me/(?!lab\b)\w+|ro" + r"ot)/\w"),
    "a private key": re.compile(r"-----BEGIN (?:RSA |EC |OPENSSH )?PRIV" + r"ATE KEY-----"),
    "a token": re.compile(r"\bsoc_[A-Za-z0-9_-]{43}\b|\bghp_[A-Za-z0-9]{36}\b|\bAKIA[0-9A-Z]{16}\b"),
}


def own_files() -> list[Path]:
    found = [file for folder in FOLDERS for file in (ROOT / folder).rglob("*") if file.is_file()]
    top = [file for file in ROOT.iterdir() if file.is_file() and file.suffix in {".md", ".toml", ".yml", ".json"}]
    kept = [file for file in [*found, *top] if file.suffix in SUFFIXES and "__pycache__" not in file.parts]
    return [file for file in kept if file.name != "package-lock.json"]


def forbidden(text: str) -> list[str]:
    return [name for name, pattern in FORBIDDEN.items() if pattern.search(text)]


def test_no_file_names_a_machine_or_holds_a_secret() -> None:
    read = {file.relative_to(ROOT).as_posix(): file.read_text(errors="replace") for file in own_files()}
    assert {path: forbidden(text) for path, text in read.items() if forbidden(text)} == {}


@pytest.mark.parametrize("text", ["see /wo" + "rk/main/x", "/ho" + "me/ada/x", "key soc_" + "a" * 43])
def test_the_rule_sees_what_does_not_belong(text: str) -> None:
    assert forbidden(text)


def test_many_files_are_read() -> None:
    assert len(own_files()) > 300
