"""Engraving of one page of a document, in systems as on the scan, with the signs that hold at its start."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import pairwise
from xml.etree import ElementTree as ET

from focal_omr.document.document import Document, Page
from focal_omr.document.events import SymbolPlace, event_places
from focal_omr.encodings.to_one_voice import from_score
from focal_omr.formats.mei_writer import mei_tree
from focal_omr.formats.verovio import Engraver
from focal_omr.score.beaming import beam_by_meter
from focal_omr.score.event_ids import event_id
from focal_omr.score.records import (
    Clef,
    Event,
    Key,
    Measure,
    Meter,
    MultiRest,
    Note,
    Part,
    Rest,
    Score,
    flat_events,
)
from focal_omr.web.svg import EngravedScore, ScoreDefSign, plain_svg

_OPTIONS = {
    "adjustPageHeight": True,
    "breaks": "encoded",
    "footer": "none",
    "header": "none",
    "minLastJustification": 0.5,  # shorter systems stay short, as on the scan
    "pageHeight": 60000,  # Verovio's maximum: pages break where the scan's do
    "svgFormatRaw": True,
    "svgRemoveXlink": True,
    "svgViewBox": True,
}
_UNITS_PER_SPACE = 18  # Verovio's page units per staff space
_MARGIN_UNITS = 100
# Verovio's own spacing is 1.3 to 1.7 times as wide as that of the scans at hand. At 1.15 times the scan's
# width nothing touches, and staves are still large enough to read on a screen.
_STRETCH = 1.15
_MIN_WIDTH, _MAX_WIDTH = 600, 20_000
_UNITS_PER_EVENT = 60  # where no staff was measured
_SIGNS = (Clef, Key, Meter)  # in the order in which they are printed

_MeasurePlaces = list[list[SymbolPlace]]  # for each measure of a part, the places of its events


@dataclass(frozen=True)
class PageScore:
    """The measures of one piece on a page, cut out of the document's score.

    Attributes:
        score: The measures, with the clef, key and meter that hold before them.
        ids: For each part, the ids of its events; None for the signs that were put before them.
    """

    score: Score
    ids: tuple[tuple[str | None, ...], ...]


def engraved_page(
    document: Document, page: Page, *, bars: Mapping[str, int], doubtful: Collection[str]
) -> str | None:
    """A page's measures as SVG without styles, pieces stacked; None if it has none.

    Args:
        document: The document.
        page: One of its pages.
        bars: Bar number in its piece for each event id.
        doubtful: Ids of the events that get the class "doubtful".

    Raises:
        EngraveError: Verovio could not engrave them.
    """
    pieces = page_scores(document, page)
    if not pieces:
        return None
    engraver = _engraver()
    engraver.set_options(pageWidth=_width(page, pieces))
    engraved = []
    for piece in pieces:
        tree = mei_tree(piece.score, ids=piece.ids)
        signs = _prepare(tree, bars)
        engraved.append(EngravedScore(engraver.svg(ET.tostring(tree, encoding="unicode")), signs))
    return plain_svg(engraved, doubtful=doubtful)


@cache
def _engraver() -> Engraver:
    return Engraver(**_OPTIONS)


# The measures of a page ------------------------------------------------------------------------------------


def page_scores(document: Document, page: Page) -> list[PageScore]:
    """The measures of a page, one score per piece."""
    parts = from_score(document.score)[0].parts
    found_places = event_places(document.pages)
    places = [_by_measure(number, part, found_places) for number, part in enumerate(parts, 1)]
    starts = [0] * len(parts)  # first measure of the piece, in each part
    scores = []
    for piece in document.pieces:
        length = len(from_score(piece)[0].parts[0].measures)
        ends = [start + length for start in starts]
        spans = [range(*span) for span in zip(starts, ends, strict=True)][: len(piece.parts)]
        found = [part[span.start : span.stop] for part, span in zip(places, spans, strict=False)]
        on_page = [
            index
            for part in found
            for index, measure in enumerate(part)
            if any(place.page == page.number for place in measure)
        ]
        if on_page:  # a measure that is split by the end of the page is on both pages
            shown = range(min(on_page), max(on_page) + 1)
            breaks = _system_starts(page, found)
            cut = [
                _cut(part, number, spans[number - 1], shown, breaks)
                for number, part in enumerate(parts[: len(spans)], 1)
            ]
            scores.append(
                PageScore(Score(tuple(part for part, _ in cut)), tuple(tuple(ids) for _, ids in cut))
            )
        starts = ends
    return scores


def _by_measure(number: int, part: Part, places: Mapping[str, SymbolPlace]) -> _MeasurePlaces:
    """The places of the notes and rests of each measure, or of its signs if it has nothing else.

    Signs may announce a measure at the end of the line before it.

    Args:
        number: Number of the part, from 1.
        part: The part.
        places: The place of each event by its id.
    """
    result = []
    for bar, measure in enumerate(part.measures, 1):
        pairs = [
            (event, places.get(event_id(number, bar, index)))
            for index, event in enumerate(flat_events(measure), 1)
        ]
        timed = [place for event, place in pairs if isinstance(event, Note | Rest | MultiRest)]
        result.append([place for place in (timed or [place for _, place in pairs]) if place])
    return result


def _system_starts(page: Page, parts: Sequence[_MeasurePlaces]) -> set[int]:
    """First measures of all systems of the page but the first, by the topmost part that has one."""
    starts = []
    for system in page.systems:
        staves = {(page.number, staff) for staff in system.staves}
        if any(place[:2] in staves for part in parts for places in part for place in places):
            firsts = (
                next((i for i, places in enumerate(part) if places and places[0][:2] in staves), None)
                for part in parts
            )
            starts.append(next((index for index in firsts if index is not None), None))
    return {index for index in starts[1:] if index is not None}


def _cut(
    part: Part, number: int, piece: range, page: range, breaks: Collection[int]
) -> tuple[Part, list[str | None]]:
    """Measures of a part with the signs that hold before them in their piece, and the ids of their events.

    Args:
        part: A part of the document's score.
        number: Its number, from 1.
        piece: The measures of the piece.
        page: The measures on the page, counted from the start of the piece.
        breaks: First measures of systems, counted likewise.
    """
    own = part.measures[piece.start : piece.stop]
    before = [event for measure in own[: page.start] for event in flat_events(measure)]
    measures = [
        replace(measure, break_before="system" if index in breaks else None)
        for index, measure in enumerate(own[page.start : page.stop], page.start)
    ]
    ids: list[str | None] = [
        event_id(number, bar, index)
        for bar, measure in enumerate(measures, piece.start + page.start + 1)
        for index, _ in enumerate(flat_events(measure), 1)
    ]
    measures = measures or [Measure((), None)]
    measures[0], ids = _with_signs(measures[0], before, ids)
    return beam_by_meter(Part(tuple(measures), part.name)), ids


def _with_signs(
    measure: Measure, before: Sequence[Event], ids: Sequence[str | None]
) -> tuple[Measure, list[str | None]]:
    """The first measure with the signs that hold before it and are not printed at its beginning."""
    lead = next((i for i, event in enumerate(measure.events) if not isinstance(event, _SIGNS)), None)
    count = len(measure.events) if lead is None else lead
    signs = list(zip(measure.events[:count], ids[:count], strict=True))
    for kind in _SIGNS:
        holding = next((event for event in reversed(before) if isinstance(event, kind)), None)
        if holding and not any(isinstance(event, kind) for event, _ in signs):
            signs.append((holding, None))
    signs.sort(key=lambda pair: _SIGNS.index(type(pair[0])))
    events = (*(event for event, _ in signs), *measure.events[count:])
    return replace(measure, events=events), [*(each for _, each in signs), *ids[count:]]


# Its engraving ---------------------------------------------------------------------------------------------


def _prepare(tree: ET.Element, bars: Mapping[str, int]) -> list[list[ScoreDefSign]]:
    """Number the measures by their bars, and hide meters that are not printed on the page.

    Returns:
        For each measure, the signs of the scoreDef before it.
    """
    signs: list[list[ScoreDefSign]] = []
    pending: list[ScoreDefSign] = []
    for element in tree.iter():
        if element.tag == "scoreDef":
            for staff, staff_def in enumerate(element.iter("staffDef")):
                for sign in staff_def:
                    if identity := sign.get("xml:id"):
                        pending.append(ScoreDefSign(staff, sign.tag, identity))
                    elif sign.tag == "meterSig":
                        sign.set("visible", "false")
        elif element.tag == "measure":
            numbered = (each.get("xml:id", "") for each in element.iter())
            first = next((identity for identity in numbered if identity in bars), None)
            element.attrib.pop("n", None)
            if first is not None:
                element.set("n", str(bars[first]))
            signs.append(pending)
            pending = []
    return signs


def _width(page: Page, pieces: Sequence[PageScore]) -> int:
    """Page width in Verovio's units at which systems are about as long as on the scan."""
    spaces = [
        float(reading.staff.xs[-1] - reading.staff.xs[0]) / reading.staff.space_px
        for reading in page.staves
        if reading.staff
    ]
    if spaces:
        width = _STRETCH * _UNITS_PER_SPACE * max(spaces)
    else:
        width = 0
        for part in (part for piece in pieces for part in piece.score.parts):
            starts = [i for i, measure in enumerate(part.measures) if i == 0 or measure.break_before]
            counts = [sum(1 for _ in flat_events(measure)) for measure in part.measures]
            longest = max(sum(counts[left:right]) for left, right in pairwise([*starts, len(counts)]))
            width = max(width, _UNITS_PER_EVENT * longest)
    return round(min(max(width + _MARGIN_UNITS, _MIN_WIDTH), _MAX_WIDTH))
