import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from incidents.ingest.parse import (
    Loose,
    ReadSoFar,
    TooLarge,
    Unparsable,
    Unreadable,
    decompress,
    parse_body,
    read_file,
)
from incidents.ingest.splitting import split

ITEMS = [{"id": "1", "note": 'a "quoted" } bracket'}, {"id": "2", "inner": [{"x": "]"}, []]}, {"id": "3"}]
SHAPES = {
    "list": json.dumps(ITEMS),
    "indented list": json.dumps(ITEMS, indent=2),
    "envelope": json.dumps({"@odata.context": "x", "value": ITEMS}),
    "lines": "\n".join(map(json.dumps, ITEMS)),
    "lines with gaps": "\n\n" + "\r\n".join(map(json.dumps, ITEMS)) + "\n\n",
    "one after another": "\n".join(json.dumps(item, indent=1) for item in ITEMS),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_every_shape_gives_the_same_items(shape: str) -> None:
    assert parse_body(SHAPES[shape].encode()) == ITEMS
    assert parse_body(b"\xef\xbb\xbf" + SHAPES[shape].encode()) == ITEMS


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("shape", SHAPES)
def test_a_file_gives_the_same_items_as_a_body(shape: str, packed: bool, tmp_path: Path) -> None:
    content = SHAPES[shape].encode()
    path = tmp_path / "alerts"
    path.write_bytes(gzip.compress(content) if packed else content)
    progress = ReadSoFar()
    assert list(read_file(path, progress)) == ITEMS
    assert progress.bytes == path.stat().st_size


def test_a_gzip_file_that_ends_too_early_is_said_and_not_taken_for_whole(tmp_path: Path) -> None:
    path = tmp_path / "alerts.gz"
    path.write_bytes(gzip.compress(SHAPES["lines"].encode())[:-12])
    with pytest.raises(Unparsable, match="ends too early"):
        list(read_file(path, ReadSoFar()))


@pytest.mark.parametrize("size", [256 * 1024 - 1, 256 * 1024, 256 * 1024 + 1, 3_000_000])
def test_several_gzip_members_are_read_to_the_end(tmp_path: Path, size: int) -> None:
    path = tmp_path / "alerts.gz"
    line = json.dumps({"id": "1", "note": "x" * size}).encode() + b"\n"
    path.write_bytes(gzip.compress(line) + gzip.compress(line) + b"\x00" * 100)
    assert [len(json.dumps(item)) for item in read_file(path, ReadSoFar())] == [len(line) - 1] * 2


def test_one_object_is_one_item() -> None:
    assert parse_body(b'{"id": "1"}') == [{"id": "1"}]


VALUES = st.recursive(st.text() | st.integers(), st.lists, max_leaves=8)


@given(st.lists(st.dictionaries(st.text(), VALUES, max_size=4), min_size=1, max_size=5), st.integers(1, 40))
def test_splitting_does_not_depend_on_how_the_stream_is_cut(items: list[dict[str, object]], size: int) -> None:
    body = json.dumps(items).encode()
    chunks = (body[start : start + size] for start in range(0, len(body), size))
    assert [json.loads(raw) for raw in split(chunks)] == items


def test_a_broken_entry_of_a_list_costs_only_itself() -> None:
    items = parse_body(b'[{"id": "1"}, {"id": nonsense}, {"id": "3"}, 7]')
    assert items[0] == {"id": "1"}
    assert isinstance(items[1], Unreadable)
    assert items[2:] == [{"id": "3"}, 7]


def test_a_list_that_ends_too_early_keeps_what_was_whole() -> None:
    items = parse_body(b'[{"id": "1"}, {"id": "2"')
    assert items[0] == {"id": "1"}
    assert isinstance(items[1], Unreadable)


def test_what_only_the_tolerant_parser_reads_is_marked_loose() -> None:
    assert parse_body(b'[{"x": Infinity}]') == [Loose({"x": float("inf")})]


@pytest.mark.parametrize("body", [b"", b"   ", b"hello", b"<html>", b"{", b"\xff\xfe\x00", b"\x1f\x8b\x00"])
def test_a_body_without_any_item_is_refused(body: bytes) -> None:
    with pytest.raises(Unparsable):
        parse_body(decompress(body, limit=1000))


def test_decompression_is_bounded() -> None:
    bomb = gzip.compress(b"0" * 50_000_000)
    with pytest.raises(TooLarge):
        decompress(bomb, limit=1_000_000)


def test_a_cut_gzip_body_is_refused() -> None:
    with pytest.raises(Unparsable):
        decompress(gzip.compress(b'{"id": 1}' * 100)[:-12], limit=1_000_000)


def test_lines_beyond_the_limit_are_not_read(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.INGEST_MAX_ALERTS = 3
    read: list[bytes] = []
    monkeypatch.setattr("incidents.ingest.parse.parse_item", read.append)
    with pytest.raises(TooLarge, match="at most 3 alerts"):
        parse_body(b'{"id": "1"}\n' * 5_000)
    assert len(read) == 3
