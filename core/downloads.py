"""Handing out contents of whatever size in bounded memory, as they are or within a zip that a password opens."""

import zipfile
from collections.abc import Iterable, Iterator

import pyzipper
from django.http import HttpResponse, StreamingHttpResponse

AT_ONCE = 1024 * 1024


def download(
    pieces: Iterable[bytes], *, name: str, media_type: str = "application/octet-stream"
) -> HttpResponse | StreamingHttpResponse:
    """Always a download, never shown in place. What is damaged at its beginning raises here; later it breaks off."""
    rest, beginning, size = iter(pieces), [], 0
    while size <= AT_ONCE and (part := next(rest, None)) is not None:
        beginning.append(part)
        size += len(part)
    response: HttpResponse | StreamingHttpResponse
    if size <= AT_ONCE:
        response = HttpResponse(b"".join(beginning), content_type=media_type)
    else:
        response = StreamingHttpResponse(_joined(beginning, rest), content_type=media_type)
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    response["X-Content-Type-Options"] = "nosniff"
    return response


def zipped(files: Iterable[tuple[str, Iterable[bytes]]], password: str = "") -> Iterator[bytes]:
    """A zip of these contents, encrypted (AES-256) when there is a password; made while it is read."""
    target = _Passing()
    with pyzipper.AESZipFile(target, "w", compression=zipfile.ZIP_DEFLATED) as archive:
        if password:
            archive.setencryption(pyzipper.WZ_AES)
            archive.setpassword(password.encode())
        for name, pieces in files:
            yield from _added(archive, target, name, pieces)
    yield from target.taken()


def _added(archive: pyzipper.AESZipFile, target: "_Passing", name: str, pieces: Iterable[bytes]) -> Iterator[bytes]:
    with archive.open(name, "w", force_zip64=True) as part:
        for content in pieces:
            part.write(content)
            yield from target.taken()


def _joined(beginning: list[bytes], rest: Iterator[bytes]) -> Iterator[bytes]:
    yield b"".join(beginning)
    beginning.clear()
    yield from rest


class _Passing:
    """What is written is taken away at once."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def write(self, content: bytes) -> int:
        self._parts.append(bytes(content))
        return len(content)

    def flush(self) -> None:
        """There is nothing behind it."""

    def taken(self) -> Iterator[bytes]:
        if self._parts:
            content = b"".join(self._parts)
            self._parts.clear()
            yield content
