"""A line means one thing, and what it does not mean is said in a sentence."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from live_response import grammar
from live_response.enums import Output
from live_response.grammar import BadLine, absolute, parse, script_words
from live_response.words import WORDS


@pytest.mark.parametrize(
    ("line", "name", "arguments"),
    [
        ("cd /var/log", "cd", {"path": "/var/log"}),
        ("cd -path /var/log", "cd", {"path": "/var/log"}),
        ("DIR '/a b'", "dir", {"path": "/a b"}),
        ('dir "/a \\"b\\\\" -full_path', "dir", {"path": '/a "b\\', "full_path": True}),
        ("processes -name ssh", "processes", {"name": "ssh"}),
        ("processes 17", "processes", {"pid": 17}),
        ("findfile *.sh /etc", "findfile", {"name": "*.sh", "path": "/etc"}),
        ("findfile -path /etc x", "findfile", {"name": "x", "path": "/etc"}),
        ("remediate process 4711", "remediate", {"what": "process", "thing": "4711"}),
        ("putfile a.sh -overwrite -keep", "putfile", {"name": "a.sh", "overwrite": True, "keep": True}),
        ("run a.sh -parameters \"--all 'two words'\"", "run", {"name": "a.sh", "parameters": ["--all", "two words"]}),
        ("help", "help", {}),
        ("help run", "help", {"command": "run"}),
        ("fileinfo '-odd name'", "fileinfo", {"path": "-odd name"}),
    ],
)
def test_a_line_is_a_command_with_named_values(line: str, name: str, arguments: dict) -> None:
    typed = parse(line)
    assert (typed.word.name, dict(typed.arguments)) == (name, arguments)


def test_output_file_background_and_prerequisites_stand_beside_the_values() -> None:
    typed = parse("processes -output json -auto > list.txt &")
    assert (typed.output, typed.save_as, typed.background, typed.auto) == (Output.JSON, "list.txt", True, True)
    assert parse("connections json").output is Output.JSON
    assert parse("processes table").output is Output.TABLE
    assert parse("dir json").arguments == {"path": "json"}
    assert parse("dir '>' ").arguments == {"path": ">"}


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("", "Type a command"),
        ("rm -rf /", "There is no command rm; `remediate`"),
        ("ls /tmp", "There is no command ls; `dir` is what it is called here"),
        ("format c:", "There is no command format; `help` lists them"),
        ("dir; ls", "One command stands on a line"),
        ("dir | more", "Commands cannot be joined"),
        ("dir `id`", "nothing is run by a shell"),
        ("dir < x", "There is no <"),
        ("dir & x", "& stands at the end"),
        ("dir > ../x", "without a folder"),
        ("dir > a > b", "Behind > stands one name"),
        ("dir >", "Behind > stands one name"),
        ("dir -nothing x", "dir has no -nothing"),
        ("dir a b", "does not know what to do with b"),
        ("fileinfo", "fileinfo needs path"),
        ("processes abc", "pid is a number"),
        ("isolate half", "type is one of full, selective"),
        ("dir -output xml", "-output is json or table"),
        ("processes -name", "Behind -name stands its value"),
        ("dir 'open", "is opened and not closed"),
        ("cd \x1b[2J", "no control characters"),
        ("dir " + "x" * 2000, "at most 2,000 characters"),
        ('run a.sh -parameters "a; b"', "must not contain ;"),
        ('run a.sh -parameters "$(id) & !"', "must not contain ! $ &"),
        ('run a.sh -parameters "\'x"', "in the script parameters"),
    ],
)
def test_what_is_wrong_is_said(line: str, why: str) -> None:
    with pytest.raises(BadLine, match=why.replace("$", r"\$")):
        parse(line)


@given(st.text(max_size=300))
def test_any_text_is_a_command_or_a_sentence(text: str) -> None:
    try:
        typed = parse(text)
    except BadLine as error:
        typed, said = None, str(error)
    assert typed.word.name in WORDS if typed else (said.endswith(".") or ":" in said)


@given(st.text(alphabet=st.characters(min_codepoint=32, exclude_characters="\x7f"), min_size=1, max_size=80))
def test_what_is_quoted_arrives_as_it_was(text: str) -> None:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    assert parse(f'fileinfo "{escaped}"').arguments == {"path": text}


@given(st.text(max_size=200), st.sampled_from(["/", "/var/log", "/a/../b"]))
def test_a_path_is_absolute_and_has_no_way_up(path: str, folder: str) -> None:
    try:
        found = absolute(path, folder)
    except BadLine:
        return
    assert found.startswith("/")
    assert ".." not in found.split("/")


@given(st.text(max_size=200))
def test_no_sign_of_a_shell_is_among_the_words_of_a_script(text: str) -> None:
    try:
        words = script_words(text)
    except BadLine:
        return
    assert not set("".join(words)) & set(";&|!$")


def test_every_command_says_how_it_is_used() -> None:
    for word in WORDS.values():
        assert word.usage.startswith(word.name)
        assert word.about.endswith(".")
        for example in word.examples:
            assert parse(example).word is word


def test_what_hands_type_out_of_habit_leads_to_commands_that_there_are() -> None:
    assert set(grammar._HABITS.values()) <= set(WORDS)
    assert not set(grammar._HABITS) & set(WORDS)
