"""Documents for the tests of the web page: hand-made ones of several pieces, and the examples."""

from dataclasses import replace
from functools import cache
from importlib.resources import files
from pathlib import Path

from focal_omr import Recognizer
from focal_omr.document.assemble import assemble
from focal_omr.document.document import Document, Symbol
from focal_omr.encodings.to_one_voice import from_score
from focal_omr.score.records import Event, MultiRest, Note, Rest, flat_events

EXAMPLES = Path(__file__).parent.parent / "examples"
NAMES = ("ode-to-joy", "minuet-in-g", "greensleeves")
WEIGHTS = files("focal_omr.weights") / "default.onnx"
Timed = Note | Rest | MultiRest


def picture_of(name: str) -> Path:
    """Path of an example's image."""
    return next(path for path in (EXAMPLES / name).iterdir() if path.suffix in (".png", ".jpg"))


@cache
def recognizer() -> Recognizer:
    return Recognizer(threads=1)


@cache
def example(name: str) -> Document:
    """An example as read with the packaged weights."""
    return recognizer().read(picture_of(name))


def one_after_the_other(*documents: Document) -> Document:
    """Join documents of one piece each; each starts a page."""
    pages = []
    for piece, document in enumerate(documents, 1):
        for page in document.pages:
            staves = tuple(replace(staff, piece=piece) for staff in page.staves)
            pages.append(replace(page, staves=staves, number=len(pages) + 1))
    return assemble("several.png", "Several", pages)


def on_one_page(document: Document) -> Document:
    """The document with all staves on its first page, at unchanged coordinates."""
    staves = [staff for page in document.pages for staff in page.staves]
    systems, before = [], 0
    for page in document.pages:
        for system in page.systems:
            systems.append(replace(system, staves=tuple(before + staff for staff in system.staves)))
        before += len(page.staves)
    page = replace(document.pages[0], staves=tuple(staves), systems=tuple(systems))
    return assemble(document.source, document.score.title, [page])


def events_by_id(document: Document) -> dict[str, Event]:
    """The events of the score by id."""
    return {
        f"p{number}m{place}e{index}": event
        for number, part in enumerate(from_score(document.score)[0].parts, 1)
        for place, measure in enumerate(part.measures, 1)
        for index, event in enumerate(flat_events(measure), 1)
    }


def all_symbols(document: Document) -> dict[tuple[int, int, int], Symbol]:
    """The symbols by page number, staff and index."""
    return {
        (page.number, staff, place): symbol
        for page in document.pages
        for staff, reading in enumerate(page.staves)
        for place, symbol in enumerate(reading.symbols)
    }
