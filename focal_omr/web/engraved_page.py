"""One page of a document, engraved: its measures, with what holds there, in systems as on the scan."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import pairwise
from typing import NamedTuple
from xml.etree import ElementTree as ET

from focal_omr.document.document import Document, Page
from focal_omr.document.pieces import piece_part
from focal_omr.formats.mei_writer import event_id, mei_tree
from focal_omr.formats.verovio import Engraver
from focal_omr.score.beaming import beam_by_meter
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
from focal_omr.web.events import ScoreEvents, SymbolPlace
from focal_omr.web.svg import Drawn, Sign, plain_svg

_OPTIONS = {
    "adjustPageHeight": True,
    "breaks": "encoded",
    "footer": "none",
    "header": "none",
    "minLastJustification": 0.5,  # shorter ones stay short, as on the scan
    "pageHeight": 60000,  # the most that Verovio takes; pages break where the scan's do
    "svgFormatRaw": True,
    "svgRemoveXlink": True,
    "svgViewBox": True,
}
_SPACE = 18  # units of Verovio's page to a staff space
_MARGINS = 100
# Verovio's own spacing is wider than that of prints: 1.3 to 1.7 times on the pages at hand. At 1.15 times the
# print's nothing touched, and staves stay long enough to be read on a screen.
_WIDER = 1.15
_NARROWEST, _WIDEST = 600, 20_000
_EVENT = 60  # units for an event where no staff was measured
_SIGNS = (Clef, Key, Meter)  # in the order in which they are printed


@dataclass(frozen=True)
class PageScore:
    """The measures of a page that are of one piece, cut out of the score of their document.

    Attributes:
        score: They alone, with the clef, key and meter that hold before them.
        ids: For each part those of its events; None for the signs that were put before them.
    """

    score: Score
    ids: tuple[tuple[str | None, ...], ...]


def engraved_page(
    document: Document, page: Page, events: ScoreEvents, *, bars: Mapping[str, int], doubtful: Collection[str]
) -> str | None:
    """A page's measures as SVG without styles, its pieces below each other; None where there are none.

    Args:
        document: The document.
        page: One of its pages.
        events: Of its score.
        bars: The number in its piece of the bar in which the event of an id stands.
        doubtful: Ids of the events to be of the class "doubtful".

    Raises:
        EngraveError: Verovio could not engrave them.
    """
    parts = page_scores(document, page, events)
    if not parts:
        return None
    engraver = _engraver()
    engraver.set_options(pageWidth=_width(page, parts))
    drawn = []
    for part in parts:
        tree = mei_tree(part.score, ids=part.ids)
        signs = _prepare(tree, bars)
        drawn.append(Drawn(engraver.svg(ET.tostring(tree, encoding="unicode")), signs))
    return plain_svg(drawn, doubtful=doubtful)


@cache
def _engraver() -> Engraver:
    return Engraver(**_OPTIONS)


# The measures of a page ------------------------------------------------------------------------------------


def page_scores(document: Document, page: Page, events: ScoreEvents) -> list[PageScore]:
    """The measures of a page as scores of their own, one for each piece.

    Args:
        document: The document.
        page: One of its pages.
        events: Of its score.
    """
    places = [
        _by_measure(part, found) for part, found in zip(document.score.parts, events.places, strict=True)
    ]
    starts = [0] * len(places)  # of the piece, in each part
    scores = []
    for piece in document.pieces:
        ends = [start + len(piece_part(piece, n).measures) for n, start in enumerate(starts)]
        stretches = [_Stretch(*limits) for limits in zip(starts, ends, strict=True)][: len(piece.parts)]
        found = [part[s.start : s.end] for part, s in zip(places, stretches, strict=False)]
        if any(place.page == page.number for part in found for each in part for place in each):
            scores.append(_page_score(document.score, page, found, stretches))
        starts = ends
    return scores


class _Stretch(NamedTuple):
    """The measures of a part that are of one piece: from `start` to before `end`."""

    start: int
    end: int


_Places = list[list[SymbolPlace]]  # for each measure of a part, where it stands


def _page_score(
    score: Score, page: Page, parts: Sequence[_Places], stretches: Sequence[_Stretch]
) -> PageScore:
    """What of a piece stands on a page; a measure that the page's end cuts is on both pages."""
    on_page = sorted(
        {
            i
            for part in parts
            for i, each in enumerate(part)
            if any(place.page == page.number for place in each)
        }
    )
    first, last = on_page[0], on_page[-1]
    breaks = _breaks(page, parts)
    cut = [
        _cut(score.parts[number], number + 1, stretch, (first, last + 1), breaks)
        for number, stretch in enumerate(stretches)
    ]
    return PageScore(Score(tuple(part for part, _ in cut)), tuple(tuple(ids) for _, ids in cut))


def _by_measure(part: Part, places: Sequence[SymbolPlace | None]) -> _Places:
    waiting = iter(places)
    return [_measure_places(measure, waiting) for measure in part.measures]


def _measure_places(measure: Measure, waiting: Iterator[SymbolPlace | None]) -> list[SymbolPlace]:
    """Where the notes and rests of a measure stand; signs may announce it at the end of the line before."""
    pairs = [(event, next(waiting)) for event in flat_events(measure)]
    timed = [place for event, place in pairs if isinstance(event, Note | Rest | MultiRest)]
    return [place for place in (timed or [place for _, place in pairs]) if place]


def _breaks(page: Page, parts: Sequence[_Places]) -> set[int]:
    """The measures with which the systems of the page but the first begin, in their uppermost part."""
    begins = []
    for system in page.systems:
        staves = {(page.number, staff) for staff in system.staves}
        if any(place[:2] in staves for part in parts for places in part for place in places):
            opened = (
                next((i for i, places in enumerate(part) if places and places[0][:2] in staves), None)
                for part in parts
            )
            begins.append(next((index for index in opened if index is not None), None))
    return {index for index in begins[1:] if index is not None}


def _cut(
    part: Part, number: int, stretch: _Stretch, page: tuple[int, int], breaks: Collection[int]
) -> tuple[Part, list[str | None]]:
    """Measures of a part with what holds before them in their piece, and the ids of their events.

    Args:
        part: Of the document's score.
        number: Of the part, from 1.
        stretch: The measures of the piece.
        page: The first measure of the page and the one after its last, from the beginning of the piece.
        breaks: The measures with which systems begin, likewise.
    """
    own = part.measures[stretch.start : stretch.end]
    first, end = page
    before = [event for measure in own[:first] for event in flat_events(measure)]
    measures = [
        replace(measure, break_before="system" if index in breaks else None)
        for index, measure in enumerate(own[first:end], first)
    ]
    skipped = len(before) + sum(1 for measure in part.measures[: stretch.start] for _ in flat_events(measure))
    count = sum(1 for measure in measures for _ in flat_events(measure))
    ids: list[str | None] = [event_id(number, skipped + event) for event in range(count)]
    measures = measures or [Measure((), None)]
    measures[0], ids = _opened(measures[0], before, ids)
    return beam_by_meter(Part(tuple(measures), part.name)), ids


def _opened(
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


def _prepare(tree: ET.Element, bars: Mapping[str, int]) -> list[list[Sign]]:
    """Number the measures by their bars, and hide a meter that is not printed on the page.

    Returns:
        For each measure the signs that stand before it in a scoreDef.
    """
    signs: list[list[Sign]] = []
    waiting: list[Sign] = []
    for element in tree.iter():
        if element.tag == "scoreDef":
            waiting += _signs_of(element)
        elif element.tag == "measure":
            own = (identity for each in element.iter() if (identity := each.get("xml:id")) in bars)
            element.attrib.pop("n", None)
            if (first := next(own, None)) is not None:
                element.set("n", str(bars[first]))
            signs.append(waiting)
            waiting = []
    return signs


def _signs_of(score_def: ET.Element) -> list[Sign]:
    signs: list[Sign] = []
    for number, staff_def in enumerate(score_def.iter("staffDef")):
        for sign in staff_def:
            if identity := sign.get("xml:id"):
                signs.append(Sign(number, sign.tag, identity))
            elif sign.tag == "meterSig":
                sign.set("visible", "false")
    return signs


def _width(page: Page, parts: Sequence[PageScore]) -> int:
    """The width in Verovio's units at which systems are about as long as printed."""
    spaces = [
        float(reading.staff.xs[-1] - reading.staff.xs[0]) / reading.staff.space_px
        for reading in page.staves
        if reading.staff
    ]
    if spaces:
        width = _WIDER * _SPACE * max(spaces)
    else:
        width = _EVENT * max(_longest(part) for each in parts for part in each.score.parts)
    return round(min(max(width + _MARGINS, _NARROWEST), _WIDEST))


def _longest(part: Part) -> int:
    """The most events in a system."""
    starts = [index for index, measure in enumerate(part.measures) if index == 0 or measure.break_before]
    counts = [sum(1 for _ in flat_events(measure)) for measure in part.measures]
    return max(sum(counts[left:right]) for left, right in pairwise([*starts, len(counts)]))
