"""A host as the helper's parts are given it, in a folder of the test."""

from pathlib import Path

from soc_agent.folders import Folders
from soc_agent.host import Host
from soc_agent.journal import Journal
from soc_agent.settings import Settings
from soc_agent.vault import Vault


def a_host(root: Path) -> Host:
    folders = Folders(root)
    folders.state.mkdir(parents=True, exist_ok=True)
    settings = Settings("https://portal", "d" * 64, "", (("203.0.113.5", 443),), 0, ())
    return Host(folders, settings, Journal(folders.state / "journal.sqlite"), Vault(folders.vault))
