"""Documentation site: it builds without warnings and loads nothing from other hosts."""

import json
import os
import re
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest
from documented import ROOT

from docs import make_cli

NOTEBOOKS = sorted((ROOT / "docs" / "notebooks").glob("*.ipynb"))
_LOADED = re.compile(
    r"<(?:script|link|img|iframe|source|video|audio)\b[^>]*\b(?:src|href)=[\"']?(?:https?:)?//[^>]*>"
)
_LOADED_BY_STYLE = re.compile(r"(?:url\(|@import )[\"']?(?:https?:)?//[^)\"']*")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("mkdocs")
    pytest.importorskip("mkdocstrings")
    out = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(out)]
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")
    return out


@pytest.mark.slow
def test_every_page_is_built(site: Path) -> None:
    pages = {path.relative_to(ROOT / "docs").with_suffix(".html") for path in (ROOT / "docs").rglob("*.md")}
    pages |= {Path("notebooks") / f"{path.stem}.html" for path in NOTEBOOKS}
    pages |= {Path("repository/CONTRIBUTING.html"), Path("repository/experiments/LOG.html")}
    assert [page for page in sorted(pages) if not (site / page).is_file()] == []


@pytest.mark.slow
def test_public_functions_are_described(site: Path) -> None:
    text = "".join(path.read_text(encoding="utf-8") for path in (site / "reference").glob("*.html"))
    homes = ("recognize.Recognizer.read", "document.document.Document.save", "loss.sequence.focal_ctc_loss")
    homes += ("metrics.error_rates", "decode.symbols.beam_decode", "score.records.Note")
    homes += ("data.primus.samples.read_primus",)
    for name in homes:
        assert f'id="focal_omr.{name}"' in text, name


@pytest.mark.slow
def test_nothing_comes_from_another_host(site: Path) -> None:
    for path in site.rglob("*"):
        if path.suffix in (".html", ".css"):
            text = path.read_text(encoding="utf-8")
            found = _LOADED.findall(text) if path.suffix == ".html" else _LOADED_BY_STYLE.findall(text)
            # `rel=canonical` and similar links load nothing, but there are none.
            assert found == [], path


@pytest.mark.slow
def test_links_within_the_site_resolve(site: Path) -> None:
    for page in site.rglob("*.html"):
        for link in re.findall(r"(?:href|src)=\"([^\"#?]+)", page.read_text(encoding="utf-8")):
            if "://" not in link and not link.startswith(("mailto:", "data:", "/")):
                assert (page.parent / link).exists(), f"{page.relative_to(site)}: {link}"


@pytest.mark.skipif(
    f"typer=={version('typer')}" not in (ROOT / "constraints.txt").read_text(encoding="utf-8").split(),
    reason="the help text differs with other versions of typer",
)
def test_the_command_reference_is_current() -> None:
    page = make_cli.PAGE.read_text(encoding="utf-8")
    assert page == make_cli.cli_page(), "regenerate it: python -m docs.make_cli"


@pytest.mark.slow
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_runs(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    monkeypatch.chdir(path.parent)
    names: dict[str, object] = {}
    for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
        if cell["cell_type"] == "code":
            exec(compile("".join(cell["source"]), path.name, "exec"), names)
    matplotlib.pyplot.close("all")


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_is_committed_without_outputs(path: Path) -> None:
    notebook = json.loads(path.read_text(encoding="utf-8"))
    assert (notebook["nbformat"], notebook["nbformat_minor"]) == (4, 5)
    assert notebook["cells"][0]["cell_type"] == "markdown"
    for cell in notebook["cells"]:
        assert cell["id"]
        assert cell["cell_type"] == "markdown" or (cell["outputs"], cell["execution_count"]) == ([], None)
