"""The keys by which endpoint agents know this portal: without them every agent would have to join anew."""

from collections.abc import Mapping
from pathlib import Path

from soc_portal.up.data_folder import DataFolder, write_private

PART = "agents"
# By folder in a data folder, the variable that moves it elsewhere, and what lies in it.
_FOLDERS = {
    "agents": ("SOC_AGENTS_DIR", ("root.pub", "keys.json", "ca.pem")),
    "signer": ("SOC_SIGNER_DIR", ("root.pem", "signing.pem")),
    "agents-tls": ("SOC_AGENTS_TLS_DIR", ("ca.pem", "ca.key", "portal.pem", "portal.key")),
}
_OPEN = frozenset({"root.pub", "keys.json", "ca.pem"})


def collect(env: Mapping[str, str]) -> dict[str, str]:
    """Path below a data folder -> text. A root key that was taken to a safe place is missing, and stays there."""
    found = {}
    for folder, (variable, names) in _FOLDERS.items():
        place = Path(env.get(variable) or Path(env.get("SOC_DATA_DIR", ".")) / folder)
        for name in names:
            if (place / name).is_file():
                found[f"{folder}/{name}"] = (place / name).read_text()
    return found


def lay(folder: DataFolder, kept: Mapping[str, str]) -> None:
    """Put them back; only names that this portal itself would have written."""
    for place, (_, names) in _FOLDERS.items():
        for name in names:
            text = kept.get(f"{place}/{name}")
            if text is None:
                continue
            file = folder.path / place / name
            file.parent.mkdir(mode=0o755 if place == "agents" else 0o700, exist_ok=True)
            write_private(file, text)
            if place == "agents" and name in _OPEN:
                file.chmod(0o644)
