"""Engraving of one page of a document, in systems as on the scan, with the signs that hold at its start."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from functools import cache
from itertools import pairwise
from xml.etree import ElementTree as ET

from focal_omr.document.document import Document, Page, StaffReading
from focal_omr.editing.hearing import map_notes
from focal_omr.formats.mei_score_writer import write_mei_score
from focal_omr.formats.mei_terms import ID, MEI_NAMESPACE
from focal_omr.formats.verovio import Engraver
from focal_omr.score.beams import beam_by_meter
from focal_omr.score.score import (
    Chord,
    Ending,
    Glissando,
    Measure,
    Meter,
    Note,
    Part,
    Score,
    Sign,
    Slur,
    TrillLine,
    Tuplet,
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


def engraved_page(
    document: Document, page: Page, *, bars: Mapping[str, int], doubtful: Collection[str]
) -> str | None:
    """A page's measures as SVG without styles, pieces stacked; None if it has none.

    Args:
        document: The document.
        page: One of its pages.
        bars: Bar number in its piece for each id of an event, sign or note on the page.
        doubtful: Ids of those that get the class "doubtful".

    Raises:
        EngraveError: Verovio could not engrave them.
    """
    scores = page_scores(document, page)
    if not scores:
        return None
    engraver = _engraver()
    engraver.set_options(pageWidth=_width(page, scores))
    engraved = []
    for score in scores:
        mei = write_mei_score(beam_by_meter(score)).replace(f' xmlns="{MEI_NAMESPACE}"', "", 1)
        tree = ET.fromstring(mei)
        signs = _prepare(tree, bars)
        tree.set("xmlns", MEI_NAMESPACE)
        engraved.append(EngravedScore(engraver.svg(ET.tostring(tree, encoding="unicode")), signs))
    silent = (id_ for reading in page.staves for id_ in reading.silent_events)
    return plain_svg(engraved, ids={*bars, *silent}, doubtful=doubtful)


@cache
def _engraver() -> Engraver:
    return Engraver(**_OPTIONS)


# The measures of a page ------------------------------------------------------------------------------------


def page_scores(document: Document, page: Page) -> list[Score]:
    """The measures of a page, one score per piece, with the clef, key and meter that hold before them."""
    scores = []
    for number, piece in enumerate(document.pieces, 1):
        systems = [
            [page.staves[staff] for staff in system.staves if page.staves[staff].piece == number]
            for system in page.systems
        ]
        where = {id_: n for part in piece.parts for n, m in enumerate(part.measures) for id_ in _ids(m)}
        begins = {ids[0]: n for part in piece.parts for n, m in enumerate(part.measures) if (ids := _ids(m))}
        on_page = [
            where[id_] for system in systems for staff in system for id_ in _on_paper(staff) if id_ in where
        ]
        if on_page:  # a measure that is split by the end of the page is on both pages
            shown = range(min(on_page), max(on_page) + 1)
            # Systems begin, but for the first, where their topmost staff has its first measure.
            starts = []
            for system in systems:
                firsts = ([begins[id_] for id_ in _on_paper(staff) if id_ in begins] for staff in system)
                starts += [min(first) for first in firsts if first][:1]
            breaks = set(starts[1:])
            parts = tuple(_cut(part, shown, breaks) for part in piece.parts)
            scores.append(replace(piece, parts=parts, title=""))
    return scores


def _ids(measure: Measure) -> list[str]:
    """The ids of the notes and rests of a measure, or of its signs if it has nothing else.

    Signs may announce a measure at the end of the line before it.
    """
    events = [event.id for voice in measure.voices for event in voice.events]
    return events or [sign.id for sign in measure.signs if sign.id]


def _on_paper(reading: StaffReading) -> list[str]:
    return [*(symbol.event for symbol in reading.symbols if symbol.event), *reading.silent_events]


def _cut(part: Part, shown: range, breaks: Collection[int]) -> Part:
    """Some measures of a part, with the signs that hold before them.

    Args:
        part: A part of a piece.
        shown: The measures.
        breaks: First measures of systems.
    """
    measures = [
        replace(measure, break_before="system" if index in breaks else None)
        for index, measure in enumerate(part.measures[shown.start : shown.stop], shown.start)
    ]
    measures[0] = _with_signs(measures[0], part.measures[: shown.start], part.staves)
    kept = {measure.id for measure in measures}
    for event in (event for measure in measures for voice in measure.voices for event in voice.events):
        kept |= {event.id, *(note.id for note in event.notes)} if isinstance(event, Chord) else {event.id}

    def untied(note: Note) -> Note:
        return replace(note, tie_to="") if note.tie_to and note.tie_to not in kept else note

    measures = [map_notes(measure, untied) for measure in measures]
    spanners = []
    for spanner in part.spanners:
        if isinstance(spanner, Slur | Tuplet | Glissando | TrillLine | Ending):
            ends = {id_ for id_ in (spanner.start, spanner.end) if id_}
        else:
            ends = {spanner.start.measure, spanner.end.measure}
        if kept >= ends:
            spanners.append(spanner)
    return replace(part, measures=tuple(measures), spanners=tuple(spanners))


def _with_signs(measure: Measure, before: Iterable[Measure], staves: int) -> Measure:
    """The first measure with the signs that hold before it and are not printed at its beginning."""
    holding: dict[tuple[type, int], Sign] = {}
    for sign in (sign for each in before for sign in sorted(each.signs, key=lambda sign: sign.onset)):
        for staff in [sign.staff] if sign.staff else range(1, staves + 1):
            holding[type(sign.value), staff] = sign
    own = {(type(sign.value), sign.staff) for sign in measure.signs if sign.onset == 0}
    added = [
        replace(sign, onset=Fraction(0), staff=staff, graces=0, printed=kind is not Meter, id="")
        for (kind, staff), sign in holding.items()
        if not own & {(kind, None), (kind, staff)}
    ]
    after = None if measure.left_after is None else measure.left_after + len(added)
    return replace(measure, signs=(*added, *measure.signs), left_after=after)


# Its engraving ---------------------------------------------------------------------------------------------


def _prepare(tree: ET.Element, bars: Mapping[str, int]) -> list[list[ScoreDefSign]]:
    """Number the measures by their bars.

    Returns:
        For each measure, the signs of the scoreDef before it.
    """
    signs: list[list[ScoreDefSign]] = []
    pending: list[ScoreDefSign] = []
    for element in tree.iter():
        if element.tag == "scoreDef":
            for staff_def in element.iter("staffDef"):
                staff = int(staff_def.get("n", "1")) - 1
                pending += [ScoreDefSign(staff, s.tag, s.get(ID, "")) for s in staff_def if s.get(ID)]
        elif element.tag == "measure":
            numbered = (each.get(ID, "") for each in element.iter())
            first = next((identity for identity in numbered if identity in bars), None)
            element.attrib.pop("n", None)
            if first is not None:
                element.set("n", str(bars[first]))
            signs.append(pending)
            pending = []
    return signs


def _width(page: Page, scores: Sequence[Score]) -> int:
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
        for part in (part for score in scores for part in score.parts):
            starts = [i for i, measure in enumerate(part.measures) if i == 0 or measure.break_before]
            counts = [len(_ids(measure)) + len(measure.signs) for measure in part.measures]
            longest = max(sum(counts[left:right]) for left, right in pairwise([*starts, len(counts)]))
            width = max(width, _UNITS_PER_EVENT * longest)
    return round(min(max(width + _MARGIN_UNITS, _MIN_WIDTH), _MAX_WIDTH))
