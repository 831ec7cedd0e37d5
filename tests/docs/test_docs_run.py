"""Code blocks of the documentation: they run in order and print the documented output."""

from contextlib import suppress
from importlib.resources import files
from pathlib import Path

import pytest
import typer
from documented import OUTPUT, ROOT, SHELL, Block, Session, blocks, expect, markdown_files

from docs.make_cli import leaf_commands
from focal_omr.cli.app import app

WEIGHTS = files("focal_omr.weights") / "default.onnx"
RUNNABLE = (SHELL, "python")
NOT_RUN = {"toml", OUTPUT, "json", "yaml", "html", "nginx", "ini", "dockerfile", ""}
# Pages whose blocks need a fixture of another test.
RUN_ELSEWHERE = {"docs/server.md": "tests/web starts a server for them"}


def _runs(block: Block) -> bool:
    shown = block.language in RUNNABLE or "file" in block.directives
    return shown and not block.reason and block.document not in RUN_ELSEWHERE


DOCUMENTS = [
    pytest.param(name, marks=pytest.mark.slow if "/tutorials/" in name else ())
    for name in markdown_files()
    if any(map(_runs, blocks(name)))
]


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    """Use one thread: up to ten times faster for small tensors on a busy machine."""
    with suppress(ModuleNotFoundError):
        import torch

        torch.set_num_threads(1)


@pytest.mark.parametrize("document", DOCUMENTS)
def test_blocks_of_a_page_run(document: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if not WEIGHTS.is_file():
        pytest.skip("the packaged weights are not there")
    folder = tmp_path / "here"
    folder.mkdir()
    for name in ("examples", "configs", "experiments", "focal_omr"):
        (folder / name).symlink_to(ROOT / name)
    monkeypatch.chdir(folder)
    session = Session(folder)
    for block in blocks(document):
        if _runs(block):
            session.run(block)


def test_blocks_that_are_not_run_have_a_reason(capsys: pytest.CaptureFixture[str]) -> None:
    """They must be few; the list is printed."""
    skipped = [block for name in markdown_files() for block in blocks(name) if block.reason]
    run = [block for name in markdown_files() for block in blocks(name) if _runs(block)]
    with capsys.disabled():
        print(f"\n{len(run)} blocks of the documentation are run; not run:")
        for block in skipped:
            print(f"  {block.place}: {block.reason}")
        for name in RUN_ELSEWHERE.keys() & set(markdown_files()):
            print(f"  {name}: {RUN_ELSEWHERE[name]}")
    assert len(skipped) < len(run) / 2
    assert all(len(block.reason) > 10 for block in skipped)


def test_every_block_has_a_known_language() -> None:
    for name in markdown_files():
        for block in blocks(name):
            assert block.language in (*RUNNABLE, *NOT_RUN), block.place


def test_every_command_is_shown_and_most_are_run() -> None:
    commands = dict(leaf_commands(typer.main.get_command(app)))
    pages = [name for name in markdown_files() if name != "docs/reference/cli.md"]
    texts = "".join((ROOT / name).read_text(encoding="utf-8") for name in pages)
    assert [command for command in commands if command not in texts] == []
    lines = [
        f"{line} "
        for name in pages
        for block in blocks(name)
        if block.language == SHELL and _runs(block)
        for line in block.commands
    ]
    run = [command for command in commands if any(line.startswith(f"{command} ") for line in lines)]
    assert len(run) >= 0.75 * len(commands), sorted(set(commands) - set(run))


def test_ellipsis_matches_any_output() -> None:
    expect("a 12 b\nc 3.4 s\n", "a 12 b\nc ... s\n", "here")
    with pytest.raises(AssertionError, match="here: it prints"):
        expect("a 13 b\n", "a 12 b\n", "here")


def test_directives_before_a_block_are_applied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "# Page\n\n<!-- before: echo 1 > one -->\n<!-- run as: 500 => 5 -->\n\n```sh\necho 500\ncat one\n"
        "```\n\n```text\n5\n1\n```\n\n<!-- not run: it takes an hour -->\n\n```sh\nsleep 3600\n```\n",
        encoding="utf-8",
    )
    monkeypatch.setattr("documented.ROOT", tmp_path)
    first, second = blocks("page.md")
    assert (first.line, first.output, second.reason) == (6, "5\n1\n", "it takes an hour")
    assert first.directives == {"before": ["echo 1 > one"], "run as": ["500 => 5"]}
    Session(tmp_path).run(first)
    first.output = "5\n2\n"
    with pytest.raises(AssertionError, match=r"page\.md:6: it prints"):
        Session(tmp_path).run(first)
