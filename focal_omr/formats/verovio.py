"""Verovio toolkit: MEI to SVG, MIDI and timemap, and other formats to MEI.

Verovio 6.4 often reports success with an empty score for text that is not music, and some malformed text
crashes the process. Input and output are therefore checked here.
"""

import base64
import json
import re
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

from focal_omr.errors import EngraveError

# One system as wide as its music, without header and footer.
ONE_STAFF: dict[str, Any] = {
    "adjustPageHeight": True,
    "adjustPageWidth": True,
    "breaks": "none",
    "footer": "none",
    "header": "none",
}
# A page as wide as A4, and at most as high.
PAGE: dict[str, Any] = {"adjustPageHeight": True, "footer": "none", "pageHeight": 2970}
_GAP_PX = 40  # between two pages of one SVG

# Text formats: Verovio's name, and a pattern that identifies the format in the first lines.
_INPUTS = {
    "mei": ("mei", re.compile(r"<mei\b")),
    "musicxml": ("musicxml", re.compile(r"<score-(partwise|timewise)\b")),
    "kern": ("humdrum", re.compile(r"(?:^|\t)\*\*kern\b", re.MULTILINE)),
    "abc": ("abc", re.compile(r"^X:", re.MULTILINE)),
    "pae": ("pae", re.compile(r"^@\w+:", re.MULTILINE)),
}
_DETECT_CHARS = 10_000  # Humdrum files may begin with a hundred lines of comments


class Engraver:
    """A Verovio toolkit with its options. Creating one takes milliseconds; reuse it.

    Args:
        options: Options by Verovio's names.
    """

    def __init__(self, **options: Any) -> None:
        import verovio  # deferred, so that importing the format names is quick

        verovio.enableLog(verovio.LOG_OFF)
        self._toolkit = verovio.toolkit()
        self._options = frozenset(self._toolkit.getDefaultOptions())
        self.set_options(**options)

    def set_options(self, **options: Any) -> None:
        """Change options by Verovio's names, until they are changed again.

        Raises:
            EngraveError: Verovio has no option of this name, or rejects its value.
        """
        # Verovio 6.4 silently accepts any name.
        if unknown := options.keys() - self._options:
            raise EngraveError(f"Verovio has no option {', '.join(sorted(unknown))}")
        if not self._toolkit.setOptions(options):
            raise EngraveError(f"Verovio refused the options {json.dumps(options)}")

    def svg(self, mei: str, *, page: int = 1) -> str:
        """A page of an MEI document, counted from 1, as SVG.

        Raises:
            EngraveError: Verovio could not read the document, or it has fewer pages.
        """
        self._load(mei, "mei")
        pages = self._toolkit.getPageCount()
        if not 1 <= page <= pages:
            raise EngraveError(f"page {page} of a score of {pages} page{'s' if pages > 1 else ''}")
        return str(self._toolkit.renderToSVG(page))

    def svg_document(self, mei: str) -> str:
        """All pages of an MEI document, as wide as A4, one below the other in one SVG.

        Raises:
            EngraveError: Verovio could not read the document.
        """
        self.set_options(**PAGE)
        self._load(mei, "mei")
        return _stack_pages(
            [self._toolkit.renderToSVG(page) for page in range(1, self._toolkit.getPageCount() + 1)]
        )

    def midi(self, mei: str) -> bytes:
        """An MEI document as a Standard MIDI File; repeats are played.

        Raises:
            EngraveError: Verovio could not read the document.
        """
        self._load(mei, "mei")
        return base64.b64decode(self._toolkit.renderToMIDI())

    def timemap(self, mei: str) -> list[dict[str, Any]]:
        """Verovio's timemap: onsets and offsets in ms (`tstamp`) and quarters (`qstamp`).

        Repeats are played; ids of the second time end with "-rend2".

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
        # Verovio 6.4 writes the music below "@data:", where its own reader does not find it.
        return str(self._toolkit.renderToPAE()).replace("@data:\n", "@data:")

    def mei(self, text: str, *, input_format: str = "auto") -> str:
        """Text of any format that Verovio reads, as MEI; the same text gives the same ids.

        Args:
            text: The score.
            input_format: "mei", "musicxml", "kern", "abc", "pae", or "auto" to detect it.

        Raises:
            EngraveError: An unknown format, or text that Verovio cannot read or finds no music in.
        """
        kind = input_format
        if kind == "auto":
            found = [name for name, (_, pattern) in _INPUTS.items() if pattern.search(text, 0, _DETECT_CHARS)]
            if not found:
                raise EngraveError(f"{text[:40]!r}... looks like none of {', '.join(_INPUTS)}")
            kind = found[0]
        if kind not in _INPUTS:
            raise EngraveError(f"an input format {kind!r}; known are auto, {', '.join(_INPUTS)}")
        if kind in _CHECKS and (reason := _CHECKS[kind](text)):
            raise EngraveError(f"{kind}: {reason}")
        self._load(text, kind)
        mei = str(self._toolkit.getMEI())
        if "<measure" not in mei:
            raise EngraveError(f"Verovio found no measure in this {kind} document")
        return mei

    def _load(self, data: str, kind: str) -> None:
        # The input format and the state of the id generator persist between calls: both are set every time.
        self._toolkit.setInputFrom(_INPUTS[kind][0])
        self._toolkit.resetXmlIdSeed(1)
        if not self._toolkit.loadData(data):
            raise EngraveError(f"Verovio could not read the score: {data[:80]!r}...")


def _stack_pages(pages: Sequence[str]) -> str:
    """One SVG of several pages in their paper size; ten of Verovio's pixels are 1 mm."""
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


def _check_kern(text: str) -> str | None:
    """What is wrong with the spines of a Humdrum text; Verovio 6.4 crashes on inconsistent ones."""
    if not _INPUTS["kern"][1].search(text):
        return "no column of notes: a line that begins with **kern is needed"
    spines = 0  # 0: no spine is open
    for number, line in enumerate(text.splitlines(), 1):
        if not line or line.startswith("!!"):
            continue
        if not line.startswith("!") and (digits := re.search(r"\d{10,}", line)):
            return f"line {number} has a number of {len(digits[0])} digits"
        fields = line.split("\t")
        if spines and len(fields) != spines:
            return f"line {number} has {len(fields)} columns; {spines} are needed"
        if not spines and not line.startswith("**"):
            return f"line {number} stands where no column is open"
        spines = len(fields)
        if line.startswith("*"):
            joined = sum(left == right == "*v" for left, right in pairwise(fields))
            spines += fields.count("*^") + fields.count("*+") - fields.count("*-") - joined
    return None


def _check_abc(text: str) -> str | None:
    """Why Verovio 6.4 would crash on an ABC text, or misread it; None: it would not."""
    if digits := re.search(r"^(?![A-Z]:)(?!%).*?(\d{7,})|^[LMQ]:.*?(\d{7,})", text, re.MULTILINE):
        return f"a number of {len(digits[1] or digits[2])} digits; no length or meter has so many"
    tunes = len(re.findall(r"^X:", text, re.MULTILINE))
    if tunes != 1:
        return f"{tunes} tunes (lines that begin with X:) in one text; exactly one is needed"
    keys = re.findall(r"(?:^K:|\[K:)\s*([^\]%\r\n]*)", text, re.MULTILINE)
    if not keys:
        return "no key: a line that begins with K: is needed"
    for number, line in enumerate(text.splitlines(), 1):
        if not re.match(r"[A-Za-z]:|%", line) and line.count("!") % 2:
            return f"line {number} has an unpaired '!'; a decoration stands between two"
    clefs = ("bass", "treble", "alto", "tenor")
    names = {  # without the clef and other words after the key
        "".join(word for word in key.split() if "=" not in word and word not in clefs).lower() for key in keys
    }
    if len(names - {""}) > 1:
        return f"the key changes ({', '.join(keys)}), which Verovio ignores in ABC"
    return None


_CHECKS: dict[str, Callable[[str], str | None]] = {"kern": _check_kern, "abc": _check_abc}
