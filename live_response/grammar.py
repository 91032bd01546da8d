"""What a typed line means. It is read here once and never again: what leaves the portal are names and typed values.

Positions in a fixed order, or `-name value` anywhere; `-output json|table`; `> name.txt` keeps the output as a file;
`&` at the end runs it in the background; quotes hold words together.
"""

import posixpath
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from live_response.enums import Output
from live_response.words import WORDS, Kind, Parameter, Word

MAX_LINE = 2_000
NAME = re.compile(r"[A-Za-z0-9._-]{1,100}")
_NOT_IN_SCRIPTS = ";&|!$"
_SIGNS = {";": "One command stands on a line; there is no ;.", "|": "Commands cannot be joined with |.",
          "`": "There is no ` here: nothing is run by a shell.", "<": "There is no < here."}  # fmt: skip
_LARGEST = 2**31
# What hands type out of habit, and what it is called here.
_HABITS = {"ls": "dir", "ps": "processes", "top": "processes", "netstat": "connections", "ss": "connections",
           "find": "findfile", "stat": "fileinfo", "file": "fileinfo", "cat": "getfile", "download": "getfile",
           "upload": "putfile", "crontab": "scheduledtasks", "systemctl": "services", "lsmod": "drivers",
           "clear": "cls", "rm": "remediate", "sh": "shell", "bash": "shell"}  # fmt: skip


class BadLine(ValueError):
    """The line is no command; the message says why, for the person who typed it."""


@dataclass(frozen=True, slots=True)
class Token:
    """A word of the line; what was quoted is no sign and no option."""

    text: str
    quoted: bool = False


@dataclass(frozen=True, slots=True)
class Typed:
    """A line as it was understood."""

    word: Word
    arguments: Mapping[str, Any] = field(default_factory=dict)
    output: Output = Output.TABLE
    save_as: str = ""
    background: bool = False
    auto: bool = False


def parse(line: str) -> Typed:
    """Raises `BadLine`."""
    tokens = split(line)
    if not tokens:
        raise BadLine("Type a command; `help` lists them.")
    word = _word(tokens[0])
    tokens, background = _without_background(tokens[1:])
    tokens, save_as = _without_file(tokens)
    named, placed, options = _sorted(word, tokens)
    placed, output = _without_output(word, placed, options)
    arguments = {**_place(word, placed, named), **named}
    for one in word.parameters:
        if one.required and one.name not in arguments:
            raise BadLine(f"{word.name} needs {one.name}: {word.usage}")
    return Typed(word, arguments, output, save_as, background, "auto" in options)


def split(line: str) -> list[Token]:
    """The words of a line. Raises `BadLine` for signs that mean something to a shell and nothing here."""
    if len(line) > MAX_LINE:
        raise BadLine(f"A line has at most {MAX_LINE:,} characters.")
    if any(ord(sign) < 32 or ord(sign) == 127 for sign in line):
        raise BadLine("A line holds no control characters.")
    tokens: list[Token] = []
    place = 0
    while place < len(line):
        sign = line[place]
        if sign == " ":
            place += 1
        elif sign in _SIGNS:
            raise BadLine(_SIGNS[sign])
        elif sign in "&>":
            tokens.append(Token(sign))
            place += 1
        else:
            place = _take_word(line, place, tokens)
    return tokens


def _take_word(line: str, place: int, tokens: list[Token]) -> int:
    text, quoted = "", False
    while place < len(line) and line[place] not in " &>":
        sign = line[place]
        if sign in "\"'":
            part, place = _quoted(line, place)
            text, quoted = text + part, True
        elif sign in _SIGNS:
            raise BadLine(_SIGNS[sign])
        else:
            text, place = text + sign, place + 1
    tokens.append(Token(text, quoted))
    return place


def _quoted(line: str, place: int) -> tuple[str, int]:
    mark, text, place = line[place], "", place + 1
    while place < len(line):
        sign = line[place]
        if sign == mark:
            return text, place + 1
        if sign == "\\" and mark == '"' and line[place + 1 : place + 2] in {'"', "\\"}:
            place, sign = place + 1, line[place + 1]
        text, place = text + sign, place + 1
    raise BadLine(f"A quote {mark} is opened and not closed.")


def _word(token: Token) -> Word:
    found = WORDS.get(token.text.lower())
    if found is None:
        meant = _HABITS.get(token.text.lower())
        instead = f"`{meant}` is what it is called here" if meant else "`help` lists them"
        raise BadLine(f"There is no command {token.text[:40]}; {instead}.")
    return found


def _without_background(tokens: list[Token]) -> tuple[list[Token], bool]:
    background = bool(tokens) and tokens[-1] == Token("&")
    tokens = tokens[:-1] if background else tokens
    if Token("&") in tokens:
        raise BadLine("& stands at the end of the line, or in quotes.")
    return tokens, background


def _without_file(tokens: list[Token]) -> tuple[list[Token], str]:
    if Token(">") not in tokens:
        return tokens, ""
    at = tokens.index(Token(">"))
    if len(tokens) != at + 2 or tokens[at + 1] == Token(">"):
        raise BadLine("Behind > stands one name, and nothing behind it.")
    name = tokens[at + 1].text
    if not NAME.fullmatch(name) or name.startswith("."):
        raise BadLine("The output is kept under a name of letters, digits, dot, - and _, without a folder.")
    return tokens[:at], name


def _sorted(word: Word, tokens: list[Token]) -> tuple[dict[str, Any], list[Token], dict[str, str]]:
    """Values by name, those without one, and the options that every command takes."""
    named: dict[str, Any] = {}
    placed: list[Token] = []
    options: dict[str, str] = {}
    rest = iter(tokens)
    for token in rest:
        if token.quoted or not re.fullmatch(r"-[A-Za-z_]+", token.text):
            placed.append(token)
            continue
        name = token.text[1:].lower()
        parameter = word.parameter(name)
        if parameter is not None and parameter.kind == Kind.FLAG:
            named[name] = True
            continue
        if name == "auto":
            options[name] = name
            continue
        if parameter is None and name != "output":
            raise BadLine(f"{word.name} has no -{name}: {word.usage}")
        value = next(rest, None)
        if value is None or name in named or name in options:
            raise BadLine(f"-{name} is given twice." if value is not None else f"Behind -{name} stands its value.")
        if parameter is None:
            options[name] = value.text
        else:
            named[name] = _value(parameter, value.text)
    return named, placed, options


def _without_output(word: Word, placed: list[Token], options: Mapping[str, str]) -> tuple[list[Token], Output]:
    """`connections json` is taken too, where the word cannot be anything else."""
    if "output" in options:
        if options["output"] not in Output.values:
            raise BadLine("-output is json or table.")
        return placed, Output(options["output"])
    places = [one for one in word.parameters if one.place and one.kind != Kind.FLAG]
    last = placed[-1].text if placed else ""
    spare = len(placed) > len(places)
    fits = bool(places) and len(placed) <= len(places) and places[len(placed) - 1].kind == Kind.NUMBER
    if last in Output.values and (spare or fits):
        return placed[:-1], Output(last)
    return placed, Output.TABLE


def _place(word: Word, placed: list[Token], named: Mapping[str, Any]) -> dict[str, Any]:
    free = [one for one in word.parameters if one.place and one.kind != Kind.FLAG and one.name not in named]
    if len(placed) > len(free):
        raise BadLine(f"{word.name} does not know what to do with {placed[len(free)].text[:40]}: {word.usage}")
    return {one.name: _value(one, token.text) for one, token in zip(free, placed, strict=False)}


def _value(parameter: Parameter, text: str) -> Any:
    if parameter.kind == Kind.NUMBER:
        if not (text.isascii() and text.isdigit() and int(text[:12]) < _LARGEST and len(text) <= 10):
            raise BadLine(f"{parameter.name} is a number.")
        return int(text)
    if parameter.choices and text not in parameter.choices:
        raise BadLine(f"{parameter.name} is one of {', '.join(parameter.choices)}.")
    if not text or len(text) > parameter.longest:
        raise BadLine(f"{parameter.name} has 1 to {parameter.longest:,} characters.")
    return script_words(text) if parameter.kind == Kind.SCRIPT else text


def script_words(text: str) -> list[str]:
    """What a script is given, as single words. Raises `BadLine`."""
    found = sorted(set(text) & set(_NOT_IN_SCRIPTS))
    if found or any(ord(sign) < 32 for sign in text):
        raise BadLine(f"Script parameters must not contain {' '.join(found) or 'control characters'}.")
    try:
        return shlex.split(text)
    except ValueError:
        raise BadLine("A quote in the script parameters is opened and not closed.") from None


def absolute(path: str, folder: str) -> str:
    """A path as the device is asked for it. Raises `BadLine`."""
    whole = posixpath.normpath(posixpath.join(folder, path))
    whole = "/" + whole.lstrip("/")
    if "\x00" in whole or len(whole.encode()) > 4_000:
        raise BadLine("This is no path.")
    return whole
