"""Runner of the code blocks of the Markdown files.

Comments before a block are directives:

    <!-- not run: REASON -->            only parsed
    <!-- slow: REASON -->               run only with FOCAL_OMR_DOCS=all in the environment
    <!-- run as: A => B; C => D -->     run with these replacements, to be faster
    <!-- run small as: A => B -->       the same, but unchanged with FOCAL_OMR_DOCS=all
    <!-- file: NAME -->                 written to this file instead of run
    <!-- status: 1 -->                  expected exit status of the last command
    <!-- before: COMMAND -->            run first, not shown: a prerequisite

A `text` block right after one that is run is its expected output, in which `...` matches anything.
"""

import io
import logging
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from focal_omr.cli import app as cli

ROOT = Path(__file__).parent.parent
ALL = os.environ.get("FOCAL_OMR_DOCS") == "all"
SHELL, OUTPUT = "sh", "text"
_FENCE = re.compile(
    r"^(?P<indent> *)```(?P<language>\w*)[^\n]*\n(?P<code>.*?)^ *```$", re.MULTILINE | re.DOTALL
)
_COMMENT = re.compile(r"<!-- ([a-z ]+): (.*?) -->\s*", re.DOTALL)


@dataclass
class Block:
    """A code block with its directives."""

    document: str
    line: int
    language: str
    code: str
    directives: dict[str, list[str]]
    output: str | None = None

    @property
    def place(self) -> str:
        return f"{self.document}:{self.line}"

    @property
    def reason(self) -> str:
        """Why it is not run, or not here; "" if it is."""
        reasons = self.directives.get("not run", []) + ([] if ALL else self.directives.get("slow", []))
        return " ".join(" ".join(reasons).split())

    @property
    def commands(self) -> list[str]:
        """Its lines, continued ones joined, without comments and empty ones."""
        lines = (line.strip() for line in re.sub(r"\\\n\s*", "", self.code).splitlines())
        return [line for line in lines if line and not line.startswith("#")]


def markdown_files() -> list[str]:
    """List the hand-written Markdown files of the repository, without generated reports."""
    found = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), ROOT / "examples" / "README.md"]
    found += [ROOT / "experiments" / "LOG.md", ROOT / "focal_omr" / "weights" / "MODEL_CARD.md"]
    names = sorted(path.relative_to(ROOT).as_posix() for path in found)
    return [name for name in names if not name.startswith("docs/results/")]


def blocks(document: str) -> list[Block]:
    """Parse the code blocks of a document, in order."""
    text = (ROOT / document).read_text(encoding="utf-8")
    found: list[Block] = []
    end = 0
    for match in _FENCE.finditer(text):
        between = text[end : match.start()]
        indent = match["indent"]
        code = re.sub(rf"^{indent}", "", match["code"], flags=re.MULTILINE)
        if match["language"] == OUTPUT and found and not between.strip():
            found[-1].output = code
        else:
            line = text.count("\n", 0, match.start()) + 1
            found.append(Block(document, line, match["language"], code, _directives(between)))
        end = match.end()
    return found


def _directives(between: str) -> dict[str, list[str]]:
    """Parse the directives right before a block."""
    directives: dict[str, list[str]] = {}
    tail = re.search(r"(?:<!-- [a-z ]+: (?:(?!-->).)*-->\s*)*\Z", between, re.DOTALL)
    for name, value in _COMMENT.findall(tail.group() if tail else ""):
        directives.setdefault(name, []).append(value)
    return directives


@dataclass
class Session:
    """Execution of the blocks of a document in a temporary folder with the repository's examples."""

    folder: Path
    names: dict[str, object] = field(default_factory=dict)

    def run(self, block: Block) -> None:
        """Run a block and compare its output with the document."""
        for command in block.directives.get("before", []):
            self._shell(command, block)
        if "file" in block.directives:
            (self.folder / block.directives["file"][0]).write_text(block.code, encoding="utf-8")
            return
        if block.language == SHELL:
            lines = [_replaced(line, block) for line in block.commands]
            status = int(block.directives.get("status", ["0"])[0])
            printed = "".join(self._shell(line, block, status if line is lines[-1] else 0) for line in lines)
        else:
            printed = self._python(block)
        if block.output is not None:
            expect(printed, block.output, block.place)

    def _python(self, block: Block) -> str:
        printed = io.StringIO()
        with redirect_stdout(printed):
            code = "\n" * block.line + _replaced(block.code, block)
            exec(compile(code, block.document, "exec"), self.names)
        return printed.getvalue()

    def _shell(self, line: str, block: Block, expected: int = 0) -> str:
        words = shlex.split(line, comments=True)
        plain = words[0] == "focal-omr" and not re.search(r"[|<>*$]|&&", line)
        status, printed = _command(words) if plain else self._bash(line)
        assert status == expected, f"{block.place}: status {status} of: {line}\n{printed}"
        return printed

    def _bash(self, line: str) -> tuple[int, str]:
        tools = self.folder.parent / "bin"
        if not tools.exists():
            tools.mkdir()
            (tools / "focal-omr").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m focal_omr "$@"\n')
            (tools / "focal-omr").chmod(0o755)
        path = os.pathsep.join((str(tools), str(Path(sys.executable).parent), os.environ["PATH"]))
        environment = {**os.environ, "PATH": path, "PYTHONPATH": str(ROOT)}
        done = subprocess.run(
            ["bash", "-o", "pipefail", "-c", line],
            cwd=self.folder,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        return done.returncode, done.stdout


def _command(words: list[str]) -> tuple[int, str]:
    """Run `focal-omr` in this process; return its exit status and output."""
    printed = io.StringIO()
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(printed), redirect_stderr(printed):
        patch.setattr(sys, "argv", words)
        with _fresh_logging(), pytest.raises(SystemExit) as ended:
            cli.main()
    return int(ended.value.code or 0), printed.getvalue()


@contextmanager
def _fresh_logging() -> Iterator[None]:
    """Reset logging as in a new process, so that log messages are printed; restore it afterwards."""
    root, ours = logging.getLogger(), logging.getLogger("focal_omr")
    handlers, level, our_level = root.handlers[:], root.level, ours.level
    root.handlers[:] = []
    ours.setLevel(logging.NOTSET)  # another test may have run a command that logs progress
    try:
        yield
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)
        ours.setLevel(our_level)


def _replaced(code: str, block: Block) -> str:
    replacements = block.directives.get("run as", []) + (
        [] if ALL else block.directives.get("run small as", [])
    )
    for directive in replacements:
        for change in directive.split(";"):
            old, new = (each.strip() for each in change.split("=>"))
            code = code.replace(old, new)
    return code


def expect(printed: str, expected: str, place: str) -> None:
    """Assert that the output matches, where `...` matches anything."""
    pattern = re.escape(expected.strip()).replace(re.escape("..."), ".*")
    pattern = re.sub(r"(\\?\s)+", lambda space: r"\s+", pattern)
    assert re.fullmatch(pattern, printed.strip(), re.DOTALL), f"{place}: it prints\n{printed}"
