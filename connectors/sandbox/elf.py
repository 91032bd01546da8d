"""The facts of an ELF file, read with pyelftools: pure Python, so hostile bytes meet no foreign memory."""

import io
from itertools import islice
from typing import Any

from elftools.common.exceptions import ELFError
from elftools.elf.dynamic import DynamicSection
from elftools.elf.elffile import ELFFile
from elftools.elf.sections import SymbolTableSection

from connectors.sandbox.text import shown

MOST_SECTIONS, MOST_IMPORTS = 60, 250
_ODD = (ELFError, ValueError, KeyError, IndexError, OverflowError, AttributeError, TypeError, AssertionError,
        UnicodeDecodeError, RecursionError, MemoryError)  # fmt: skip


def facts_of_elf(content: bytes) -> dict[str, Any]:
    """Sections, imports and hardening; a broken file says where reading ended."""
    found: dict[str, Any] = {"facts": [], "sections": [], "imports": [], "notes": []}
    try:
        file = ELFFile(io.BytesIO(content))
        found["facts"] = _header(file)
        found["sections"] = [_section(one) for one in islice(file.iter_sections(), MOST_SECTIONS)]
        found["imports"] = _imports(file)
        found["facts"] += _hardening(file)
    except _ODD as error:
        found["notes"].append(f"The file is no sound ELF: {shown(str(error) or type(error).__name__, 120)}")
    return found


def _header(file: ELFFile) -> list[dict[str, str]]:
    header = file.header
    return [
        {"label": "Machine", "value": shown(str(file.get_machine_arch()), 60)},
        {"label": "Class", "value": f"{file.elfclass} bit, {'little' if file.little_endian else 'big'} endian"},
        {"label": "Type", "value": shown(str(header["e_type"]).removeprefix("ET_"), 40)},
        {"label": "Entry point", "value": hex(int(header["e_entry"]))},
    ]


def _section(section: Any) -> dict[str, Any]:
    flags = int(section["sh_flags"])
    marks = "".join(letter for bit, letter in ((2, "a"), (1, "w"), (4, "x")) if flags & bit)
    return {"name": shown(str(section.name), 60), "size": int(section["sh_size"]), "flags": marks}


def _imports(file: ELFFile) -> list[str]:
    names: list[str] = []
    for section in file.iter_sections():
        if isinstance(section, DynamicSection):
            names += [f"needs {one.needed}" for one in islice(section.iter_tags(), 500) if hasattr(one, "needed")]
        if isinstance(section, SymbolTableSection) and section.name == ".dynsym":
            names += [str(one.name) for one in islice(section.iter_symbols(), 5_000)
                      if one["st_shndx"] == "SHN_UNDEF" and one.name]  # fmt: skip
    return [shown(name, 120) for name in dict.fromkeys(names)][:MOST_IMPORTS]


def _hardening(file: ELFFile) -> list[dict[str, str]]:
    stack = relro = interpreted = None
    dynamic: set[str] = set()
    segments: Any = islice(file.iter_segments(), 64)
    for segment in segments:
        kind = segment["p_type"]
        if kind == "PT_GNU_STACK":
            stack = int(segment["p_flags"])
        if kind == "PT_GNU_RELRO":
            relro = True
        if kind == "PT_INTERP":
            interpreted = shown(str(segment.get_interp_name()), 120)
        if kind == "PT_DYNAMIC":
            dynamic = {str(tag.entry.d_tag) for tag in islice(segment.iter_tags(), 500)}
    shared = file.header["e_type"] == "ET_DYN"
    symbols = file.get_section_by_name(".symtab") is not None
    return [
        {"label": "Stack", "value": "not executable" if stack is not None and not stack & 1 else "executable"},
        {"label": "Position independent", "value": "yes" if shared else "no"},
        {
            "label": "Linking",
            "value": f"dynamic, {interpreted}" if interpreted else "static" if not dynamic else "dynamic",
        },
        {"label": "Read-only relocations", "value": "yes" if relro else "no"},
        {"label": "Symbols", "value": "kept" if symbols else "stripped"},
    ]
