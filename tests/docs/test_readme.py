"""Commands and links of the documentation are valid."""

import re
import shlex
from importlib.resources import files
from pathlib import Path

import pytest
import typer
from documented import ROOT, SHELL, blocks, markdown_files

from focal_omr.cli.app import app

WEIGHTS = files("focal_omr.weights") / "default.onnx"
DOCUMENTS = markdown_files()
DRAWN_WITH_THE_WEIGHTS = {"docs/images/first-light.png", "images/first-light.png"}


def _joined(text: str) -> str:
    """Join lines continued by a backslash."""
    return re.sub(r"\\\n[# ]*", "", text)


def _commands() -> list[str]:
    """List the `focal-omr` commands of the documents and of the header comments of the configurations."""
    commands = []
    for document in DOCUMENTS:
        lines = [line for block in blocks(document) if block.language == SHELL for line in block.commands]
        # Drop pipes and redirections.
        commands += [re.split(r" (?:\||>) ", line)[0] for line in lines if line.startswith("focal-omr ")]
    for config in sorted((ROOT / "configs").glob("*.toml")):
        lines = _joined(config.read_text(encoding="utf-8")).splitlines()
        commands += [line.lstrip("# ") for line in lines if re.match(r"#\s+focal-omr ", line)]
    return list(dict.fromkeys(commands))


def _mentioned() -> list[str]:
    """List the commands within sentences, which may omit arguments."""
    texts = [(ROOT / document).read_text(encoding="utf-8") for document in DOCUMENTS]
    found = [inline for text in texts for inline in re.findall(r"`(focal-omr [^`]*)`", text)]
    return list(dict.fromkeys(re.sub(r"\s+", " ", inline) for inline in found))


def _parse(command: str) -> None:
    """Parse a command with its arguments and options without running it."""
    words = shlex.split(command, comments=True)[1:]
    if words in (["--help"], ["--version"]):  # of the program itself
        return
    node = typer.main.get_command(app)
    names = []
    if words[:1] in (["--help"], ["--version"]):
        return  # options of the program itself
    while hasattr(node, "commands"):
        assert words, f"{command}: names no command"
        names.append(words.pop(0))
        assert names[-1] in node.commands, f"{command}: no command {' '.join(names)}"
        node = node.commands[names[-1]]
    if words:  # a bare `focal-omr read` in a sentence only names the command
        node.make_context(names[-1], words).close()


def test_the_readme_has_code_of_both_kinds() -> None:
    languages = [block.language for block in blocks("README.md")]
    assert languages.count("python") >= 3
    assert languages.count(SHELL) >= 3
    assert len(_commands()) > 60


@pytest.mark.parametrize("command", _commands())
def test_command_is_valid(command: str) -> None:
    _parse(command)


@pytest.mark.parametrize("command", _mentioned())
def test_command_of_a_sentence_is_valid(command: str) -> None:
    try:
        _parse(command)
    except Exception as error:
        if type(error).__name__ != "MissingParameter":  # typer keeps its own copy of click
            raise


def test_make_targets_exist() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z]+):", makefile, re.MULTILINE))
    for document in DOCUMENTS:
        lines = [line for block in blocks(document) if block.language == SHELL for line in block.commands]
        named = {line.split()[1] for line in lines if line.startswith("make ")}
        named |= set(re.findall(r"`make ([a-z]+)", (ROOT / document).read_text(encoding="utf-8")))
        assert named <= targets, document


def _anchors(document: Path) -> set[str]:
    lines = document.read_text(encoding="utf-8").splitlines()
    headings = [line.lstrip("# ").lower() for line in lines if line.startswith("#")]
    return {re.sub(r"[^\w -]", "", heading).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("document", DOCUMENTS)
def test_links_resolve(document: str) -> None:
    page = ROOT / document
    for link in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
        target, _, anchor = link.partition("#")
        if "://" in link or (target in DRAWN_WITH_THE_WEIGHTS and not WEIGHTS.is_file()):
            continue
        assert (page.parent / target).exists(), link
        if anchor:
            assert anchor in _anchors(page.parent / target if target else page), link


def test_documents_have_no_local_paths() -> None:
    for document in DOCUMENTS:
        text = (ROOT / document).read_text(encoding="utf-8")
        # A systemd unit must name installation paths.
        text = re.sub(r"^```ini\n.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)
        assert not re.search(r"(?<![\w./-])/(work|tmp|home|root|opt)/", text), document
