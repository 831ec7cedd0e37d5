"""`python -m docs.make_cli`: every command of `focal-omr`, its arguments and options: docs/reference/cli.md.

From the functions of the command line themselves; a test compares the page with them.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer
from typer.core import TyperGroup

from focal_omr.cli.app import app

PAGE = Path(__file__).parent / "reference" / "cli.md"
HEAD = """# Commands

Made by `python -m docs.make_cli` from the command line itself; `--help` after a command says the same. Exit
status of all: 0 all done, 1 some of several inputs failed, 2 wrong usage or nothing could be done.
"""
_NOTE = re.compile(r"\s*\[([^\]]*)\]$")  # what typer adds to a help: [default: 5; x>=0], [required]


def main() -> None:
    """Write the page."""
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(cli_page(), encoding="utf-8")


def cli_page() -> str:
    """All commands as Markdown."""
    lines = [HEAD]
    for path, command in leaf_commands(typer.main.get_command(app)):
        lines += _command(path, command)
    return "\n".join(lines)


def leaf_commands(command: Any, path: str = "focal-omr") -> Iterator[tuple[str, Any]]:
    """(words to type, command) of every command that does something, groups taken apart."""
    if isinstance(command, TyperGroup):
        for name, each in command.commands.items():
            yield from leaf_commands(each, f"{path} {name}")
    elif not command.hidden:
        yield path, command


def _command(path: str, command: Any) -> Iterator[str]:
    context = typer.Context(command, info_name=path)
    yield f"## {path}\n"
    yield f"```text\n{' '.join([path, *command.collect_usage_pieces(context)])}\n```\n"
    yield f"{(command.help or '').strip()}\n"
    yield "| argument or option | means | |\n|---|---|---|"
    for parameter in command.params:
        record = parameter.get_help_record(context)
        if record is not None:
            names, text = record
            note = _NOTE.search(text)
            yield _row(f"`{names}`", _NOTE.sub("", text), note.group(1) if note else "")
    yield ""


def _row(*cells: str) -> str:
    return "| " + " | ".join(" ".join(cell.replace("|", "\\|").split()) for cell in cells) + " |"


if __name__ == "__main__":
    main()
