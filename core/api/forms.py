"""A body of `multipart/form-data` with one file, read while it arrives: however large the file, never in memory."""

import re
from collections.abc import Callable, Container
from typing import Any

from django.core.exceptions import SuspiciousOperation
from django.http import HttpRequest
from django.http.multipartparser import RAW, ChunkIter, LazyStream, MultiPartParserError, Parser
from django.utils.http import parse_header_parameters

from core.api.errors import Problem, invalid
from core.api.parsing import refuse_unstorable_text
from core.content_files import Source

MEDIA_TYPE = "multipart/form-data"
CHUNK = 64 * 1024
# What stands around the file: names, texts, boundaries.
MOST_FIELD, MOST_PARTS, AROUND = 16 * 1024, 20, 512 * 1024
MOST_DIGITS = 18
_BOUNDARY = re.compile(r"[ -~]{0,199}[!-~]")
_FLAGS = {"true": True, "false": False}


def is_form(request: HttpRequest) -> bool:
    return request.content_type == MEDIA_TYPE


def read_form[T](
    request: HttpRequest, *, file: str, limit: int, keep: Callable[[Source, str], T], flags: Container[str] = ()
) -> tuple[dict[str, Any], T]:
    """The texts of a form, of the fields called `flags` `true` and `false` as such, and what `keep` makes of the part
    called `file`, which it is given with the name that the sender has for it. Raises `Problem`."""
    fields: dict[str, Any] = {}
    kept: list[T] = []
    closed = False
    try:
        for number, (kind, told, stream) in enumerate(_parts(request, limit)):
            if number >= MOST_PARTS:
                raise invalid("The form has too many parts.")
            closed = kind == RAW and stream.read(2) == b"--"
            if kind == RAW:
                continue
            name, called = _names(told)
            if name in fields or (name == file and kept):
                raise invalid("The form names a field twice.", field=name)
            if name == file:
                kept.append(keep(stream, called))
            else:
                text = _text(stream, name)
                fields[name] = _FLAGS.get(text, text) if name in flags else text
    except (MultiPartParserError, SuspiciousOperation):
        raise invalid("The body is not a valid form.") from None
    if not closed:
        raise invalid("The form has no end: something of it is missing.")
    if not kept:
        raise invalid("The file is missing.", field=file)
    return fields, kept[0]


def _parts(request: HttpRequest, limit: int) -> Parser:
    boundary = parse_header_parameters(request.headers.get("Content-Type", ""))[1].get("boundary", "")
    if not _BOUNDARY.fullmatch(boundary):
        raise invalid("The form names no boundary.")
    length = request.headers.get("Content-Length", "")
    if not (length.isascii() and length.isdigit() and len(length) <= MOST_DIGITS) or int(length) > limit + AROUND:
        raise Problem(413, f"The file is larger than the {limit:,} bytes this endpoint takes.")
    return Parser(LazyStream(ChunkIter(request, CHUNK)), boundary.encode())


def _names(told: dict[str, Any]) -> tuple[str, str]:
    """Of the field, and of the file as its sender has it, without the folders before it."""
    words = told["content-disposition"][1]
    name, called = (words.get(one, b"").decode(errors="replace") for one in ("name", "filename"))
    if told.get("content-transfer-encoding", ("binary",))[0] not in {"binary", "8bit", "7bit"}:
        raise invalid("The parts of the form are sent as they are, in no encoding.", field=name[:80])
    for text in (name, called):
        refuse_unstorable_text(text)
    return name[:80], re.split(r"[/\\]", called)[-1][:255]


def _text(stream: Source, name: str) -> str:
    content = stream.read(MOST_FIELD + 1)
    if len(content) > MOST_FIELD:
        raise invalid(f"The text is longer than {MOST_FIELD:,} bytes.", field=name)
    try:
        text = content.decode()
    except UnicodeDecodeError:
        raise invalid("The text is not UTF-8.", field=name) from None
    refuse_unstorable_text(text, field=name)
    return text
