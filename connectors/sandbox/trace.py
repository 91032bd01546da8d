"""What strace wrote, read line by line. The texts in it are the sample's own: nothing in them is believed to be syntax.

Calls of several processes interrupt each other: `open("x", <unfinished ...>` is kept until its process goes on.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

MAX_LINE = 16_384
# What this machine lets wait for its end at the same time.
MAX_WAITING = 4_096
_LINE = re.compile(r"(\d{1,9}) +(\d{1,12}\.\d{1,9}) (.*)", re.DOTALL)
_RESUMED = re.compile(r"<\.\.\. (\w+) resumed>")
_CALL = re.compile(r"(\w+)\((.*)\) += (-?\d+|0x[0-9a-f]+|\?)(.*)", re.DOTALL)
_EXITED = re.compile(r"\+\+\+ (exited with (\d+)|killed by (\w+).*) \+\+\+")
_STRING = re.compile(r'"((?:[^"\\]|\\.)*)"(\.\.\.)?')
_ESCAPE = re.compile(r"\\(x[0-9a-fA-F]{1,2}|[0-7]{1,3}|.)", re.DOTALL)
_LETTERS = {"n": 10, "t": 9, "r": 13, "v": 11, "f": 12, "a": 7, "b": 8, "0": 0}
_OUTER_PID = re.compile(r"/\* (\d+) in strace's PID NS \*/")
_ERROR = re.compile(r"\s*([A-Z][A-Z0-9_]+)")


@dataclass(frozen=True, slots=True)
class Call:
    """One system call, or the end of a process (`name` is `exit`). `arguments` is as it was written; `result` is None
    for a call that did not come back, `error` the word of a failed one."""

    pid: int
    at: float
    name: str
    arguments: str = ""
    result: int | None = None
    error: str = ""
    child: int = 0
    texts: tuple[str, ...] = field(default=())

    @property
    def worked(self) -> bool:
        return self.result is not None and self.result >= 0 and not self.error


def read_trace(lines: Iterable[bytes]) -> Iterator[Call]:
    """The calls in the order in which they ended. What cannot be understood is passed over."""
    waiting: dict[int, tuple[float, str]] = {}
    for raw in lines:
        found = _LINE.fullmatch(raw[:MAX_LINE].decode("utf-8", "replace").rstrip("\n"))
        if found is None:
            continue
        pid, at, text = int(found[1]), float(found[2]), found[3]
        if text.endswith("<unfinished ...>"):
            if len(waiting) < MAX_WAITING:
                waiting[pid] = (at, text.removesuffix("<unfinished ...>"))
            continue
        resumed = _RESUMED.match(text)
        if resumed is not None:
            began = waiting.pop(pid, None)
            if began is None:
                continue
            at, text = began[0], began[1] + text[resumed.end() :]
        call = _call(pid, at, text)
        if call is not None:
            yield call
    for pid, (at, text) in waiting.items():
        call = _call(pid, at, f"{text}) = ?")
        if call is not None:
            yield call


def _call(pid: int, at: float, text: str) -> Call | None:
    ended = _EXITED.fullmatch(text)
    if ended is not None:
        return Call(pid, at, "exit", arguments=ended[3] or "", result=int(ended[2]) if ended[2] else None)
    found = _CALL.fullmatch(text)
    if found is None:
        return None
    name, arguments, said, rest = found[1], found[2], found[3], found[4]
    result = None if said == "?" else int(said, 0)
    outer = _OUTER_PID.search(rest)
    error = _ERROR.match(rest) if result == -1 else None
    return Call(pid, at, name, arguments, result, error[1] if error else "", int(outer[1]) if outer else 0,
                tuple(texts_in(arguments)))  # fmt: skip


def texts_in(arguments: str, most: int = 64) -> list[str]:
    """The quoted texts among the arguments, as the sample wrote them."""
    found = []
    for one in _STRING.finditer(arguments):
        found.append(_plain(one[1]) + ("…" if one[2] else ""))
        if len(found) >= most:
            break
    return found


def _plain(text: str) -> str:
    if "\\" not in text:
        return text
    return _ESCAPE.sub(_sign, text).encode("latin-1", "replace").decode("utf-8", "replace")


def _sign(found: re.Match[str]) -> str:
    word = found[1]
    if word[0] == "x" and len(word) > 1:
        return chr(int(word[1:], 16))
    if word[0] in "01234567":
        return chr(int(word, 8) & 0xFF)
    return chr(_LETTERS[word]) if word in _LETTERS else word
