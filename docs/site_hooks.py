"""MkDocs hooks that add linked repository files and notebooks to the site.

On the repository's host, relative links work as they are, also to files outside docs/, such as
`../experiments/LOG.md`. Here such files are added to the site under `repository/`: Markdown as a page, other
files unchanged. Only absolute links lead to other hosts.
"""

import json
import posixpath
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

_LINK = re.compile(r"(?<=\]\()([^)\s]+)(?=\))|(?<=src=\")([^\"]+)(?=\")")
_CODE = re.compile(r"^ *```.*?^ *```|`[^`\n]*`", re.MULTILINE | re.DOTALL)
_OUTSIDE = "repository/"


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Append pages that are missing in the navigation."""
    docs = Path(config.docs_dir)
    named = set(re.findall(r"[\w/.-]+\.md", str(config.nav)))
    pages = sorted(path.relative_to(docs).as_posix() for path in docs.rglob("*.md"))
    more = [page for page in pages if page not in named and not page.startswith("results/")]
    if more:
        config.nav = [*(config.nav or []), {"More": more}]
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add notebooks as pages, and, recursively, linked files outside docs/."""
    root = Path(config.docs_dir).parent
    for notebook in sorted((root / "docs" / "notebooks").glob("*.ipynb")):
        name = f"notebooks/{notebook.stem}.md"
        files.append(File.generated(config, name, content=notebook_page(notebook)))
    todo = [file.src_uri for file in files if file.src_uri.endswith(".md")]
    while todo:
        page = todo.pop()
        text = files.src_uris[page].content_string
        for path in sorted(set(_linked(text, _repository_path(page)))):
            uri = _site_uri(path, root)
            if uri in files.src_uris or not (root / path).exists():
                continue  # MkDocs reports broken links
            if (root / path).is_dir():
                files.append(File.generated(config, uri, content=folder_page(root / path, path)))
            else:
                files.append(File.generated(config, uri, abs_src_path=str(root / path)))
            if uri.endswith(".md"):
                todo.append(uri)
    return files


def on_page_markdown(markdown: str, *, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Rewrite the links of a page to the locations on the site."""
    here = page.file.src_uri
    root = Path(config.docs_dir).parent

    def moved(match: re.Match[str]) -> str:
        path, anchor = _split(match.group())
        target = _resolved(path, _repository_path(here))
        if target is None or not (root / target).exists():
            return match.group()
        return posixpath.relpath(_site_uri(target, root), posixpath.dirname(here) or ".") + anchor

    return "".join(text if is_code else _LINK.sub(moved, text) for is_code, text in _code_and_text(markdown))


def notebook_page(path: Path) -> str:
    """A notebook as Markdown, with a link to the file."""
    parts = []
    for number, cell in enumerate(json.loads(path.read_text(encoding="utf-8"))["cells"]):
        source = "".join(cell["source"])
        parts.append(source if cell["cell_type"] == "markdown" else f"```python\n{source}\n```")
        if number == 0:
            parts.append(f"This page is a notebook: [{path.name}]({path.name}).")
    return "\n\n".join(parts) + "\n"


def folder_page(folder: Path, name: str) -> str:
    """A page that lists the files of a linked folder."""
    files = sorted(path.name for path in folder.iterdir() if path.is_file())
    return f"# {name}\n\n" + "".join(f"- [{each}]({each})\n" for each in files)


def _code_and_text(markdown: str) -> Iterator[tuple[bool, str]]:
    end = 0
    for match in _CODE.finditer(markdown):
        yield False, markdown[end : match.start()]
        yield True, match.group()
        end = match.end()
    yield False, markdown[end:]


def _linked(markdown: str, page: str) -> Iterator[str]:
    """Paths within the repository that a page links to."""
    for is_code, text in _code_and_text(markdown):
        for match in _LINK.finditer("" if is_code else text):
            target = _resolved(_split(match.group())[0], page)
            if target is not None:
                yield target


def _split(link: str) -> tuple[str, str]:
    path, hash_, anchor = link.partition("#")
    return path, hash_ + anchor


def _resolved(path: str, page: str) -> str | None:
    """The repository path of a relative link; None for other links."""
    if not path or "://" in path or path.startswith(("mailto:", "/")):
        return None
    resolved = posixpath.normpath(posixpath.join(posixpath.dirname(page), path))
    return None if resolved.startswith("..") else resolved


def _repository_path(uri: str) -> str:
    return uri.removeprefix(_OUTSIDE) if uri.startswith(_OUTSIDE) else f"docs/{uri}"


def _site_uri(path: str, root: Path) -> str:
    """The site path of a repository file, or of the listing page of a folder."""
    uri = path.removeprefix("docs/") if path.startswith("docs/") else _OUTSIDE + path
    return f"{uri}/index.md" if (root / path).is_dir() else uri


def on_post_build(config: MkDocsConfig, **_: Any) -> None:
    """Remove the sitemap, which needs a fixed host name."""
    for name in ("sitemap.xml", "sitemap.xml.gz"):
        (Path(config.site_dir) / name).unlink(missing_ok=True)
