"""What one can hold in the head: lengths of modules, functions, views, templates and tests."""

from collections.abc import Iterable

import pytest

from tests.house.source_tree import Module, agent, length, names_of_functions, product, suite, templates

MODULE, FUNCTION, VIEW, TEST, TEMPLATE = 500, 60, 25, 25, 150
# How many modules may be longer than 300 lines and functions longer than 40: kept rare, so that the rest can breathe.
SOFT_MODULE, SOFT_FUNCTION, SOFT_SHARE = 300, 40, 0.02


def too_long_modules(modules: Iterable[Module], most: int) -> list[str]:
    return [f"{module.path}: {module.lines} lines" for module in modules if module.lines > most]


def too_long_functions(modules: Iterable[Module], most: int) -> list[str]:
    return [
        f"{module.path}: {name} has {length(function)} lines"
        for module in modules
        for function, name in names_of_functions(module.tree).items()
        if length(function) > most
    ]


def views(modules: Iterable[Module]) -> list[Module]:
    return [module for module in modules if "/views/" in module.path or module.path.endswith("/views.py")]


def behaviour(modules: Iterable[Module]) -> list[Module]:
    return [module for module in modules if "/test_" in module.path]


def test_no_module_has_more_than_500_lines() -> None:
    assert too_long_modules([*product(), *agent(), *suite()], MODULE) == []


def test_no_function_has_more_than_60_lines() -> None:
    assert too_long_functions([*product(), *agent(), *suite()], FUNCTION) == []


def test_no_view_has_more_than_25_lines() -> None:
    assert too_long_functions(views(product()), VIEW) == []


def test_no_test_has_more_than_25_lines() -> None:
    assert too_long_functions(behaviour(suite()), TEST) == []


def test_no_template_has_more_than_150_lines() -> None:
    assert [path for path, text in templates().items() if text.count("\n") > TEMPLATE] == []


def test_long_modules_and_functions_stay_rare() -> None:
    modules = [*product(), *agent()]
    functions = [function for module in modules for function in module.functions()]
    assert len(too_long_modules(modules, SOFT_MODULE)) <= SOFT_SHARE * len(modules)
    assert len(too_long_functions(modules, SOFT_FUNCTION)) <= SOFT_SHARE * len(functions)


@pytest.mark.parametrize("lines", [60, 61])
def test_the_ruler_measures(lines: int) -> None:
    long = Module("core/made_up.py", "class A:\n    @x\n    def f(self):\n" + "        1\n" * (lines - 1))
    assert bool(too_long_functions([long], FUNCTION)) is (lines > 60)
    assert too_long_modules([Module("core/x.py", "1\n" * 501)], MODULE)
    assert views([Module("core/views/x.py", ""), Module("core/x.py", "")])[0].path == "core/views/x.py"
