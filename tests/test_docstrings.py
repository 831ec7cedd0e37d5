"""Docstrings of the package's public functions, checked over its syntax trees."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "focal_omr"
FILES = sorted(path.relative_to(PACKAGE).as_posix() for path in PACKAGE.rglob("*.py"))

# Annotations that stand for an array, and the shape that a docstring gives for it: (H, W), (T, B, C), (N,).
ARRAY = re.compile(r"\b(NDArray|ndarray|Tensor|Gray|Floats|Mask)\b")
SIZE = r"(?:[A-Z]\w*|\d+)(?: ?[-+*/]+ ?\w+)*"
SHAPE = re.compile(rf"\({SIZE}(?:, ?{SIZE})+\)|\({SIZE},\)")

Function = ast.FunctionDef | ast.AsyncFunctionDef


def _functions(body: list[ast.stmt], owner: str = "") -> Iterator[tuple[str, Function]]:
    """Functions of a module and methods of its public classes, without a leading underscore."""
    for node in body:
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            yield from _functions(node.body, f"{node.name}.")
        elif isinstance(node, Function) and not node.name.startswith("_"):
            yield owner + node.name, node


def _arguments(function: Function) -> list[ast.arg]:
    given = function.args
    every = [*given.posonlyargs, *given.args, given.vararg, *given.kwonlyargs, given.kwarg]
    return [each for each in every if each is not None and each.arg not in ("self", "cls")]


def _raised(node: ast.AST) -> Iterator[str]:
    """Names of the error classes that a function raises itself, not in a function inside it."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, Function | ast.Lambda | ast.ClassDef):
            continue
        if isinstance(child, ast.Raise) and child.exc is not None:
            raised = child.exc.func if isinstance(child.exc, ast.Call) else child.exc
            name = ast.unparse(raised).rpartition(".")[2]
            if re.fullmatch(r"[A-Z]\w*Error", name):
                yield name
        yield from _raised(child)


def _section(docstring: str, title: str) -> str:
    """The indented lines under `title:` of a Google-style docstring."""
    found = re.search(rf"^{title}:\n((?:(?: +.*)?(?:\n|$))+)", docstring, re.MULTILINE)
    return found[1] if found else ""


def _is_command(function: Function) -> bool:
    """Whether typer takes the help of each argument from its annotation."""
    return "typer.Option" in ast.unparse(function.args) or any(
        re.search(r"\.(command|callback)\b", ast.unparse(each)) for each in function.decorator_list
    )


def _is_route(function: Function) -> bool:
    """Whether the docstring would replace the summary of an HTTP route in its OpenAPI description."""
    return any("summary=" in ast.unparse(each) for each in function.decorator_list)


def _gaps(function: Function) -> Iterator[str]:
    """What the docstring of one function leaves out."""
    docstring = ast.get_docstring(function)
    if not docstring:
        if not _is_route(function):
            yield "no docstring"
        return
    arguments = _arguments(function)
    if len(arguments) >= 3 and not _is_command(function):
        described = set(re.findall(r"^ {4}\*{0,2}(\w+)", _section(docstring, "Args"), re.MULTILINE))
        if missing := [each.arg for each in arguments if each.arg not in described]:
            yield f"Args: {', '.join(missing)}"
    annotations = [each.annotation for each in arguments] + [function.returns]
    if ARRAY.search(" ".join(ast.unparse(each) for each in annotations if each)) and not SHAPE.search(
        docstring
    ):
        yield "no shape"
    if _is_command(function):  # its docstring is the text of `--help`, and `main` reports its errors
        return
    documented = _section(docstring, "Raises")
    if missing := sorted({name for name in _raised(function) if not re.search(rf"\b{name}\b", documented)}):
        yield f"Raises: {', '.join(missing)}"


@pytest.mark.parametrize("file", FILES)
def test_public_functions_document_arguments_shapes_and_errors(file: str) -> None:
    tree = ast.parse((PACKAGE / file).read_text(encoding="utf-8"))
    assert ast.get_docstring(tree), "the module has no docstring"
    gaps = {name: found for name, function in _functions(tree.body) if (found := [*_gaps(function)])}
    assert gaps == {}


def test_the_check_finds_each_kind_of_gap() -> None:
    module = ast.parse('''
def bare(a): pass

def args(a, b, *, c):
    """Join.

    Args:
        a: First.
        c: Last.
    """

def shape(image: NDArray[np.uint8]) -> None:
    """Of one image."""

def error(a):
    """Check.

    Raises:
        ValueError: Always.
    """
    if a:
        raise ValueError
    raise errors.OmrError(a)

def complete(x: Tensor, y: Tensor, *z: int) -> Tensor:
    """Combine (T, B, C) with (B,).

    Args:
        x: Logits.

        y: Targets,
            in order.
        *z: More.

    Raises:
        OmrError: Never.
    """
    raise OmrError
''')
    assert {name: [*_gaps(function)] for name, function in _functions(module.body)} == {
        "bare": ["no docstring"],
        "args": ["Args: b"],
        "shape": ["no shape"],
        "error": ["Raises: OmrError"],
        "complete": [],
    }
