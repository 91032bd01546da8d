"""Every environment variable that the settings read is explained, and no other."""

import re

from tests.house.source_tree import ROOT

READ = re.compile(r'\benv(?:\.\w+)?\(\s*"([A-Z_]+)"')
EXPLAINED = re.compile(r"^\| `([A-Z_]+)` \|", re.MULTILINE)
OF_THE_SUPERVISOR = {
    "SOC_OWNER_DATABASE_URL", "SOC_RUNTIME_ROLE", "SOC_BACKUP_PASSPHRASE", "SOC_AGENTS_TLS_DIR", "SOC_AGENTS_HOSTS",
}  # fmt: skip


def test_every_variable_of_the_settings_is_explained() -> None:
    read = set(READ.findall((ROOT / "soc_portal" / "settings.py").read_text()))
    explained = set(EXPLAINED.findall((ROOT / "docs" / "settings.md").read_text()))
    assert len(read) > 10
    assert explained - OF_THE_SUPERVISOR == read
