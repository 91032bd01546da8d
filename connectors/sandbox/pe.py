"""The facts of a PE file, read with pefile: pure Python, and nothing is run."""

from datetime import UTC, datetime
from typing import Any

import pefile

from connectors.sandbox.text import shown

MOST_SECTIONS, MOST_IMPORTS = 60, 250
_ODD = (pefile.PEFormatError, ValueError, KeyError, IndexError, OverflowError, AttributeError, TypeError,
        AssertionError, UnicodeDecodeError, RecursionError, MemoryError)  # fmt: skip
_MACHINES = {0x14C: "x86", 0x8664: "x86-64", 0xAA64: "ARM64", 0x1C0: "ARM"}
_NX, _ASLR, _DLL = 0x100, 0x40, 0x2000


def facts_of_pe(content: bytes) -> dict[str, Any]:
    """Sections, imports and hardening; a broken file says where reading ended."""
    found: dict[str, Any] = {"facts": [], "sections": [], "imports": [], "notes": []}
    try:
        file = pefile.PE(data=content, fast_load=True)
        found["facts"] = _header(file)
        found["sections"] = [_section(one) for one in file.sections[:MOST_SECTIONS]]
        file.parse_data_directories(directories=[pefile.DIRECTORY_ENTRY["IMAGE_DIRECTORY_ENTRY_IMPORT"]])
        found["imports"] = _imports(file)
        found["facts"].append({"label": "Import hash", "value": shown(str(file.get_imphash()), 40) or "none"})
    except _ODD as error:
        found["notes"].append(f"The file is no sound PE: {shown(str(error) or type(error).__name__, 120)}")
    return found


def _header(file: Any) -> list[dict[str, str]]:
    header, optional = file.FILE_HEADER, file.OPTIONAL_HEADER
    made = datetime.fromtimestamp(int(header.TimeDateStamp), UTC)
    marks = int(optional.DllCharacteristics)
    signed = int(optional.DATA_DIRECTORY[4].Size) if len(optional.DATA_DIRECTORY) > 4 else 0
    return [
        {"label": "Machine", "value": _MACHINES.get(int(header.Machine), hex(int(header.Machine)))},
        {"label": "Type", "value": "library" if int(header.Characteristics) & _DLL else "program"},
        {"label": "Says it was built", "value": f"{made:%Y-%m-%d %H:%M} UTC"},
        {"label": "Entry point", "value": hex(int(optional.AddressOfEntryPoint))},
        {"label": "Stack and data", "value": "not executable" if marks & _NX else "executable"},
        {"label": "Position independent", "value": "yes" if marks & _ASLR else "no"},
        {"label": "Signature", "value": "there is one; it is not verified" if signed else "none"},
    ]


def _section(section: Any) -> dict[str, Any]:
    flags = int(section.Characteristics)
    marks = "".join(letter for bit, letter in ((30, "r"), (31, "w"), (29, "x")) if flags >> bit & 1)
    return {"name": shown(bytes(section.Name).rstrip(b"\x00"), 20), "size": int(section.SizeOfRawData), "flags": marks}


def _imports(file: Any) -> list[str]:
    names: list[str] = []
    for library in getattr(file, "DIRECTORY_ENTRY_IMPORT", [])[:200]:
        title = shown(library.dll or b"", 60)
        names += [f"{title}: {shown(one.name or b'by number', 100)}" for one in library.imports[:500]]
    return list(dict.fromkeys(names))[:MOST_IMPORTS]
