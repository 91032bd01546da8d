"""A report as it may be kept: the analysis host has run hostile programs, so nothing that it says is believed to have a
form. What does not fit is left out, texts are cut, and no number is larger than it can be."""

import math
import re
from collections.abc import Callable, Mapping
from typing import Any

from django.core.exceptions import ValidationError

from connectors.sandbox.behaviours import GRAVITY, KINDS
from connectors.sandbox.limits import MAX_REPORT
from connectors.sandbox.text import shown

_TECHNIQUE = re.compile(r"T\d{4}(\.\d{3})?")
_HASH = re.compile(r"[0-9a-f]{32,64}")
_CHANGES = ("created", "changed", "deleted")
_ENDED = ("exited", "time", "memory", "left running")
_ADDRESS = re.compile(r"[0-9a-fA-F.:]{2,45}")


def clean_report(told: object) -> dict[str, Any]:
    """Raises `ValidationError` for what is no report at all."""
    if not isinstance(told, Mapping) or told.get("version") != 1 or not isinstance(told.get("static"), Mapping):
        raise ValidationError({"report": "This is no report of version 1."})
    dynamic, network = _mapping(told.get("dynamic")), _mapping(told.get("network"))
    deeds = [found for one in _list(told.get("behaviours"), 150) if (found := _deed(_mapping(one)))]
    return {
        "version": 1, "began": _number(told.get("began")), "seconds": _number(told.get("seconds")),
        "static": _static(_mapping(told.get("static"))), "dynamic": _dynamic(dynamic),
        "behaviours": sorted(deeds, key=lambda one: GRAVITY.index(one["severity"])),
        "processes": [_process(_mapping(one)) for one in _list(told.get("processes"), 250)],
        "files": [found for one in _list(told.get("files"), 300) if (found := _file(_mapping(one)))],
        "network": {
            "names": [_text(one, 255) for one in _list(network.get("names"), 200)],
            "connections": [found for one in _list(network.get("connections"), 250)
                            if (found := _connection(_mapping(one)))],
        },
        "timeline": [{"at": _number(row.get("at")), "what": _text(row.get("what"), 120),
                      "detail": _text(row.get("detail"), 600)}
                     for row in map(_mapping, _list(told.get("timeline"), 300))],
        "cut": [_text(one, 40) for one in _list(told.get("cut"), 10)],
    }  # fmt: skip


def _static(told: Mapping[str, Any]) -> dict[str, Any]:
    texts: Callable[[str, int, int], list[str]] = lambda name, most, long: [  # noqa: E731 - three numbers, six times
        _text(one, long) for one in _list(told.get(name), most)
    ]
    return {
        "kind": _text(told.get("kind"), 20), "type": _text(told.get("type"), 80),
        "size": int(_number(told.get("size"))),
        "entropy": min(_number(told.get("entropy")), 8.0), "interpreter": _text(told.get("interpreter"), 120),
        **{name: _hash(told.get(name)) for name in ("md5", "sha1", "sha256")},
        "urls": texts("urls", 60, 400), "addresses": texts("addresses", 60, 45), "strings": texts("strings", 200, 200),
        "strings_found": int(_number(told.get("strings_found"))), "imports": texts("imports", 250, 180),
        "notes": texts("notes", 20, 300),
        "facts": [{"label": _text(one.get("label"), 60), "value": _text(one.get("value"), 160)}
                  for one in map(_mapping, _list(told.get("facts"), 30))],
        "sections": [{"name": _text(one.get("name"), 60), "size": int(_number(one.get("size"))),
                      "flags": _text(one.get("flags"), 4)} for one in map(_mapping, _list(told.get("sections"), 60))],
        "packed": _packed(_mapping(told.get("packed"))),
    }  # fmt: skip


def _packed(told: Mapping[str, Any]) -> dict[str, Any]:
    """What rules said of the sample and of what lies in it."""
    members = [_mapping(one) for one in _list(told.get("members"), 500)]
    return {
        "rules": int(_number(told.get("rules"))), "missing": _text(told.get("missing"), 200),
        "wrong": [_text(one, 200) for one in _list(told.get("wrong"), 10)],
        "cut": [_text(one, 60) for one in _list(told.get("cut"), 10)],
        "matches": [_text(one, 120) for one in _list(told.get("matches"), 60)],
        "members": [{"path": _text(one.get("path"), 300), "size": int(_number(one.get("size"))),
                     "sha256": _hash(one.get("sha256")), "type": _text(one.get("type"), 80),
                     "note": _text(one.get("note"), 200),
                     "rules": [_text(name, 120) for name in _list(one.get("rules"), 60)]} for one in members],
    }  # fmt: skip


def _dynamic(told: Mapping[str, Any]) -> dict[str, Any]:
    ended, code = told.get("ended"), told.get("exit_code")
    return {
        "ran": told.get("ran") is True, "failed": told.get("failed") is True,
        "why_not": _text(told.get("why_not"), 300),
        "started": told.get("started") is True, "ended": ended if ended in _ENDED else "",
        "exit_code": code if isinstance(code, int) and not isinstance(code, bool) and 0 <= code < 256 else None,
        "seconds": _number(told.get("seconds")), "most_bytes": int(_number(told.get("most_bytes"))),
        "said": _text(told.get("said"), 2_000),
    }  # fmt: skip


def _deed(told: Mapping[str, Any]) -> dict[str, Any] | None:
    """Title, severity and techniques are the portal's own: of the host only which, what and when."""
    kind = KINDS.get(str(told.get("key")))
    if kind is None:
        return None
    worked = told.get("worked")
    return {
        "key": kind.key, "title": kind.title, "severity": kind.severity, "techniques": list(kind.techniques),
        "detail": _text(told.get("detail"), 300), "times": max(1, int(_number(told.get("times")))),
        "pid": int(_number(told.get("pid"))), "at": None if told.get("at") is None else _number(told.get("at")),
        "worked": worked if isinstance(worked, bool) else None,
    }  # fmt: skip


def _process(told: Mapping[str, Any]) -> dict[str, Any]:
    ended = told.get("ended")
    return {
        "pid": int(_number(told.get("pid"))), "parent": int(_number(told.get("parent"))),
        "path": _text(told.get("path"), 300), "command": _text(told.get("command"), 600),
        "began": _number(told.get("began")), "ended": None if ended is None else _number(ended),
        "exit": _text(told.get("exit"), 20),
    }  # fmt: skip


def _file(told: Mapping[str, Any]) -> dict[str, Any] | None:
    change = told.get("change")
    if change not in _CHANGES:
        return None
    return {
        "path": _text(told.get("path"), 300), "change": change, "size": int(_number(told.get("size"))),
        "mode": _text(told.get("mode"), 12), "sha256": _hash(told.get("sha256")), "kind": _text(told.get("kind"), 20),
        "head": _readable(_text(told.get("head"), 200)), "entropy": min(_number(told.get("entropy")), 8.0),
    }  # fmt: skip


def _readable(head: str) -> str:
    """The first characters of a file, when they are text: what is shown of a program would be signs without meaning."""
    strange = sum(sign == "\N{REPLACEMENT CHARACTER}" or not (sign.isprintable() or sign.isspace()) for sign in head)
    return head if strange * 10 <= len(head) else ""


def _connection(told: Mapping[str, Any]) -> dict[str, Any] | None:
    address = _text(told.get("address"), 45)
    if not _ADDRESS.fullmatch(address):
        return None
    return {
        "address": address, "port": min(int(_number(told.get("port"))), 65_535), "name": _text(told.get("name"), 255),
        "kind": _text(told.get("kind"), 10), "summary": _text(told.get("summary"), 400),
        "host": _text(told.get("host"), 255), "bytes": int(_number(told.get("bytes"))),
        "times": max(1, int(_number(told.get("times")))), "invented": told.get("invented") is True,
        "at": None if told.get("at") is None else _number(told.get("at")),
    }  # fmt: skip


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _list(value: object, most: int) -> list[Any]:
    return value[:most] if isinstance(value, list) else []


def _text(value: object, most: int) -> str:
    return shown(value, most).replace("\x00", "") if isinstance(value, str) else ""


def _number(value: object) -> float:
    """Never negative, never endless, never larger than a time in seconds or a size in bytes can be."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return 0.0
    return round(min(max(float(value), 0.0), 1e12), 3)


def _hash(value: object) -> str:
    return value if isinstance(value, str) and _HASH.fullmatch(value) else ""


MOST_BYTES = MAX_REPORT + 64 * 1024


def techniques_in(report: Mapping[str, Any]) -> list[str]:
    """Each once, in the order of gravity."""
    found = (one for deed in report.get("behaviours", ()) for one in deed["techniques"])
    return [one for one in dict.fromkeys(found) if _TECHNIQUE.fullmatch(one)]
