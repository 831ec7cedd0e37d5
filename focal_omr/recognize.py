"""A document becomes a `Document`: pages, their staves, symbols with place and confidence, and a score.

Needs numpy, OpenCV, PDFium and ONNX Runtime; never torch.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from focal_omr.calibration import apply_calibration
from focal_omr.decode import BEAM_WIDTH, Decoded, beam_decode, greedy_decode
from focal_omr.document.assemble import assemble, score_tokens
from focal_omr.document.chord_staves import stacked_share
from focal_omr.document.document import Document, Page, StaffReading, Symbol, Unread
from focal_omr.document.geometry import Polygon, clipped, plain_polygons, symbol_polygons
from focal_omr.document.pieces import SystemTokens, begins_piece
from focal_omr.encodings.bar_rules import BarRules, check_staves
from focal_omr.encodings.join_staves import Carried
from focal_omr.encodings.semantic import ungrammatical
from focal_omr.encodings.vocabulary import BLANK
from focal_omr.errors import ModelError, NoStaffError
from focal_omr.onnx_model import BATCH_SIZE, DEFAULT_MODEL, ModelCard, OnnxModel
from focal_omr.page.load import load_pages
from focal_omr.page.orientation import upright
from focal_omr.page.systems import System, find_systems
from focal_omr.staff.find import Staff
from focal_omr.staff.strip import (
    MIDDLE_LINE_PX,
    PLAIN_HEIGHT_PX,
    STAFF_SPACE_PX,
    STRIP_HEIGHT_PX,
    as_dark_on_light,
    extract_strip,
    find_staff,
    load_gray,
    plain_picture,
)

__all__ = ["Document", "Page", "Progress", "Recognizer", "StaffReading", "Symbol", "read"]

_STRIP_GEOMETRY = (STRIP_HEIGHT_PX, STAFF_SPACE_PX, MIDDLE_LINE_PX)
# Expected error of a staff in percent. Observed: chords 5 to 18, two voices 1 to 10; of monophonic staves the
# clean ones 0.1, photographs and prints 0.5 in the middle and 6 at most but for the illegible.
_DOUBTFUL, _ILLEGIBLE = 3.0, 40.0
_STACKED = 0.3  # see `heads.stacked_share`
_LONG_CROP = 3  # times as wide as high
_CHORDS = "chords or several voices, which are not read"


@dataclass(frozen=True)
class Progress:
    """How far the reading of a document is.

    Attributes:
        pages: How many are read.
        staves: How many are, those of the page in work included.
        share: Of the page in work, 0 .. 1.
        picture: (H, W) gray values of the page that has just been read, upright; None in the middle of one.
    """

    pages: int
    staves: int
    share: float = 0.0
    picture: NDArray[np.uint8] | None = None


@dataclass(frozen=True)
class _Frames:
    """A staff after the network: what is needed to decode it once it is known what it carries on.

    Attributes:
        log_probs: (T, C) of its frames.
        staff: Where it lies; None where a plain picture was read whole.
        ink: (96, W) its strip, in which chords are looked for where symbols are doubtful; None as `staff`.
    """

    log_probs: NDArray[np.float32]
    staff: Staff | None
    ink: NDArray[np.float32] | None = None


@dataclass(frozen=True)
class _PageFrames:
    """A page after the network, without its picture."""

    number: int
    width: int
    height: int
    staves: tuple[_Frames, ...]
    systems: tuple[System, ...]
    quarter_turns: int = 0
    unread: tuple[Unread, ...] = ()
    seen: str = ""  # instead of a staff


@dataclass
class _Reading:
    """A document while its pages are read one after the other; of a page that is read no frames are kept."""

    title: str = ""
    pages: list[Page] = field(default_factory=list)  # without staves
    staves: list[list[StaffReading]] = field(default_factory=list)  # of each page
    pieces: int = 0  # begun so far
    last: SystemTokens | None = None  # the system before the one to be read
    carried: list[Carried] = field(default_factory=list)  # what holds now in each part of the last piece


class Recognizer:
    """Reads documents, and pictures of one staff, with one network.

    Args:
        model: An ONNX file from `focal-omr export`, or "default" for the packaged weights.
        threads: Threads to compute with; 0 means all cores.
        beam_width: Readings that the beam search follows at a time; 0 takes the best class of each frame.
        batch_size: Staves of a page in one run of the network. Affects time and memory only.
        calibrate: Whether confidences are calibrated; else they are the network's probabilities.

    Raises:
        ModelError: The model cannot be used.
    """

    def __init__(
        self,
        *,
        model: str | Path = DEFAULT_MODEL,
        threads: int = 0,
        beam_width: int = BEAM_WIDTH,
        batch_size: int = BATCH_SIZE,
        calibrate: bool = True,
    ) -> None:
        self._model = OnnxModel(model, threads=threads)
        self._calibration = self._model.card.calibration if calibrate else (1.0, 0.0)
        self._beam_width, self._batch_size = beam_width, batch_size
        self._rules = BarRules(self._model.card.codec.vocabulary.symbols)
        card = self._model.card
        wanted = {"default": _STRIP_GEOMETRY, "paper": (PLAIN_HEIGHT_PX,)}.get(card.preset)
        got = (card.height_px, card.staff_space_px, card.middle_line_px)
        if wanted is None or got[: len(wanted)] != wanted:
            raise ModelError(
                f"{model}: made for preset {card.preset!r} with {got[0]} rows, staff space {got[1]} and "
                f"middle line {got[2]}; this version makes other pictures"
            )

    @property
    def card(self) -> ModelCard:
        """What the model's file says of itself."""
        return self._model.card

    def read(
        self,
        source: str | Path | bytes,
        *,
        name: str | None = None,
        pages: str | None = None,
        progress: Callable[[Progress], None] | None = None,
    ) -> Document:
        """Read a document: all staves of all its pages.

        Args:
            source: A picture or a PDF, by its path or its bytes.
            name: What the document is called; the path where none is given.
            pages: Which pages, such as "1,3-5"; None: all.
            progress: Is told after each staff and each page.

        Raises:
            ImageError: The file cannot be opened, or has not these pages.
            NoStaffError: No staff was found on any page.
        """
        label = name or (str(source) if isinstance(source, str | Path) else "the given bytes")
        reading, seen, before = _Reading(), "", 0

        def staff_read(done: int, of: int) -> None:
            if progress is not None:
                progress(Progress(len(reading.pages), before + done, done / of))

        for page in load_pages(source, name=name, pages=pages):
            reading.title = reading.title or page.title
            frames = self._read_page(page.gray, page.number, name=label, told=staff_read)
            self._add(reading, frames)
            seen, before = frames.seen, before + len(frames.staves)
            if progress is not None:
                picture = reading.pages[-1].turned(page.gray)
                progress(Progress(len(reading.pages), before, picture=picture))
        if not any(reading.staves):
            alone = len(reading.pages) == 1 and seen
            raise NoStaffError(seen if alone else f"{label}: no staff of five lines on any of its pages")
        return _finished(reading, label)

    def read_staff(self, path: str | Path) -> Document:
        """Read a picture file of one staff, as `read_gray` does.

        Raises:
            ImageError: The file cannot be opened as a picture.
            NoStaffError: No staff was found in it.
        """
        return self._read_crop(load_gray(path), name=str(path))

    def read_gray(self, gray: NDArray[np.uint8], *, name: str = "image") -> Document:
        """Read a crop, (H, W) with light paper: of its staves the one nearest the centre.

        Raises:
            NoStaffError: There is none.
        """
        return self._read_crop(as_dark_on_light(gray), name=name)

    def _read_crop(self, gray: NDArray[np.uint8], *, name: str) -> Document:
        staves = [] if self._is_plain else [find_staff(gray, name=name, dark_on_light=True)]
        reading = _Reading()
        self._add(reading, self._frames(gray, staves, name=name))
        return _finished(reading, name)

    @property
    def _is_plain(self) -> bool:
        return self._model.card.preset == "paper"

    def _read_page(
        self, gray: NDArray[np.uint8], number: int, *, name: str, told: Callable[[int, int], None]
    ) -> _PageFrames:
        """A page after the network, turned upright.

        The finder of pages makes them so small that long crops lose their lines: these the finder of crops
        is asked for. On pages it is not, for it takes regular rows of text for a staff.
        """
        if self._is_plain:
            return replace(self._frames(gray, [], name=name), number=number)
        turned = upright(gray, confidence=self._confidence, name=name)
        staves = turned.found.staves
        if not staves and gray.shape[1] >= _LONG_CROP * gray.shape[0]:
            staves = (find_staff(turned.gray, name=name),)
        unread = tuple(Unread(each.box, f"{each.kind}: {each.reason}") for each in turned.found.others)
        frames = self._frames(turned.gray, staves, name=name, told=told)
        turns = turned.quarter_turns % 4
        return replace(frames, number=number, quarter_turns=turns, unread=unread, seen=turned.found.seen)

    def _confidence(self, gray: NDArray[np.uint8], staff: Staff) -> float:
        """Mean probability of the symbols on a staff, 0 .. 1, where each is the likeliest."""
        log_probs = self._model.log_probs([extract_strip(gray, staff).ink])[0]
        seen = log_probs.max(axis=1)[log_probs.argmax(axis=1) != BLANK]
        return float(np.exp(seen).mean()) if seen.size else 0.0

    def _frames(
        self,
        gray: NDArray[np.uint8],
        staves: Sequence[Staff],
        *,
        name: str,
        told: Callable[[int, int], None] = lambda done, of: None,
    ) -> _PageFrames:
        """A picture after the network; without staves it is read whole, as plain pictures are.

        `told` is called after each staff with how many are done, and of how many.
        """
        if self._is_plain:
            (log_probs,) = self._model.log_probs([plain_picture(gray, name=name)])
            frames = [_Frames(log_probs, None)]
            systems = [System((0,))]
        else:
            strips = [extract_strip(gray, staff, name=name) for staff in staves]
            read: dict[int, NDArray[np.float32]] = {}
            for number, log_probs in self._model.batched_log_probs(
                [strip.ink for strip in strips], batch_size=self._batch_size
            ):
                read[number] = log_probs
                told(len(read), len(strips))
            frames = [_Frames(read[number], strip.staff, strip.ink) for number, strip in enumerate(strips)]
            systems = find_systems(gray, staves)
        return _PageFrames(1, gray.shape[1], gray.shape[0], tuple(frames), tuple(systems))

    # From frames to a document ------------------------------------------------------------------------------

    def _add(self, reading: _Reading, page: _PageFrames) -> None:
        """Decode a page, system by system."""
        reading.pages.append(
            Page(page.width, page.height, (), page.systems, page.number, page.quarter_turns, page.unread)
        )
        reading.staves.append([StaffReading(each.staff, ()) for each in page.staves])
        for number, system in enumerate(page.systems):
            self._read_system(reading, page, system, opens_page=number == 0)

    def _read_system(self, reading: _Reading, page: _PageFrames, system: System, *, opens_page: bool) -> None:
        """Decode the staves of a system by what holds there, and begin a piece with it where one begins."""
        place = len(reading.pages) - 1
        before = reading.last
        fresh = [Carried()] * len(system.staves)
        carried = reading.carried if len(reading.carried) == len(system.staves) else fresh
        readings, tokens = self._decode_system(page, system, carried)
        opened = SystemTokens(tokens, system.indent_spaces, opens_page)
        if before is not None and begins_piece(before, opened):
            carried = fresh  # it was read as if the last piece went on
            readings, tokens = self._decode_system(page, system, carried)
            opened = replace(opened, staves=tokens)
            reading.pieces += 1
        reading.pieces = max(1, reading.pieces)
        for part, (staff, each) in enumerate(zip(system.staves, readings, strict=True), 1):
            reading.staves[place][staff] = replace(each, piece=reading.pieces, part=part)
        reading.carried = [known.after(each) for known, each in zip(carried, tokens, strict=True)]
        reading.last = opened

    def _decode_system(
        self, page: _PageFrames, system: System, carried: Sequence[Carried]
    ) -> tuple[list[StaffReading], tuple[tuple[str, ...], ...]]:
        """The staves of a system, and the tokens of each that belong to the score."""
        readings = [
            self._read_frames(page, page.staves[staff], known)
            for staff, known in zip(system.staves, carried, strict=True)
        ]
        return readings, tuple(map(score_tokens, readings))

    def _read_frames(self, page: _PageFrames, frames: _Frames, carried: Carried) -> StaffReading:
        """The symbols of a staff on which the music goes on with what is carried."""
        tokens, decoded = self._tokens(frames.log_probs, carried)
        dropped = ungrammatical(tokens)
        symbols = tuple(
            Symbol(
                token,
                clipped(polygon, page.width, page.height),
                symbol.confidence,
                used=index not in dropped,
            )
            for index, (token, polygon, symbol) in enumerate(
                zip(tokens, self._polygons(tokens, decoded, frames.staff, page.height), decoded, strict=True)
            )
        )
        reading = StaffReading(frames.staff, symbols)
        reason = _why_unread(reading, frames.ink, carried)
        if not reason:
            return reading
        unused = tuple(replace(symbol, used=False) for symbol in symbols)
        return replace(reading, symbols=unused, unread=reason)

    def read_strip(self, ink: NDArray[np.float32]) -> list[tuple[str, float]]:
        """The tokens, with their confidence, on a picture as the network wants it: (H, W) ink 0 .. 1."""
        tokens, decoded = self._tokens(self._model.log_probs([ink])[0], Carried())
        return [(token, symbol.confidence) for token, symbol in zip(tokens, decoded, strict=True)]

    def _tokens(self, log_probs: NDArray[np.float32], carried: Carried) -> tuple[list[str], list[Decoded]]:
        """Semantic tokens, and for each its frames and its calibrated confidence."""
        frames = self._decoded(log_probs, carried)
        numbers = [symbol.class_id for symbol in frames]
        spelled = self._model.card.codec.decode(numbers, key=carried.sounding_key)
        return [token for each in spelled for token in each], _places(frames, spelled, self._calibration)

    def _decoded(self, log_probs: NDArray[np.float32], carried: Carried) -> list[Decoded]:
        if not self._beam_width:
            return greedy_decode(log_probs)
        start = self._rules.starting(carried.bar_length)
        return beam_decode(log_probs, self._rules, start=start, beam_width=self._beam_width)

    def _polygons(
        self, tokens: Sequence[str], decoded: Sequence[Decoded], staff: Staff | None, height: int
    ) -> list[Polygon]:
        card = self._model.card
        if staff is not None:
            return symbol_polygons(tokens, decoded, staff, frame_px=card.frame_px)
        return plain_polygons(decoded, frame_px=card.frame_px, scale=height / card.height_px, height=height)


def _finished(reading: _Reading, name: str) -> Document:
    """The document, when its last page is read."""
    pages = [
        replace(page, staves=tuple(staves))
        for page, staves in zip(reading.pages, reading.staves, strict=True)
    ]
    return assemble(name, reading.title, pages)


def _why_unread(reading: StaffReading, ink: NDArray[np.float32] | None, carried: Carried) -> str:
    """Why what was read on a staff is not to be believed; "" where it is.

    Chords and second voices are no part of what the network knows: it writes down one note of several, and
    doubts it. A staff is given up where symbols are doubtful and heads stand one above another: where both
    are clearly so, or its bars do not add up either.
    """
    doubt = reading.expected_error
    if reading.symbols and doubt >= _ILLEGIBLE:
        return f"most symbols are doubtful ({doubt:.0f} % are probably wrong)"
    if doubt < _DOUBTFUL or ink is None or (stacked := stacked_share(ink)) < _STACKED:
        return ""
    if doubt >= 2 * _DOUBTFUL and stacked >= 1.5 * _STACKED:
        return _CHORDS
    tokens = [symbol.token for symbol in reading.symbols if symbol.used]
    (bars,) = check_staves([tokens], bar_length=carried.bar_length)
    known = [adds_up for adds_up in bars if adds_up is not None]
    if known and sum(known) >= len(known) / 2:
        return ""
    return _CHORDS


def _places(
    frames: Sequence[Decoded], spelled: Sequence[Sequence[str]], calibration: tuple[float, float]
) -> list[Decoded]:
    """For each token the frames that it comes from, and its calibrated confidence.

    A note is as sure as its head and its accidental are.
    """
    places: list[Decoded] = []
    sure = 1.0
    for symbol, tokens in zip(frames, spelled, strict=True):
        sure *= symbol.confidence
        if tokens:
            places += [replace(symbol, confidence=apply_calibration(sure, calibration))] * len(tokens)
            sure = 1.0
    return places


def read(path: str | Path) -> Document:
    """Read a picture of a staff with the packaged weights; for many pictures keep a `Recognizer`."""
    return Recognizer().read(path)
