"""Verovio: MEI to SVG, MIDI and a timemap, and every format that Verovio reads to MEI.

Verovio 6.4 is forgiving: from text that is no music it often makes an empty score and says that all is well,
and some malformed text ends the whole process. So what goes in is looked at first, and what comes out too.
"""

import base64
import json
import re
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

from focal_omr.errors import EngraveError

# One system as wide as its music, without page furniture.
ONE_STAFF: dict[str, Any] = {
    "adjustPageHeight": True,
    "adjustPageWidth": True,
    "breaks": "none",
    "footer": "none",
    "header": "none",
}
# A page as wide as A4, and as high or less where it is not full.
PAGE: dict[str, Any] = {"adjustPageHeight": True, "footer": "none", "pageHeight": 2970}
_GAP_PX = 40  # between two pages in one picture

# Our name of a text format -> Verovio's, and what gives such a text away in its first lines.
_INPUTS = {
    "mei": ("mei", re.compile(r"<mei\b")),
    "musicxml": ("musicxml", re.compile(r"<score-(partwise|timewise)\b")),
    "kern": ("humdrum", re.compile(r"(?:^|\t)\*\*kern\b", re.MULTILINE)),
    "abc": ("abc", re.compile(r"^X:", re.MULTILINE)),
    "pae": ("pae", re.compile(r"^@\w+:", re.MULTILINE)),
}
_LOOK_CHARS = 10_000  # humdrum files may begin with a hundred lines of comments


class Engraver:
    """A Verovio toolkit with its options; making one costs some milliseconds, so keep it."""

    def __init__(self, **options: Any) -> None:
        import verovio  # here: who only names formats need not wait for it

        verovio.enableLog(verovio.LOG_OFF)
        self._toolkit = verovio.toolkit()
        self._options = frozenset(self._toolkit.getDefaultOptions())
        self.set_options(**options)

    def set_options(self, **options: Any) -> None:
        """Change options by Verovio's names; they stay until they are changed again.

        Raises:
            EngraveError: Verovio has no option of this name.
        """
        # Verovio 6.4 takes any name without a word.
        if unknown := options.keys() - self._options:
            raise EngraveError(f"Verovio has no option {', '.join(sorted(unknown))}")
        if not self._toolkit.setOptions(options):
            raise EngraveError(f"Verovio refused the options {json.dumps(options)}")

    def svg(self, mei: str, *, page: int = 1) -> str:
        """A page (the first is 1) of an MEI document as SVG.

        Raises:
            EngraveError: Verovio could not read the document, or it has no such page.
        """
        self._load(mei, "mei")
        pages = self._toolkit.getPageCount()
        if not 1 <= page <= pages:
            raise EngraveError(f"page {page} of a score of {pages} page{'s' if pages > 1 else ''}")
        return str(self._toolkit.renderToSVG(page))

    def svg_document(self, mei: str) -> str:
        """All of an MEI document as one SVG: its pages, as wide as A4, one below the other.

        Raises:
            EngraveError: Verovio could not read the document.
        """
        self.set_options(**PAGE)
        self._load(mei, "mei")
        pages = [self._toolkit.renderToSVG(page) for page in range(1, self._toolkit.getPageCount() + 1)]
        return _stacked(pages)

    def midi(self, mei: str) -> bytes:
        """An MEI document as a Standard MIDI File; repeats are played.

        Raises:
            EngraveError: Verovio could not read the document.
        """
        self._load(mei, "mei")
        return base64.b64decode(self._toolkit.renderToMIDI())

    def timemap(self, mei: str) -> list[dict[str, Any]]:
        """What begins and ends when: Verovio's timemap, with times in ms (`tstamp`) and quarters (`qstamp`).

        Repeats are played; the second time, ids end with "-rend2".

        Raises:
            EngraveError: Verovio could not read the document.
        """
        self._load(mei, "mei")
        timemap: list[dict[str, Any]] = self._toolkit.renderToTimemap({"includeRests": True})
        return timemap

    def pae(self, mei: str) -> str:
        """The first staff of an MEI document as Plaine & Easie code, without a final double barline.

        Raises:
            EngraveError: Verovio could not read the document.
        """
        self._load(mei, "mei")
        # Verovio 6.4 writes the music below "@data:", where it does not look for it itself.
        return str(self._toolkit.renderToPAE()).replace("@data:\n", "@data:")

    def mei(self, text: str, *, input_format: str = "auto") -> str:
        """Text of any format that Verovio reads, as MEI; the same text gives the same ids.

        Args:
            text: The score.
            input_format: "mei", "musicxml", "kern", "abc", "pae", or "auto" to find out from its beginning.

        Raises:
            EngraveError: An unknown format, or text that Verovio cannot read or finds no music in.
        """
        kind = _recognized(text) if input_format == "auto" else input_format
        if kind not in _INPUTS:
            raise EngraveError(f"an input format {kind!r}; known are auto, {', '.join(_INPUTS)}")
        if reason := _CHECKS.get(kind, _no_reason)(text):
            raise EngraveError(f"{kind}: {reason}")
        self._load(text, kind)
        mei = str(self._toolkit.getMEI())
        if "<measure" not in mei:
            raise EngraveError(f"{kind}: Verovio found no measure of music in it")
        return mei

    def _load(self, data: str, kind: str) -> None:
        # The input format and the state of the id generator stay from call to call: both are set every time.
        self._toolkit.setInputFrom(_INPUTS[kind][0])
        self._toolkit.resetXmlIdSeed(1)
        if not self._toolkit.loadData(data):
            raise EngraveError(f"Verovio could not read the score: {data[:80]!r}...")


def _stacked(pages: Sequence[str]) -> str:
    """One SVG with several below each other, at the size of their paper: ten pixels of Verovio's are 1 mm."""
    sizes = [re.search(r'<svg[^>]*? width="([\d.]+)px"[^>]*? height="([\d.]+)px"', page) for page in pages]
    if not all(sizes):
        raise EngraveError("Verovio's SVG names no size in pixels")
    widths, heights = zip(*((float(size[1]), float(size[2])) for size in sizes if size), strict=True)
    total = sum(heights) + _GAP_PX * (len(pages) - 1)
    parts, top = [], 0.0
    for page, height in zip(pages, heights, strict=True):
        parts.append(page[page.index("<svg") :].replace("<svg", f'<svg y="{top:g}"', 1))
        top += height + _GAP_PX
    width = max(widths)
    size = f'width="{width / 10:g}mm" height="{total / 10:g}mm" viewBox="0 0 {width:g} {total:g}"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" {size}>'
    return "\n".join([head, *parts, "</svg>", ""])


def _recognized(text: str) -> str:
    for kind, (_, sign) in _INPUTS.items():
        if sign.search(text, 0, _LOOK_CHARS):
            return kind
    raise EngraveError(f"{text[:40]!r}... looks like none of {', '.join(_INPUTS)}")


def _no_reason(_: str) -> str | None:
    return None


def _kern_trouble(text: str) -> str | None:
    """Why the columns of a Humdrum text do not add up; Verovio 6.4 ends the process on such."""
    if not _INPUTS["kern"][1].search(text):
        return "no column of notes: a line that begins with **kern is needed"
    spines = 0  # as many as come: no column is open
    for number, line in enumerate(text.splitlines(), 1):
        if not line or line.startswith("!!"):
            continue
        fields = line.split("\t")
        if spines and len(fields) != spines:
            return f"line {number} has {len(fields)} columns; {spines} are needed"
        if not spines and not line.startswith("**"):
            return f"line {number} stands where no column is open"
        spines = _spines_after(fields) if line.startswith("*") else len(fields)
    return None


def _spines_after(fields: Sequence[str]) -> int:
    """How many spines there are after a line of interpretations."""
    ended = fields.count("*-")
    opened = fields.count("*^") + fields.count("*+")
    joined = sum(left == right == "*v" for left, right in pairwise(fields))
    return len(fields) - ended + opened - joined


def _abc_trouble(text: str) -> str | None:
    """Why Verovio 6.4 ends the process on an ABC text, or does not read it as it is meant."""
    if number := re.search(r"^(?![A-Z]:)(?!%).*?(\d{7,})|^[LMQ]:.*?(\d{7,})", text, re.MULTILINE):
        return f"a number of {len(number[1] or number[2])} digits; no length or meter has so many"
    tunes = len(re.findall(r"^X:", text, re.MULTILINE))
    if tunes != 1:
        return f"{tunes} tunes (lines that begin with X:) in one text; exactly one is needed"
    keys = re.findall(r"(?:^K:|\[K:)\s*([^\]%\r\n]*)", text, re.MULTILINE)
    if not keys:
        return "no key: a line that begins with K: is needed"
    if odd := [n for n, line in enumerate(text.splitlines(), 1) if _is_music(line) and line.count("!") % 2]:
        return f"line {odd[0]} has a '!' without a second one; a decoration stands between two"
    if len({_key_name(key) for key in keys} - {""}) > 1:
        return f"the key changes ({', '.join(keys)}), and Verovio loses that in ABC"
    return None


def _is_music(line: str) -> bool:
    return not re.match(r"[A-Za-z]:|%", line)


def _key_name(field: str) -> str:
    """The key of a K: field without the clef and other words after it."""
    clefs = ("bass", "treble", "alto", "tenor")
    words = [word for word in field.split() if "=" not in word and word not in clefs]
    return "".join(words).lower()


_CHECKS: dict[str, Callable[[str], str | None]] = {"kern": _kern_trouble, "abc": _abc_trouble}
