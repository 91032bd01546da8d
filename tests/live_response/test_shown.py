"""A table as the text that is kept in a recording and in a file."""

from live_response.shown import as_text


def test_a_record_keeps_every_value_whole_and_its_columns_in_line() -> None:
    digest, command = "6e4b" * 16, "python3 -c " + "x" * 300
    text = as_text([{"pid": 7, "sha256": digest, "command": command, "user": "ann"},
                    {"pid": 4711, "sha256": "", "command": "sh", "user": "bob"}])  # fmt: skip
    head, first, second = text.splitlines()
    assert first == f"7     {digest}  {command}  ann"
    assert head.index("sha256") == first.index(digest)
    assert second.index("sh") == head.index("command")
    assert as_text([{"x" * 100: "y" * 100}]) == f"{'x' * 100}\n{'y' * 100}"
