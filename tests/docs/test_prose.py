"""Phrases of earlier texts that must not come back in the documentation and in docstrings.

Earlier texts paraphrased the standard terms of the field. The table has one row per phrase, with the term to
use instead and an example that the pattern must find. `proselint` (see CONTRIBUTING.md) covers general style.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "focal_omr"
# docs/reference/cli.md holds the help texts of all commands.
FOLDERS = ("docs", "docs/how-to", "docs/tutorials", "docs/reference")
DOCUMENTS = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "examples/README.md")),
    PACKAGE / "weights" / "MODEL_CARD.md",
    *(path for folder in FOLDERS for path in sorted((ROOT / folder).glob("*.md"))),
]
MODULES = sorted(PACKAGE.rglob("*.py"))

# (pattern, what to write instead, example)
RULES = [
    (r"\bso many\b", "the number of ...", "how it is done with so many samples"),
    (r"\b(every )?so \w+ieth\b|\bmanieth\b", "every n-th", "gets every so manieth staff"),
    (
        r"\bof which (none|some|each|all of)\b",
        "a sentence of its own",
        "1,000 documents, of which none failed",
    ),
    (r"\bworn\b|\bwears?\b", "degraded, degradation", "each staff is worn anew"),
    (r"\bplates?\b", "staff image", "an index of plates"),
    (r"\bmend(s|ed|ing)?\b(?![:\"])", "edit, correct", "the score as mended"),
    (r"\b(am|is|are|was|were|be|been) told\b", "is passed, is called with", "the caller is told so"),
    (r"\bwhat came of\b", "outcome, status", "what came of each document"),
    (r"\bmodest\b", "limited resources", "be modest with memory"),
    (r"\bpictures?\b(?![:\"])", "image", "pictures of single staves"),
    (r"\b(by bytes|multipl(y|ies|ying) bytes)\b", "dynamic int8 quantisation", "layers that multiply bytes"),
    (r"\bfurniture\b", "distractors", "the furniture around the notes"),
    (r"\b(study|run|training|server|command|project) goes on\b", "continues, resumes", "the study goes on"),
    (r"\bis not done again\b", "is skipped", "what is done is not done again"),
    (r"\bfrom nothing\b", "from scratch", "to train from nothing"),
    (r"\bwhere from\b", "source", "figure and where from"),
    (r"\bthe chances? (of|that)\b", "probability", "the chance of being wrong"),
    (r"\bquick(er|est)\b", "faster, fastest", "it is quicker so"),
    (r"\bheld still\b", "detached, fixed", "the weights are held still"),
    (r"\bturned down\b", "reduced", "the loss is turned down"),
    (r"\bcomes? into question\b", "candidates", "classes that come into question"),
    (r"\bwhole or not (at all|there)\b", "atomically", "rows are added whole or not at all"),
    (r"\ball else\b", "everything else, other", "all else is equal"),
    (r"\bas if photographed\b|\bas it came\b", "the standard term", "pixels of the page as it came"),
    (r"\bby way of\b", "through", "by way of the package"),
    (r"\bto set beside\b", "do not compare", "no figures to set beside those"),
    (r"\bprocess(es)? of (its|their) own\b", "worker process", "read in a process of its own"),
    (r"\bforeign files?\b", "untrusted files", "reads foreign files"),
]


def _prose(markdown: str) -> str:
    """Markdown with code and comments blanked; lines keep their numbers."""
    code = re.compile(r"^ *```.*?^ *```$|<!--.*?-->|`[^`\n]*`", re.MULTILINE | re.DOTALL)
    return code.sub(lambda match: re.sub(r"[^\n]", " ", match[0]), markdown)


def _docstrings(path: Path) -> Iterator[tuple[int, str]]:
    """Line and text of the docstrings of a file, code in backticks removed."""
    documented = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, documented) and (text := ast.get_docstring(node)):
            yield getattr(node, "lineno", 1), re.sub(r"`[^`]*`", "", text)


def _findings(text: str) -> list[tuple[int, str]]:
    """Line and message of each phrase of the table; a phrase may span lines."""
    found = []
    for pattern, instead, _ in RULES:
        for match in re.finditer(pattern.replace(" ", r"\s+"), text, re.IGNORECASE):
            line = text.count("\n", 0, match.start()) + 1
            found.append((line, f"{' '.join(match[0].split())!r}: write {instead!r}"))
    return sorted(found)


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_documents_use_standard_terms(path: Path) -> None:
    assert _findings(_prose(path.read_text(encoding="utf-8"))) == []


def test_docstrings_use_standard_terms() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{line}: {message}"
        for path in MODULES
        for line, text in _docstrings(path)
        for _, message in _findings(text)
    ]
    assert found == []


def test_module_docstrings_open_with_a_noun() -> None:
    texts = {path: ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or "" for path in MODULES}
    opening = re.compile(r"(What|Where|How|Which|Whether)\b")
    assert [path for path, text in texts.items() if opening.match(text)] == []


@pytest.mark.parametrize(("pattern", "instead", "example"), RULES)
def test_a_phrase_of_the_table_is_found(pattern: str, instead: str, example: str) -> None:
    del pattern
    planted = f"# Title\n\nPlain text, and {example.replace(' ', chr(10), 1)}.\n\n```sh\n{example}\n```\n"
    findings = _findings(_prose(planted))
    assert any(message.endswith(f"write {instead!r}") for _, message in findings)
    assert all(line in (3, 4) for line, _ in findings)  # nothing in the code block
