"""How pages call the values that sources send."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from core.wording import counted
from incidents.enums import Category, EntityKind

_PREFIX = re.compile(r"^(microsoft|azure)(?=[A-Z0-9])")
_WORDS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_FOLDERS = re.compile(r"^.*[\\/](?=.)", re.DOTALL)
_ROOTED = re.compile(r"(/|[A-Za-z]:\\|\\\\)[^\s/\\]+[/\\].")
_ARGUMENTS = re.compile(r'"[^"]*"|\S+')
MOST_COMMAND = 600
NOUNS: Mapping[str, tuple[str, str]] = {
    "devices": ("device", "devices"),
    "identities": ("account", "accounts"),
    "mailboxes": ("mailbox", "mailboxes"),
    "files": ("file", "files"),
}
# An account is an identity to us and a user to the sources; analysts say account.
KIND_WORDS: Mapping[str, str] = {
    EntityKind.DEVICE: "device",
    EntityKind.IDENTITY: "account",
    EntityKind.MAILBOX: "mailbox",
    EntityKind.FILE: "file",
}


# Names that their letters alone do not give.
NAMES: Mapping[str, str] = {
    "azureAdIdentityProtection": "Entra ID Protection", "microsoft365Defender": "Defender XDR",
    "microsoftDefenderForOffice365": "Defender for Office 365", "microsoftDefenderForIoT": "Defender for IoT",
    "microsoftDefenderForDNS": "Defender for DNS", "smartScreen": "SmartScreen", "customTi": "Custom indicator",
    "nrtAlerts": "Near-real-time rules", "builtInMl": "Built-in machine learning",
}  # fmt: skip


def source_label(value: str) -> str:
    """`microsoftDefenderForEndpoint` is read as `Defender for Endpoint`, `scheduledAlerts` as `Scheduled alerts`."""
    if value in NAMES:
        return NAMES[value]
    is_product = bool(_PREFIX.match(value))
    words = _WORDS.sub(" ", _PREFIX.sub("", value)).replace("_", " ").split()
    if not words or value == "unknown":
        return "Unknown source" if value == "unknown" else value
    small = [word.lower() if word in {"For", "And", "Of"} or _is_plain(word, is_product) else word for word in words]
    return " ".join([small[0][0].upper() + small[0][1:], *small[1:]])


def _is_plain(word: str, is_product: bool) -> bool:
    """A word of a phrase rather than of a name; abbreviations keep their capitals."""
    return not is_product and not word.isupper()


def system_label(platform: str, version: str = "") -> str:
    """`WindowsServer2022` is read as `Windows Server 2022`; other systems write themselves as they like."""
    if platform.startswith("Windows"):
        platform = re.sub(r"(?<=[a-z])(?=[A-Z0-9])", " ", platform)
    return " ".join(part for part in (platform, version) if part)


def file_name(path: str) -> str:
    """The last part of a path, of either kind of system."""
    return _FOLDERS.sub("", path) or path


def short_command(command: str) -> str:
    """A command line without the folders, which fill a narrow place and tell the least:
    `python -P …/encrypt` of `/usr/bin/python -P /var/tmp/.helpful/encrypt`."""
    first, *rest = _ARGUMENTS.findall(command[:MOST_COMMAND]) or [command]
    return " ".join([file_name(first.strip('"')), *(_without_folders(part) for part in rest)])


def _without_folders(argument: str) -> str:
    bare = argument.strip('"')
    return f"…/{file_name(bare)}" if _ROOTED.match(bare) else argument


def category_label(value: str) -> str:
    return str(Category(value).label) if value in Category.values else _WORDS.sub(" ", value).capitalize()


def category_labels(values: Iterable[str]) -> list[str]:
    """In the order in which an attack usually goes through them."""
    order = {name: place for place, name in enumerate(Category.values)}
    return [category_label(value) for value in sorted(values, key=lambda value: (order.get(value, 99), value))]


def asset_counts(impacted: Mapping[str, Any]) -> str:
    """`4 devices, 2 accounts`; files are evidence rather than assets, so they count only when nothing else is there."""
    parts = [
        counted(int(impacted.get(name) or 0), *NOUNS[name])
        for name in ("devices", "identities", "mailboxes")
        if impacted.get(name)
    ]
    if not parts and impacted.get("files"):
        parts = [counted(int(impacted["files"]), *NOUNS["files"])]
    return ", ".join(parts)
