"""What the house rules look at: our own Python modules and templates, parsed once."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("soc_portal", "core", "accounts", "connectors", "notifications", "incidents", "remediation",
         "live_response", "reviews", "exercises")  # fmt: skip
Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Module:
    """One Python file: its path from the root, its text, its tree."""

    path: str
    text: str

    @property
    def tree(self) -> ast.Module:
        return _parsed(self.text)

    @property
    def lines(self) -> int:
        return self.text.count("\n")

    @property
    def room(self) -> str:
        return self.path.partition("/")[0]

    def functions(self) -> Iterator[Function]:
        for node in ast.walk(self.tree):
            if isinstance(node, Function):
                yield node


@cache
def _parsed(text: str) -> ast.Module:
    return ast.parse(text)


@cache
def product() -> tuple[Module, ...]:
    return tuple(_modules(ROOMS))


@cache
def agent() -> tuple[Module, ...]:
    """The distribution of the endpoint agent: its own code, which shares the habits and not the rooms."""
    return tuple(_modules(("agent/soc_agent",)))


@cache
def suite() -> tuple[Module, ...]:
    return tuple(_modules(("tests",)))


def _modules(folders: tuple[str, ...]) -> Iterator[Module]:
    for folder in folders:
        for file in sorted((ROOT / folder).rglob("*.py")):
            if "migrations" not in file.parts:
                yield Module(file.relative_to(ROOT).as_posix(), file.read_text())


@cache
def templates() -> dict[str, str]:
    """Path from the root -> text, of every template."""
    return {
        file.relative_to(ROOT).as_posix(): file.read_text() for file in sorted((ROOT / "templates").rglob("*.html"))
    }


def length(function: Function) -> int:
    """Lines from `def` to the end, decorators apart."""
    return (function.end_lineno or function.lineno) - function.lineno + 1


def names_of_functions(tree: ast.Module) -> dict[Function, str]:
    """Every function with the classes and functions around it: `Outer.inner`."""
    found: dict[Function, str] = {}

    def walk(node: ast.AST, inside: str) -> None:
        for child in ast.iter_child_nodes(node):
            name = getattr(child, "name", "")
            if isinstance(child, Function):
                found[child] = f"{inside}{name}"
            deeper = f"{inside}{name}." if isinstance(child, Function | ast.ClassDef) else inside
            walk(child, deeper)

    walk(tree, "")
    return found
