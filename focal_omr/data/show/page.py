"""Overview page of a data set: figures as PNG and SVG, statistics, a table of symbols, and a contact
sheet."""

import html
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from focal_omr.data.contact import select_ids, sheet_entries, sheet_png, sheet_section
from focal_omr.data.degrade.augment import check_degradation
from focal_omr.data.engraving.column_shards import is_column_shard
from focal_omr.data.frequency import LEAST_COUNT, frequency_bins, symbol_counts
from focal_omr.data.primus.split import read_ids
from focal_omr.data.show.column_page import show_columns
from focal_omr.data.show.gallery import RenderedFigure, render_figures
from focal_omr.data.show.sources import Source, read_source
from focal_omr.data.show.summary import ranked, summarise, summary_rows
from focal_omr.encodings.names import symbol_name
from focal_omr.runtime.atomic_files import make_folder, write_together

__all__ = ["show_set"]

Labels = Sequence[Sequence[str]]
_STYLE = """
body { font: 16px/1.5 sans-serif; color: #222; background: #fff; }
body { max-width: 1000px; margin: 1.5em auto; padding: 0 1em; }
figure { margin: 2em 0; }
figure div, .table { overflow-x: auto; }
img { max-width: 100%; height: auto; }
.wide img { width: 1000px; max-width: none; }
table { border-collapse: collapse; }
th, td { padding: .2em .8em .2em 0; text-align: left; border-bottom: 1px solid #ddd; vertical-align: top; }
td.n, th.n { text-align: right; white-space: nowrap; }
code, dd { font-family: monospace; overflow-wrap: anywhere; }
dt { font-weight: bold; }
dd { margin: 0 0 1em; }
"""


def show_set(
    path: Path,
    out: Path,
    *,
    count: int = 12,
    seed: int = 1,
    degrade: str = "none",
    ids: Path | None = None,
    split: Path | None = None,
    min_count: int = LEAST_COUNT,
) -> list[str]:
    """Write `index.html`, the figures and, if there are images, `contact.png`: all files or none.

    Args:
        path: A data set of any kind that `read_source` reads, or shards of columns.
        out: The folder to write to.
        count: Maximum number of samples on the contact sheet.
        seed: Seed of the contact sheet; the same data set and seed give the same bytes.
        degrade: Degradation of the contact sheet, as for `contact.sheet_entries`.
        ids: A text file with one id per line, which restricts figures and contact sheet to these samples.
        split: A folder with train.txt, test.txt and optionally imbalance.txt, to draw their curves.
        min_count: Minimum number of occurrences of a symbol.

    Returns:
        The defects of the data set, one line each.

    Raises:
        DataError: There are no samples, the degradation is unknown, or an id does not exist.
        OutputError: The files cannot be written.
    """
    check_degradation(degrade)
    if path.is_dir() and any(map(is_column_shard, path.glob("*.tar"))):
        return show_columns(path, out, count=count, seed=seed, ids=ids)
    source = read_source(path)
    names = list(source.labels) if ids is None else select_ids(read_ids(ids), source.labels, path)
    labels = [source.labels[name] for name in names]
    parts = {} if split is None else _read_split(source, split)
    counts = {name: symbol_counts(part) for name, part in parts.items()}
    if parts:  # the sampled set is the list, or the parts together
        counts["sampled"] = symbol_counts(labels) if ids else counts["train"] + counts["test"]
    figures = render_figures(symbol_counts(labels), counts, min_count=min_count)
    sheet = b""
    section = "<p>The data set has no images.</p>"
    if source.staves:
        shown = sheet_entries(source.staves, names, count=count, seed=seed, degrade=degrade)
        sheet, section = sheet_png(shown), sheet_section(shown, degrade, seed)
    title = f"{_plural(len(labels), 'sample')} of {path.name or path.resolve().name}"
    page = _page(title, {"shown": labels, **parts}, figures, section, min_count)
    make_folder(out)
    files = {out / "contact.png": sheet} if sheet else {}
    for each in figures:
        files |= {out / f"{each.name}.png": each.png, out / f"{each.name}.svg": each.svg}
    write_together({**files, out / "index.html": page.encode()})
    return [str(defect) for defect in source.defects]


def _read_split(source: Source, folder: Path) -> dict[str, Labels]:
    """Labels of each part of a split, which may include samples that are not selected for the page."""
    parts: dict[str, Labels] = {}
    for name in ("train", "test", "imbalance"):
        file = folder / f"{name}.txt"
        if name == "imbalance" and not file.exists():
            continue
        parts[name] = [source.labels[each] for each in select_ids(read_ids(file), source.labels, file)]
    return parts


# HTML -------------------------------------------------------------------------------------------------------


def _page(
    title: str, sets: Mapping[str, Labels], figures: Sequence[RenderedFigure], section: str, min_count: int
) -> str:
    wide = ' class="wide"'
    summaries = {name: summarise(labels, min_count=min_count) for name, labels in sets.items()}
    head = ("", *summaries) if len(summaries) > 1 else ()
    numbers = _table(head, summary_rows(list(summaries.values()), min_count=min_count), text=1)
    shown = "\n".join(
        f'<figure id="{each.name}"><div{wide * (each.name == "bars")}>'
        f'<img src="{each.name}.svg" alt="{html.escape(each.alt)}"></div>'
        f"<figcaption>{html.escape(each.caption)} "
        f'<a href="{each.name}.png">PNG</a> <a href="{each.name}.svg">SVG</a></figcaption></figure>'
        for each in figures
    )
    return f"""<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{html.escape(title)}</title>
<style>{_STYLE}</style>
<h1>{html.escape(title)}</h1>
<p>{_plural(summaries["shown"].symbols, "symbol")}, {summaries["shown"].distinct:,} distinct.</p>
<h2>In numbers</h2>
{numbers}
<h2>Figures</h2>
{shown}
<h2>Every symbol</h2>
{_symbol_table(symbol_counts(sets["shown"]))}
<h2>Samples</h2>
{section}
</html>
"""


def _symbol_table(counts: Counter[str]) -> str:
    bins, total = frequency_bins(counts), counts.total()
    rows = (
        (
            html.escape(symbol_name(symbol)),
            f"<code>{html.escape(symbol)}</code>",
            bins[symbol],
            f"{counts[symbol]:,}",
            f"{counts[symbol] / total:.3%}",
        )
        for symbol in ranked(counts)
    )
    return _table(("name", "token", "bin", "count", "share"), rows, text=3)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]], *, text: int) -> str:
    """A table of HTML cells whose first `text` columns are left-aligned."""
    lines = [_row(head, "th", text)] if head else []
    lines += [_row(row, "td", text) for row in rows]
    return '<div class="table"><table>\n' + "\n".join(lines) + "\n</table></div>"


def _row(cells: Sequence[str], tag: str, text: int) -> str:
    classes = ("" if place < text else ' class="n"' for place in range(len(cells)))
    return (
        "<tr>"
        + "".join(f"<{tag}{c}>{cell}</{tag}>" for c, cell in zip(classes, cells, strict=True))
        + "</tr>"
    )


def _plural(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'s' if count != 1 else ''}"
