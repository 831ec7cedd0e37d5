"""Limits on the size of files and functions and on the number of private helpers, over the syntax trees."""

import ast
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

PACKAGE = Path(__file__).parent.parent / "focal_omr"
FILES = {
    path.relative_to(PACKAGE).as_posix(): path.read_text(encoding="utf-8") for path in PACKAGE.rglob("*.py")
}

Function = ast.FunctionDef | ast.AsyncFunctionDef


def _functions(source: str) -> Iterator[Function]:
    return (node for node in ast.walk(ast.parse(source)) if isinstance(node, Function))


def _body_lines(function: Function) -> int:
    """Lines of a function without its signature and docstring."""
    body = function.body[1:] if ast.get_docstring(function) else function.body
    return function.end_lineno - body[0].lineno + 1 if body and function.end_lineno else 0


def _used_once(source: str) -> list[str]:
    """Private functions and methods that their file names once besides their definition."""
    nodes = list(ast.walk(ast.parse(source)))
    uses = Counter(node.id for node in nodes if isinstance(node, ast.Name))
    uses.update(node.attr for node in nodes if isinstance(node, ast.Attribute))
    private = {node.name for node in nodes if isinstance(node, Function) and node.name.startswith("_")}
    return sorted(name for name in private if not name.startswith("__") and uses[name] == 1)


def test_the_package_root_holds_at_most_14_files() -> None:
    assert sum("/" not in name for name in FILES) <= 14


def test_no_file_has_more_than_500_lines() -> None:
    assert {name: size for name, text in FILES.items() if (size := len(text.splitlines())) > 500} == {}


def test_no_function_has_more_than_60_lines_of_code() -> None:
    assert [
        f"{name}:{function.name}"
        for name, text in FILES.items()
        for function in _functions(text)
        if _body_lines(function) > 60
    ] == []


def test_few_private_helpers_are_used_once() -> None:
    # A helper that one place calls has to name a concept; sliced-up functions are hard to follow.
    used_once = sum(len(_used_once(text)) for text in FILES.values())
    per_1000_lines = 1000 * used_once / sum(len(text.splitlines()) for text in FILES.values())
    assert per_1000_lines <= 10
