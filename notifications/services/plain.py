"""Prose for programs that make links of what looks like one: mail readers and chats."""

import re

from core.wording import visible

_SCHEME = re.compile(r"\bh(tt)(ps?://)", re.IGNORECASE)
_NAME = re.compile(r"(?<![\w.-])((?:[\w-]+\.)+)([a-z]{2,24})(?![\w-])", re.IGNORECASE)
# Names of programs are read as names; no reader makes a link of these.
_FILES = frozenset({"exe", "dll", "sys", "ps1", "bat", "cmd", "vbs", "js", "hta", "lnk", "docx", "xlsx", "pdf", "txt",
                    "docm", "xlsm", "msi", "tmp", "log", "dat", "bin"})  # fmt: skip


def unlinked(text: str) -> str:
    """`hxxps://evil[.]example/x` for what would be followed by accident; hidden signs made readable."""
    return _NAME.sub(_with_bracket, _SCHEME.sub(r"hxx\2", visible(text)))


def _with_bracket(match: re.Match[str]) -> str:
    if match[2].lower() in _FILES:
        return match[0]
    return f"{match[1][:-1]}[.]{match[2]}"
