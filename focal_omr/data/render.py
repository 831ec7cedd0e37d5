"""Scores engraved as they are printed: Verovio in its five fonts, with the furniture that surrounds notes.

What is not transcribed (lyrics, dynamics, slurs, fingering, text, ornaments) is drawn into the pictures, so
that a network learns to read past it.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from random import Random
from xml.etree import ElementTree as ET

import cv2
import numpy as np
import resvg_py
from numpy.typing import NDArray

from focal_omr.errors import EngraveError
from focal_omr.notation.beaming import beam_by_meter
from focal_omr.notation.engrave import ONE_STAFF, Engraver
from focal_omr.notation.mei import mei_tree
from focal_omr.notation.score import Measure, Note, Part, Score

FONTS = ("Leipzig", "Bravura", "Gootville", "Leland", "Petaluma")
# A plate: the picture training starts from. One staff, its five lines at fixed rows, more paper around it
# than a strip shows, so that the augmentation can move it.
PLATE_SPACE_PX = 10  # distance of two staff lines
PLATE_MARGIN_SPACES = 6  # paper left and right of the staff
PLATE_HALF_SPACES = 7  # paper above and below its middle line
PLATE_HEIGHT_PX = 2 * PLATE_HALF_SPACES * PLATE_SPACE_PX

_SVG_UNITS_PER_SPACE = 180  # Verovio's own unit, at its default `unit` of 9
_STAFF_LINE = re.compile(r'<g [^>]*class="staff"[^>]*>\s*((?:<path d="M[^"]*"[^>]*/>\s*){5})')
_PATH = re.compile(r'd="M(-?\d+) (-?\d+) L(-?\d+) (-?\d+)"')
_PAGE_MARGIN = re.compile(r'class="page-margin" transform="translate\((-?\d+), ?(-?\d+)\)"')
_OUTER_SIZE = re.compile(r'^<svg width="[^"]*" height="[^"]*"')
_VIEW_BOX = re.compile(r'(class="definition-scale"[^>]*?) viewBox="[^"]*"')

_DYNAMICS = ("p", "pp", "f", "ff", "mf", "mp", "sf", "fp", "ppp", "sfz")
_TEXTS = (
    "dolce",
    "cresc.",
    "dim.",
    "rit.",
    "a tempo",
    "espress.",
    "pizz.",
    "arco",
    "Solo",
    "Tutti",
    "Fine",
    "D.C.",
)
_TEMPI = ("Allegro", "Andante", "Adagio", "Largo", "Allegretto", "Presto", "Moderato", "Vivace", "Menuetto")
_SYLLABLES = (
    "A",
    "men",
    "glo",
    "ri",
    "a",
    "la",
    "Ky",
    "ri",
    "e",
    "le",
    "son",
    "du",
    "bist",
    "mein",
    "the",
    "lord",
)
_ARTICULATIONS = ("stacc", "acc", "ten", "marc", "stacciss")
_CHORDS = ("G", "D7", "Am", "C", "F", "Em", "Bb", "Gm7", "A7")
_NAMES = (
    "Violin",
    "Vln.",
    "Vl. I",
    "Flute",
    "Fl.",
    "Oboe",
    "Vc.",
    "Viola",
    "Soprano",
    "Basso",
    "Clarinetto in B",
)


def draw_options(random: Random) -> dict[str, object]:
    """Verovio options of one engraving: a font, and spacing and line widths around their defaults."""
    if random.random() < 0.25:
        return {**_DEFAULTS, "font": random.choice(FONTS)}
    return {
        "font": random.choice(FONTS),
        "spacingLinear": random.uniform(0.15, 0.4),
        "spacingNonLinear": random.uniform(0.45, 0.68),
        "staffLineWidth": random.uniform(0.1, 0.25),
        "stemWidth": random.uniform(0.12, 0.3),
        "barLineWidth": random.uniform(0.15, 0.45),
        "ledgerLineThickness": random.uniform(0.15, 0.35),
        "beamMaxSlope": random.choice((0, 5, 10, 15)),
        "graceFactor": random.uniform(0.6, 0.8),
    }


_DEFAULTS: dict[str, object] = {
    "spacingLinear": 0.25,
    "spacingNonLinear": 0.6,
    "staffLineWidth": 0.15,
    "stemWidth": 0.2,
    "barLineWidth": 0.3,
    "ledgerLineThickness": 0.25,
    "beamMaxSlope": 10,
    "graceFactor": 0.75,
}


def draw_beams(random: Random, part: Part) -> Part:
    """Beams by the meter for most staves; none (as in vocal music) or arbitrary pairs for the others."""
    kind = random.random()
    beamed = beam_by_meter(part)
    if kind < 0.75:
        return beamed
    broken = 1.0 if kind < 0.9 else 0.3
    return replace(part, measures=tuple(_unbeamed(random, m, broken) for m in beamed.measures))


def _unbeamed(random: Random, measure: Measure, share: float) -> Measure:
    """The measure with this share of its whole beams taken apart; grace notes keep theirs."""
    events = list(measure.events)
    drop = False
    for index, event in enumerate(events):
        if isinstance(event, Note) and event.beam and not event.grace:
            if event.beam == "start":
                drop = random.random() < share
            if drop:
                events[index] = replace(event, beam=None)
    return replace(measure, events=tuple(events))


_Decoration = Callable[[ET.Element, ET.Element, Sequence[ET.Element], Random], None]


def _control(
    measure: ET.Element, note: ET.Element, name: str, text: str | None = None, **attributes: str
) -> ET.Element:
    element = ET.SubElement(measure, name, {"startid": f"#{note.get('xml:id')}", **attributes})
    element.text = text
    return element


def _dynamic(measure: ET.Element, note: ET.Element, notes: Sequence[ET.Element], random: Random) -> None:
    _control(
        measure, note, "dynam", random.choice(_DYNAMICS), place=random.choice(("below", "below", "above"))
    )


def _text(measure: ET.Element, note: ET.Element, notes: Sequence[ET.Element], random: Random) -> None:
    _control(measure, note, "dir", random.choice(_TEXTS), place=random.choice(("below", "above")))


def _tempo(measure: ET.Element, note: ET.Element, notes: Sequence[ET.Element], random: Random) -> None:
    _control(measure, note, "tempo", random.choice(_TEMPI), place="above")


def _chord_name(measure: ET.Element, note: ET.Element, notes: Sequence[ET.Element], random: Random) -> None:
    _control(measure, note, "harm", random.choice(_CHORDS), place="above")


def _finger(measure: ET.Element, note: ET.Element, notes: Sequence[ET.Element], random: Random) -> None:
    _control(measure, note, "fing", str(random.randint(0, 5)), place="above")


def _ornament(measure: ET.Element, note: ET.Element, notes: Sequence[ET.Element], random: Random) -> None:
    _control(measure, note, random.choice(("trill", "trill", "mordent", "turn")), place="above")


def _slur(measure: ET.Element, note: ET.Element, notes: Sequence[ET.Element], random: Random) -> None:
    later = notes[list(notes).index(note) + 1 :][: random.choice((1, 1, 2, 3, 6))]
    if later:
        _control(measure, note, "slur", endid=f"#{later[-1].get('xml:id')}")


def _hairpin(measure: ET.Element, note: ET.Element, notes: Sequence[ET.Element], random: Random) -> None:
    later = notes[list(notes).index(note) + 1 :][:4]
    if later:
        form = random.choice(("cres", "dim"))
        _control(measure, note, "hairpin", form=form, endid=f"#{later[-1].get('xml:id')}", place="below")


def _articulation(measure: ET.Element, note: ET.Element, notes: Sequence[ET.Element], random: Random) -> None:
    if note.get("grace") is None:
        note.set("artic", random.choice(_ARTICULATIONS))


def _lyric(measure: ET.Element, note: ET.Element, notes: Sequence[ET.Element], random: Random) -> None:
    verse = ET.SubElement(note, "verse", n="1")
    ET.SubElement(verse, "syl", con="d", wordpos="i").text = random.choice(_SYLLABLES)


def _draw_furniture(random: Random, amount: float) -> dict[_Decoration, float]:
    """Which decorations one staff has, and each one's chance at a note; most staves have few kinds."""
    usual: dict[_Decoration, tuple[float, float]] = {
        _dynamic: (0.2, 0.1),
        _text: (0.12, 0.05),
        _tempo: (0.1, 0.04),
        _chord_name: (0.05, 0.3),
        _finger: (0.06, 0.5),
        _ornament: (0.12, 0.12),
        _slur: (0.35, 0.25),
        _hairpin: (0.12, 0.08),
        _articulation: (0.25, 0.4),
        _lyric: (0.15, 0.9),
    }
    return {kind: chance for kind, (share, chance) in usual.items() if random.random() < share * amount}


def decorate(tree: ET.Element, random: Random, *, amount: float) -> None:
    """Add to an MEI tree of one part what stands around notes and is not transcribed.

    Args:
        tree: From `mei_tree`; changed in place.
        random: Source of all chance.
        amount: 0 nothing, 1 as much as pages usually have.
    """
    furniture = _draw_furniture(random, amount)
    for measure in tree.iter("measure"):
        notes = list(measure.iter("note"))
        for add, chance in furniture.items():
            for note in notes:
                if random.random() < chance:
                    add(measure, note, notes, random)
    if random.random() < 0.15 * amount and (group := tree.find(".//staffDef")) is not None:
        label = ET.Element("label")
        label.text = random.choice(_NAMES)
        group.insert(0, label)


@dataclass(frozen=True)
class Plate:
    """One engraved staff.

    Attributes:
        gray: (140, W) ink 0 .. paper 255; the lines lie at rows 50, 60 ... 90, from column 60 to W - 60.
        score: What it shows, with the beams that are drawn.
    """

    gray: NDArray[np.uint8]
    score: Score


def engrave_plate(
    engraver: Engraver,
    random: Random,
    score: Score,
    *,
    furniture: float = 1.0,
    space_px: int = PLATE_SPACE_PX,
) -> Plate:
    """Engrave a score of one part as a plate.

    Args:
        engraver: Its options are changed.
        random: Draws font, line widths, spacing, beams and furniture.
        score: One part.
        furniture: How much of what is not transcribed stands around the notes; 0 nothing, 1 as on most pages.
        space_px: Distance of two staff lines; a plate for training has the usual one.

    Raises:
        EngraveError: Verovio could not draw it, or drew no staff.
    """
    score = replace(score, parts=(draw_beams(random, score.parts[0]),))
    tree = mei_tree(score)
    decorate(tree, random, amount=furniture)
    engraver.set_options(**ONE_STAFF, **draw_options(random))
    svg = engraver.svg(ET.tostring(tree, encoding="unicode"))
    png = resvg_py.svg_to_bytes(
        svg_string=_framed(svg, space_px), background="#ffffff", serif_family="DejaVu Serif"
    )
    gray = cv2.imdecode(np.frombuffer(bytes(png), np.uint8), cv2.IMREAD_GRAYSCALE)
    return Plate(np.asarray(gray, np.uint8), score)


def tight_crop(gray: NDArray[np.uint8], *, space_px: int = PLATE_SPACE_PX) -> NDArray[np.uint8]:
    """The plate without the paper around the staff and its notes, as tight as PrIMuS crops."""
    margin = PLATE_MARGIN_SPACES * space_px
    inner = gray[:, margin : gray.shape[1] - margin]
    rows = np.flatnonzero((inner < 128).any(axis=1))
    return inner[max(0, rows[0] - 4) : rows[-1] + 5]


def _framed(svg: str, space_px: int) -> str:
    """The SVG with its frame moved so that the staff lies where a plate of this staff space wants it."""
    lines = [tuple(map(int, path)) for staff in _STAFF_LINE.findall(svg) for path in _PATH.findall(staff)]
    margin = _PAGE_MARGIN.search(svg)
    if not lines or margin is None:
        raise EngraveError("Verovio drew no staff of five lines")
    left = min(x for x, *_ in lines) + int(margin[1])
    right = max(x for _, _, x, _ in lines) + int(margin[1])
    ys = sorted({y for _, y, *_ in lines})
    if len(ys) != 5:
        raise EngraveError(f"Verovio drew {len(ys)} staff lines instead of 5")
    pad = PLATE_MARGIN_SPACES * _SVG_UNITS_PER_SPACE
    px = space_px / _SVG_UNITS_PER_SPACE
    # A line's centre falls on the centre of its pixel row, hence the half pixel.
    half = PLATE_HALF_SPACES * _SVG_UNITS_PER_SPACE
    top = ys[2] + int(margin[2]) - half - 0.5 / px
    width = right - left + 2 * pad
    frame = f'<svg width="{round(width * px)}px" height="{2 * PLATE_HALF_SPACES * space_px}px"'
    svg = _OUTER_SIZE.sub(frame, svg, count=1)
    return _VIEW_BOX.sub(rf'\1 viewBox="{left - pad} {top} {width} {2 * half}"', svg, count=1)
