"""What the documents name exists: files, commands, dotted names, permissions, addresses of the API."""

import importlib
import re
from pathlib import Path

import pytest
from django.core.management import get_commands

from core import permissions
from tests.house.source_tree import ROOT
from tests.house.url_map import operations

DOCUMENTS = ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "SECURITY.md", "THREAT_MODEL.md", "docs/api.md",
             "docs/settings.md"]  # fmt: skip
QUOTED = re.compile(r"`([^`\n]+)`")
LINKED = re.compile(r"\]\((?!https?:)([^)#]+)")
COMMAND = re.compile(r"(?:^|[\s`(])\./soc ([a-z]+)(?: ([a-z_]+))?", re.MULTILINE)
FILE = re.compile(r"^\.?[\w-]+(?:/[\w.*-]+)+/?$|^[\w-]+\.(?:py|md|yml|toml)$")
DOTTED = re.compile(r"^(?:core|accounts|connectors|notifications|incidents|remediation|reviews|exercises)(?:\.\w+)+$")
KEY = re.compile(r"^[a-z_]+\.[a-z_]+$")
# Made by set-up or by the person, or not of ours.
NOT_IN_THE_TREE = {"application/json", "data/secrets", "60000/min", "6000/min"}


def text_of(document: str) -> str:
    return (ROOT / document).read_text()


def quoted(document: str) -> set[str]:
    return set(QUOTED.findall(text_of(document)))


def words_of_soc() -> set[str]:
    return set(re.findall(r"^  ([a-z]+) ", text_of("soc").partition("Usage:")[2].partition("\nUSAGE")[0], re.MULTILINE))


@pytest.mark.parametrize("document", DOCUMENTS)
def test_files_exist(document: str) -> None:
    base = Path(document).parent
    named = [name.strip("/") for name in quoted(document) if FILE.match(name)]
    missing = [name for name in named if name not in NOT_IN_THE_TREE and not list(ROOT.glob(name))
               and not list(ROOT.glob(f"*/{name}"))]  # fmt: skip
    assert missing == []
    assert [link for link in LINKED.findall(text_of(document)) if not (ROOT / base / link).exists()] == []


@pytest.mark.parametrize("document", DOCUMENTS)
def test_commands_exist(document: str) -> None:
    known, managed = words_of_soc(), set(get_commands())
    for word, next_word in COMMAND.findall(text_of(document)):
        assert word in known, word
        assert word != "manage" or next_word in managed, next_word


@pytest.mark.parametrize("document", DOCUMENTS)
def test_dotted_names_exist(document: str) -> None:
    for name in filter(DOTTED.match, quoted(document)):
        module, _, attribute = name.rpartition(".")
        try:
            importlib.import_module(name)
        except ModuleNotFoundError:
            assert hasattr(importlib.import_module(module), attribute), name


def test_permissions_of_the_api_exist() -> None:
    registered = {permission.key for permission in permissions.registered()}
    needed = {word for line in text_of("docs/api.md").splitlines() if line.startswith("| `/")
              for word in QUOTED.findall(line.rsplit("|", 2)[1])}  # fmt: skip
    assert needed
    assert needed - registered == set()


def test_the_api_page_lists_every_resource() -> None:
    served = {one.resource for one in operations() if one.is_api} - {"docs", "schema", "root"}
    told = set(re.findall(r"`(?:POST )?/([a-z-]+)", text_of("docs/api.md")))
    assert served - told == set()
