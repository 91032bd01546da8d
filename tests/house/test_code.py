"""Habits of the code that no linter knows."""

import ast
from collections.abc import Callable, Iterable, Iterator
from pathlib import PurePosixPath

import pytest

from tests.house.source_tree import ROOMS, Module, agent, names_of_functions, product, suite

BUCKETS = {"utils", "util", "helpers", "helper", "common", "misc", "tools", "mixins", "base", "shared", "stuff"}
QUEUERS = {"delay", "apply_async", "send_task"}
MAY_QUEUE = {"core/jobs.py", "soc_portal/up/beat.py"}  # the one door, and the clock that knocks on it
WALL_CLOCKS = {("datetime", "now"), ("datetime", "utcnow"), ("timezone", "now"), ("date", "today")}
# Where the wall clock itself is meant: the clock, and what runs before or beside Django.
WALL_CLOCK_ROOMS = ("core/clock.py", "soc_portal/up/")
# The agent's half that has rights is called the helper, in its unit, its log and its documents.
NAMED_SO = {"agent/soc_agent/helper.py"}
Rule = Callable[[Module], Iterator[str]]


def bucket_modules(module: Module) -> Iterator[str]:
    """Files and folders are named after a thing or a deed of the domain, never after leftovers."""
    for part in PurePosixPath(module.path).with_suffix("").parts:
        if part in BUCKETS and module.path not in NAMED_SO:
            yield f"{module.path} is a bucket: {part}"


def hidden_imports(module: Module) -> Iterator[str]:
    """First-party imports stand at the top, where cycles show; `soc_portal` and `AppConfig.ready` may wait."""
    if module.room == "soc_portal":
        return
    for function, name in names_of_functions(module.tree).items():
        if name.endswith("Config.ready") and module.path.endswith("apps.py"):
            continue
        for node in ast.walk(function):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            for found in names:
                if found.partition(".")[0] in ROOMS:
                    yield f"{module.path}: {name} imports {found}"


def unguarded_queueing(module: Module) -> Iterator[str]:
    """Messages go out after commit and survive a lost broker only through `core.jobs`."""
    if module.path in MAY_QUEUE:
        return
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in QUEUERS:
            yield f"{module.path}:{node.lineno} calls .{node.func.attr}("


def wall_clocks(module: Module) -> Iterator[str]:
    """Product times come from `core.clock`, so that history can be played."""
    if module.path.startswith(WALL_CLOCK_ROOMS):
        return
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            value = node.func.value
            owner = value.id if isinstance(value, ast.Name) else getattr(value, "attr", "")
            if (owner, node.func.attr) in WALL_CLOCKS:
                yield f"{module.path}:{node.lineno} asks {owner}.{node.func.attr}()"


def actorless_services(module: Module) -> Iterator[str]:
    """A service that audits or publishes takes its actor as a required keyword, and keywords after the first."""
    if "/services/" not in module.path:
        return
    for function, name in names_of_functions(module.tree).items():
        arguments = function.args
        by_name = {
            argument.arg: default for argument, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
        }
        if name.startswith("_") or "." in name:
            continue
        if by_name.get("actor") is not None:
            yield f"{module.path}: {name} has a default actor"
        if "actor" in by_name and len(arguments.args) > 1:
            yield f"{module.path}: {name} takes more than its first argument by position"
        if _audits(function) and "actor" not in by_name | {argument.arg: None for argument in arguments.args}:
            yield f"{module.path}: {name} writes history without being told the actor"


def _audits(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    return any(
        isinstance(node, ast.Attribute) and node.attr in {"record", "record_many"}
        and isinstance(node.value, ast.Name) and node.value.id == "audit"
        for node in ast.walk(function)
    )  # fmt: skip


def strangers(module: Module) -> Iterator[str]:
    """The agent is installed without the portal, and the portal runs without the agent: they share a protocol."""
    theirs = {*ROOMS, "tests", "django"} if module.path.startswith("agent/") else {"soc_agent"}
    for node in ast.walk(module.tree):
        names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        for found in names:
            if found.partition(".")[0] in theirs:
                yield f"{module.path}: imports {found}"


def unfinished(module: Module) -> Iterator[str]:
    """Nothing is left to be done later without anybody knowing."""
    for number, line in enumerate(module.text.splitlines(), start=1):
        if any(sign in line for sign in ("TO" + "DO", "FIX" + "ME", "XX" + "X", "NotImplemented" + "Error")):
            yield f"{module.path}:{number}"


def reasonless_ignores(module: Module) -> Iterator[str]:
    """Whoever silences a linter says which rule; a bare one hides the next mistake too."""
    for number, line in enumerate(module.text.splitlines(), start=1):
        if line.rstrip().endswith(("# no" + "qa", "# type: " + "ignore")):
            yield f"{module.path}:{number}"


def found_by(rule: Rule, modules: Iterable[Module]) -> list[str]:
    return [violation for module in modules for violation in rule(module)]


RULES: list[Rule] = [
    bucket_modules,
    hidden_imports,
    unguarded_queueing,
    wall_clocks,
    actorless_services,
    strangers,
    unfinished,
    reasonless_ignores,
]
EVERYWHERE: list[Rule] = [bucket_modules, unfinished, reasonless_ignores]
OF_THE_AGENT: list[Rule] = [*EVERYWHERE, strangers]


@pytest.mark.parametrize("rule", RULES)
def test_the_product_keeps_the_rule(rule: Rule) -> None:
    assert found_by(rule, product()) == []


@pytest.mark.parametrize("rule", OF_THE_AGENT)
def test_the_agent_keeps_the_rule(rule: Rule) -> None:
    assert len(agent()) > 10
    assert found_by(rule, agent()) == []


@pytest.mark.parametrize("rule", EVERYWHERE)
def test_the_tests_keep_the_rule(rule: Rule) -> None:
    assert found_by(rule, suite()) == []


@pytest.mark.parametrize(
    ("rule", "path", "text"),
    [
        (bucket_modules, "core/utils.py", ""),
        (bucket_modules, "incidents/helpers/x.py", ""),
        (hidden_imports, "core/x.py", "def f():\n    from core import audit\n"),
        (hidden_imports, "core/x.py", "class A:\n    def g(self):\n        import accounts.models\n"),
        (unguarded_queueing, "incidents/x.py", "task.delay(1)\n"),
        (unguarded_queueing, "incidents/x.py", "def f():\n    app.send_task('x')\n"),
        (wall_clocks, "incidents/x.py", "datetime.now(UTC)\n"),
        (wall_clocks, "incidents/x.py", "datetime.datetime.now(UTC)\n"),
        (actorless_services, "incidents/services/x.py", "def f(a):\n    audit.record('x')\n"),
        (actorless_services, "incidents/services/x.py", "def f(a, *, actor=None):\n    pass\n"),
        (actorless_services, "incidents/services/x.py", "def f(a, b, *, actor):\n    pass\n"),
        (strangers, "agent/soc_agent/x.py", "from core import clock\n"),
        (strangers, "agent/soc_agent/x.py", "def f():\n    import django.db\n"),
        (strangers, "connectors/x.py", "import soc_agent.trust\n"),
        (unfinished, "core/x.py", "# TO" + "DO later\n"),
        (reasonless_ignores, "core/x.py", "x = 1  # no" + "qa\n"),
    ],
)
def test_the_rule_sees_its_violation(rule: Rule, path: str, text: str) -> None:
    assert found_by(rule, [Module(path, text)])


@pytest.mark.parametrize(
    ("rule", "path", "text"),
    [
        (hidden_imports, "core/apps.py", "class CoreConfig(A):\n    def ready(self):\n        from core import x\n"),
        (hidden_imports, "soc_portal/x.py", "def f():\n    import core\n"),
        (hidden_imports, "core/x.py", "def f():\n    import json\n"),
        (unguarded_queueing, "core/jobs.py", "app.send_task('x')\n"),
        (wall_clocks, "core/clock.py", "datetime.now(UTC)\n"),
        (actorless_services, "incidents/services/x.py", "def f(a, *, actor, reason=''):\n    audit.record('x')\n"),
    ],
)
def test_the_rule_lets_pass_what_is_meant(rule: Rule, path: str, text: str) -> None:
    assert found_by(rule, [Module(path, text)]) == []
