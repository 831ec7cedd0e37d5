"""What the documentation says to type can be typed."""

import re
import shlex
from importlib.resources import files
from pathlib import Path

import pytest
import typer

from focal_omr.cli import app

ROOT = Path(__file__).parent.parent
WEIGHTS = files("focal_omr.weights") / "default.onnx"
DOCUMENTS = ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "THIRD_PARTY.md", "docs/architecture.md")
DOCUMENTS += ("examples/README.md", "experiments/LOG.md", "focal_omr/weights/MODEL_CARD.md")
DRAWN_WITH_THE_WEIGHTS = {"docs/images/first-light.png"}


def _blocks(document: str, language: str) -> list[str]:
    text = (ROOT / document).read_text(encoding="utf-8")
    return re.findall(rf"^ *```{language}\n(.*?)^ *```$", text, re.MULTILINE | re.DOTALL)


def _joined(text: str) -> str:
    """Lines that end with a backslash, with what they go on with."""
    return re.sub(r"\\\n[# ]*", "", text)


def _commands() -> list[str]:
    """The `focal-omr` commands of the documents and of the heads of the configurations."""
    commands = []
    for document in DOCUMENTS:
        lines = [line.strip() for block in _blocks(document, "sh") for line in _joined(block).splitlines()]
        text = (ROOT / document).read_text(encoding="utf-8")
        lines += [re.sub(r"\s+", " ", inline) for inline in re.findall(r"`(focal-omr [^`]*)`", text)]
        commands += [line for line in lines if line.startswith("focal-omr ")]
    for config in sorted((ROOT / "configs").glob("*.toml")):
        lines = _joined(config.read_text(encoding="utf-8")).splitlines()
        commands += [line.lstrip("# ") for line in lines if re.match(r"#\s+focal-omr ", line)]
    return list(dict.fromkeys(commands))


@pytest.mark.parametrize("block", _blocks("README.md", "python"), ids=lambda block: block.splitlines()[0])
def test_python_block_runs(block: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if "Recognizer" in block and not WEIGHTS.is_file():
        pytest.skip("the packaged weights are not there")
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    monkeypatch.chdir(tmp_path)
    exec(compile(block, "README.md", "exec"), {})


def test_the_readme_has_code_of_both_kinds() -> None:
    assert len(_blocks("README.md", "python")) >= 3
    assert len(_commands()) > 12


@pytest.mark.parametrize("command", _commands())
def test_command_is_understood(command: str) -> None:
    """Its command exists, and takes these arguments and options; nothing is run."""
    words = shlex.split(command, comments=True)[1:]
    node = typer.main.get_command(app)
    names = []
    while hasattr(node, "commands"):
        assert words, f"{command}: names no command"
        names.append(words.pop(0))
        assert names[-1] in node.commands, f"{command}: no command {' '.join(names)}"
        node = node.commands[names[-1]]
    if words:  # a bare `focal-omr read` in a sentence only names the command
        node.make_context(names[-1], words).close()


def test_make_targets_exist() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z]+):", makefile, re.MULTILINE))
    for document in DOCUMENTS:
        text = "\n".join(_blocks(document, "sh")) + (ROOT / document).read_text(encoding="utf-8")
        named = set(re.findall(r"(?:^|`)make ([a-z]+)", text, re.MULTILINE))
        assert named <= targets, document


@pytest.mark.parametrize("document", DOCUMENTS)
def test_links_lead_somewhere(document: str) -> None:
    text = (ROOT / document).read_text(encoding="utf-8")
    headings = {
        re.sub(r"[^\w -]", "", line.lstrip("# ").lower()).replace(" ", "-")
        for line in text.splitlines()
        if line.startswith("#")
    }
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if target.startswith("#"):
            assert target[1:] in headings, target
        elif "://" not in target and (WEIGHTS.is_file() or target not in DRAWN_WITH_THE_WEIGHTS):
            assert ((ROOT / document).parent / target).exists(), target


def test_the_documents_name_no_place_of_a_machine() -> None:
    for document in DOCUMENTS:
        text = (ROOT / document).read_text(encoding="utf-8")
        assert not re.search(r"(?<![\w./-])/(work|tmp|home|root|opt)/", text), document
