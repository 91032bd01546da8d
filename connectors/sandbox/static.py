"""What a file says of itself without being run. It reads hostile bytes, so it runs in a process that may die of it."""

import hashlib
import ipaddress
import math
import re
from collections import Counter
from typing import Any

from connectors.sandbox.elf import facts_of_elf
from connectors.sandbox.limits import Limits
from connectors.sandbox.pe import facts_of_pe
from connectors.sandbox.text import shown

SCANNED = 16 * 1024 * 1024
_ASCII = re.compile(rb"[\x20-\x7e]{6,400}")
_WIDE = re.compile(rb"(?:[\x20-\x7e]\x00){6,200}")
_URL = re.compile(r"\b(?:https?|ftp|tcp|wss?)://[A-Za-z0-9.\-\[\]:@]{3,253}(?:/[^\s\"'<>\\)\]}]{0,300})?")
_IPV4 = re.compile(r"(?<![\d.])(?:\d{1,3}\.){3}\d{1,3}(?![\d.])")
_TELLING = re.compile(
    r"https?://|/etc/|/bin/|/tmp/|/proc/|/dev/|passw|secret|token|\.onion|wallet|encrypt|ransom|curl |wget |chmod |"
    r"cron|authorized_keys|LD_PRELOAD|socket|exec|base64|ptrace|powershell|cmd\.exe|HKEY_|VirtualAlloc|CreateRemoteThread",
    re.IGNORECASE,
)
_MAGIC: tuple[tuple[bytes, str], ...] = (
    (b"\x7fELF", "elf"), (b"MZ", "pe"), (b"#!", "script"), (b"PK\x03\x04", "zip"), (b"%PDF-", "pdf"),
    (b"\x1f\x8b", "gzip"), (b"\xfd7zXZ\x00", "xz"), (b"BZh", "bzip2"), (b"7z\xbc\xaf\x27\x1c", "7z"), (b"Rar!", "rar"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "ole"), (b"\x89PNG", "image"), (b"\xff\xd8\xff", "image"), (b"GIF8", "image"),
    (b"\xca\xfe\xba\xbe", "java or macho"), (b"\xcf\xfa\xed\xfe", "macho"), (b"\x00asm", "wasm"),
    (b"SQLite format 3\x00", "sqlite"),
)  # fmt: skip
NAMES = {
    "elf": "ELF, for Linux", "pe": "PE, for Windows", "script": "Script", "zip": "ZIP archive, or a document in one",
    "pdf": "PDF document", "gzip": "gzip archive", "xz": "xz archive", "bzip2": "bzip2 archive", "7z": "7-Zip archive",
    "rar": "RAR archive", "ole": "Older Office document or installer", "image": "Image", "macho": "Mach-O, for macOS",
    "java or macho": "Java class or Mach-O", "wasm": "WebAssembly", "sqlite": "SQLite database", "text": "Text",
    "empty": "Empty file", "data": "Data of no known kind",
}  # fmt: skip
_SCRIPTS = {".sh": "/bin/sh", ".bash": "/bin/bash", ".py": "python3", ".pl": "perl", ".rb": "ruby"}


def kind_of(content: bytes, name: str = "") -> str:
    """By content alone, but for scripts without a first line that says so."""
    if not content:
        return "empty"
    for magic, kind in _MAGIC:
        if content.startswith(magic):
            return kind
    sample = content[:65_536]
    if b"\x00" in sample:
        return "data"
    try:
        sample.decode()
    except UnicodeDecodeError as error:
        if error.start < len(sample) - 4:
            return "data"
    return "script" if interpreter_of(content, name) else "text"


def interpreter_of(content: bytes, name: str) -> list[str]:
    """The words before the script's own path; empty for what is no script."""
    if content.startswith(b"#!"):
        line = content[2:200].split(b"\n", 1)[0].decode("utf-8", "replace")
        return line.strip().split()[:3]
    ending = name[name.rfind(".") :].lower() if "." in name else ""
    return [_SCRIPTS[ending]] if ending in _SCRIPTS else []


def entropy(content: bytes) -> float:
    """Bits in a byte: 8 is noise, as of what is packed or encrypted."""
    if not content:
        return 0.0
    total = len(content)
    return round(-sum(n / total * math.log2(n / total) for n in Counter(content).values()), 3)


def strings_of(content: bytes) -> list[str]:
    part = content[:SCANNED]
    found = [one.group().decode("ascii") for one in _ASCII.finditer(part)]
    found += [one.group().decode("utf-16-le") for one in _WIDE.finditer(part)]
    return list(dict.fromkeys(found))


def addresses_in(texts: list[str], most: int) -> list[str]:
    """Addresses that could be somebody's: no version numbers, as far as that can be told."""
    found: dict[str, None] = {}
    for text in texts:
        for one in _IPV4.findall(text):
            try:
                address = ipaddress.IPv4Address(one)
            except ValueError:
                continue
            if not (address.is_loopback or address.is_unspecified or address.is_multicast or int(address) < 1 << 24):
                found[str(address)] = None
        if len(found) >= most:
            break
    return list(found)[:most]


def look_at(content: bytes, name: str, limits: Limits) -> dict[str, Any]:
    """The static part of the report."""
    kind, texts = kind_of(content, name), strings_of(content)
    urls = dict.fromkeys(shown(url, 400) for text in texts for url in _URL.findall(text)[:4])
    telling = [text for text in texts if _TELLING.search(text)]
    rest = [text for text in texts if not _TELLING.search(text)]
    part: dict[str, Any] = {
        "kind": kind, "type": NAMES[kind], "size": len(content), "entropy": entropy(content[:SCANNED]),
        "md5": hashlib.md5(content, usedforsecurity=False).hexdigest(),
        "sha1": hashlib.sha1(content, usedforsecurity=False).hexdigest(),
        "sha256": hashlib.sha256(content).hexdigest(),
        "urls": list(urls)[:60], "addresses": addresses_in(texts, 60),
        "strings": [shown(text, 200) for text in [*telling, *rest][: limits.strings]], "strings_found": len(texts),
        "interpreter": shown(" ".join(interpreter_of(content, name)), 120),
        "sections": [], "imports": [], "facts": [], "notes": [],
    }  # fmt: skip
    if kind == "elf":
        part.update(facts_of_elf(content))
    if kind == "pe":
        part.update(facts_of_pe(content))
    if part["entropy"] > 7.2 and kind in {"elf", "pe", "data"}:
        part["notes"].append("Nearly random content: it is packed or encrypted.")
    return part
