"""Overview page of polyphonic shards: what they hold, how often each value occurs, and labelled staves."""

import html
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

import cv2
import numpy as np

from focal_omr.data.contact import select_ids
from focal_omr.data.engraving.column_shards import StoredStaff, column_shard_index
from focal_omr.data.primus.split import read_ids
from focal_omr.data.show.labelled_staff import draw_label
from focal_omr.encodings.column_factors import FACTORS, POSITIONS
from focal_omr.errors import DataError
from focal_omr.runtime.atomic_files import make_folder, write_together

__all__ = ["factor_counts", "show_columns"]

_RULE_PX = 8  # between two staves of the sheet


def show_columns(
    folder: Path, out: Path, *, count: int = 12, seed: int = 1, ids: Path | None = None
) -> list[str]:
    """Write `index.html` and `contact.png`, staves with their labels drawn over them.

    Args:
        folder: Shards of `write_column_shards`.
        out: The folder to write to.
        count: Maximum number of staves on the contact sheet.
        seed: Determines which ones; the same shards and seed give the same bytes.
        ids: A text file with one id per line: only these staves.

    Returns:
        No defects: an unreadable staff is an error.

    Raises:
        DataError: A shard cannot be read, or an id does not exist.
        OutputError: The files cannot be written.
    """
    staves = {
        staff.id: staff for shard in sorted(folder.glob("*.tar")) for staff in column_shard_index(shard)
    }
    names = sorted(staves) if ids is None else select_ids(read_ids(ids), staves, folder)
    chosen = [staves[names[int(i)]] for i in np.random.default_rng(seed).permutation(len(names))[:count]]
    sheet = _sheet(sorted(chosen, key=lambda staff: staff.id))
    shown = [staves[name] for name in names]
    page = _page(f"{len(names):,} staves of {folder.name or folder.resolve().name}", shown)
    make_folder(out)
    png = bytes(cv2.imencode(".png", sheet)[1])
    write_together({out / "contact.png": png, out / "index.html": page.encode()})
    return []


def factor_counts(staves: Iterable[StoredStaff]) -> dict[str, Counter[str]]:
    """How often each value of each factor occurs; values of positions are counted over all positions.

    Values that never occur are counted 0.
    """
    totals = [np.zeros(len(factor.values) + 1, np.int64) for factor in FACTORS]  # the last one: not asked
    for staff in staves:
        for column, total in zip(staff.label().factors.T, totals, strict=True):
            total += np.bincount(column.astype(np.int64) % len(total), minlength=len(total))
    found: dict[str, Counter[str]] = {}
    for factor, total in zip(FACTORS, totals, strict=True):
        place, _, what = factor.name.partition(".")
        name = what if place.lstrip("-").isdecimal() else factor.name
        counts = found.setdefault(name, Counter())
        for value, number in zip(factor.values, total[:-1].tolist(), strict=True):
            counts[str(value)] += number
    return found


def _sheet(staves: Sequence[StoredStaff]) -> cv2.typing.MatLike:
    if not staves:
        raise DataError("no staves to show")
    drawn = []
    for staff in staves:
        image = draw_label(staff.gray(), staff.label(), staff.staff)
        cv2.putText(
            image, f"{staff.id} {staff.texture}", (4, 12), cv2.FONT_HERSHEY_SIMPLEX, 0.38, (0, 0, 0), 1
        )
        drawn.append(image)
    width = max(image.shape[1] for image in drawn)
    pads = ((0, _RULE_PX), (0, 0))
    return np.vstack(
        [
            np.pad(image, (pads[0], (0, width - image.shape[1]), pads[1]), constant_values=128)
            for image in drawn
        ]
    )


def _page(title: str, staves: Sequence[StoredStaff]) -> str:
    textures = Counter(staff.texture for staff in staves)
    columns = Counter(dict.fromkeys(textures, 0))
    for staff in staves:
        columns[staff.texture] += staff.count
    rows = [f"<tr><td>{t}</td><td>{textures[t]:,}</td><td>{columns[t]:,}</td></tr>" for t in sorted(textures)]
    lists = []
    for name, counts in factor_counts(staves).items():
        values = ", ".join(f"{html.escape(v)} {n:,}" for v, n in counts.most_common())
        lists.append(f"<dt>{html.escape(name)}</dt><dd>{values}</dd>")
    return f"""<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<title>{html.escape(title)}</title>
<style>body {{ font: 16px/1.5 sans-serif; margin: 1.5em }} td, th {{ padding-right: 1em }}</style>
<h1>{html.escape(title)}</h1>
<table><tr><th>texture</th><th>staves</th><th>columns</th></tr>
{"".join(rows)}</table>
<h2>Staves</h2>
<p>Rings: the heads that the columns say, at the x of the column; red and above: stems up; blue and below:
stems down; green: third stem; violet: signs. Boxes: every element drawn; pale ones are of other staves.</p>
<img src="contact.png" alt="Staves with their labels">
<h2>Values of the factors</h2>
<p>Heads, accidentals, ties and kinds are counted over {len(POSITIONS)} positions.</p>
<dl>
{"".join(lists)}
</dl>
</html>
"""
