"""Recognition of documents: page images to staves, symbols with positions and confidence, and a score.

Needs numpy, OpenCV, PDFium and ONNX Runtime, not torch.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from focal_omr.calibration import apply_calibration
from focal_omr.decode import BEAM_WIDTH, Decoded, beam_decode, greedy_decode
from focal_omr.decode.columns import decode_columns
from focal_omr.decode.systems import StaffOutput, decode_system
from focal_omr.document.assemble import assemble
from focal_omr.document.column_reader import ColumnReader, StaffLogProbs
from focal_omr.document.document import Document, Page, StaffReading, Symbol, Unread
from focal_omr.document.events import score_tokens
from focal_omr.document.geometry import Polygon, clipped, plain_polygons, symbol_polygons
from focal_omr.document.pieces import SystemTokens, begins_piece
from focal_omr.document.stacked_heads import stacked_head_share
from focal_omr.encodings.bar_rules import BarRules, check_staves
from focal_omr.encodings.column_factors import FACTORS, column_vocabulary
from focal_omr.encodings.columns import Column
from focal_omr.encodings.join_staves import StaffContext
from focal_omr.encodings.semantic import ungrammatical
from focal_omr.encodings.vocabulary import BLANK
from focal_omr.errors import ModelError, NoStaffError
from focal_omr.onnx_model import BATCH_SIZE, COLUMNS_MODEL, DEFAULT_MODEL, ModelCard, OnnxModel
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
    plain_image,
    strip_height,
)

__all__ = ["Document", "Page", "Progress", "Recognizer", "StaffReading", "Symbol", "read"]

# Rows, staff space and middle line of the input of each preset.
_GEOMETRIES = {
    "default": (STRIP_HEIGHT_PX, STAFF_SPACE_PX, MIDDLE_LINE_PX),
    "columns": (strip_height(6), STAFF_SPACE_PX, strip_height(6) // 2),
    "paper": (PLAIN_HEIGHT_PX,),
}
# Expected error of a staff in percent. Observed: chords 5 to 18, two voices 1 to 10; monophonic staves 0.1 if
# clean, 0.5 in the median for photos and prints, and at most 6 unless illegible.
_DOUBTFUL_PERCENT, _ILLEGIBLE_PERCENT = 3.0, 40.0
_STACKED = 0.3  # see `stacked_heads.stacked_head_share`
_LONG_CROP = 3  # width / height
_CHORDS = "chords or several voices, which the one-voice network does not read"
# Share of the staves of a page that the one-voice network may refuse before the columns network reads the
# document. Observed: 0 to 0.1 in parts with a few double stops, which the one-voice network reads better.
_REFUSED_SHARE = 0.25


@dataclass(frozen=True)
class Progress:
    """Progress of reading a document.

    Attributes:
        pages: Pages read.
        staves: Staves read, including those of the current page.
        share: Share of the current page, 0 .. 1.
        picture: (H, W) gray values of the page just finished, upright; None while a page is being read.
    """

    pages: int
    staves: int
    share: float = 0.0
    picture: NDArray[np.uint8] | None = None


@dataclass(frozen=True)
class _StaffOutput:
    """Network output for a staff; decoded once the clef, key and meter in force are known.

    Attributes:
        log_probs: (T, C).
        staff: Position on the page; None for a plain image read as a whole.
        ink: (96, W) strip, to check doubtful staves for chords; None for a plain image.
    """

    log_probs: NDArray[np.float32]
    staff: Staff | None
    ink: NDArray[np.float32] | None = None


@dataclass(frozen=True)
class _PageOutput:
    """Network output for a page, without its image; `no_staff_reason`: why it has no staves, or ""."""

    number: int
    width: int
    height: int
    staves: tuple[_StaffOutput, ...]
    systems: tuple[System, ...]
    quarter_turns: int = 0
    unread: tuple[Unread, ...] = ()
    no_staff_reason: str = ""


@dataclass
class _DocumentState:
    """A document being read page by page.

    Attributes:
        title: From the first page that has one.
        pages: Pages read, without their staves.
        staves: Staves of each page.
        pieces: Pieces started so far.
        last_system: The previous system.
        carried: Clef, key and meter in force in each part of the current piece.
        columns: What decodes the pages of a network that reads columns; None for one that reads symbols.
    """

    title: str = ""
    pages: list[Page] = field(default_factory=list)
    staves: list[list[StaffReading]] = field(default_factory=list)
    pieces: int = 0
    last_system: SystemTokens | None = None
    carried: list[StaffContext] = field(default_factory=list)
    columns: ColumnReader | None = None

    def document(self, name: str) -> Document:
        """Assemble the document after its last page."""
        if self.columns is not None:
            return self.columns.document(name, self.title)
        pages = [
            replace(page, staves=tuple(staves)) for page, staves in zip(self.pages, self.staves, strict=True)
        ]
        return assemble(name, self.title, pages)


class Recognizer:
    """Reads documents and images of single staves.

    The packaged weights are two networks. One reads staves of one voice, and reads them better. The columns
    network reads a document again from its first page on as soon as a page has systems of several staves, or
    many staves that the first one refuses.

    Args:
        model: ONNX file written by `focal-omr export`; "default" for the packaged weights, "columns" for
            their columns network alone.
        threads: Threads of the network; 0 uses all cores.
        beam_width: Beam width; 0 decodes greedily.
        batch_size: Staves of a page in one run of the network. Affects time and memory only.
        calibrate: Whether to calibrate confidences; otherwise they are the network's probabilities.

    Attributes:
        reads_columns: Whether the network reads columns (chords, voices), and not one voice.

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
        card = self._model.card
        self._calibration = card.calibration if calibrate else (1.0, 0.0)
        self._beam_width, self._batch_size = beam_width, batch_size
        self.reads_columns = card.codec.encoding == "columns"
        self._rules = BarRules(() if self.reads_columns else card.codec.vocabulary.symbols)
        expected = _GEOMETRIES.get(card.preset)
        got = (card.height_px, card.staff_space_px, card.middle_line_px)
        if expected is None or got[: len(expected)] != expected:
            raise ModelError(
                f"{model}: made for preset {card.preset!r} with {got[0]} rows, staff space {got[1]} and "
                f"middle line {got[2]}; this version prepares other images"
            )
        if self.reads_columns and card.codec.vocabulary != column_vocabulary():
            raise ModelError(f"{model}: trained with other columns than this version reads")
        self._open_columns: Callable[[], Recognizer] | None = None
        if model == DEFAULT_MODEL:
            options = {"threads": threads, "beam_width": beam_width, "batch_size": batch_size}
            self._open_columns = partial(Recognizer, model=COLUMNS_MODEL, calibrate=calibrate, **options)
        self._is_plain = card.preset == "paper"
        self._spaces = card.height_px // (2 * STAFF_SPACE_PX) - 2  # around the staff in a strip

    @property
    def card(self) -> ModelCard:
        """Metadata of the model file."""
        return self._model.card

    @cached_property
    def _columns(self) -> "Recognizer":
        """The packaged columns network, opened when the first document needs it."""
        assert self._open_columns is not None
        return self._open_columns()

    def _needs_columns(self, systems: Sequence[System], staves: Sequence[StaffReading]) -> bool:
        """Whether a page of the packaged weights is for their columns network."""
        if self._open_columns is None:
            return False
        refused = sum(reading.unread == _CHORDS for reading in staves)
        return any(len(system.staves) > 1 for system in systems) or refused > _REFUSED_SHARE * len(staves)

    def read(
        self,
        source: str | Path | bytes,
        *,
        name: str | None = None,
        pages: str | None = None,
        progress: Callable[[Progress], None] | None = None,
    ) -> Document:
        """Read all staves of a document.

        Args:
            source: Path or bytes of an image or a PDF.
            name: Name of the document; by default its path.
            pages: Pages to read, such as "1,3-5"; None reads all.
            progress: Called after each staff and each page; counts begin again when the columns network
                takes over.

        Raises:
            ImageError: The file cannot be opened, or lacks one of the pages.
            NoStaffError: No staff was found on any page.
        """
        label = name or (str(source) if isinstance(source, str | Path) else "the given bytes")
        state, no_staff_reason, staves_before = self._new_document(), "", 0

        def on_staff(done: int, total: int) -> None:
            if progress is not None:
                progress(Progress(len(state.pages), staves_before + done, done / total))

        for page in load_pages(source, name=name, pages=pages):
            state.title = state.title or page.title
            output = self._run_page(page.gray, page.number, name=label, on_staff=on_staff)
            self._decode_page(state, output)
            if self._needs_columns(output.systems, state.staves[-1]):
                return self._columns.read(source, name=name, pages=pages, progress=progress)
            no_staff_reason, staves_before = output.no_staff_reason, staves_before + len(output.staves)
            if progress is not None:
                upright_image = state.pages[-1].turned(page.gray)
                progress(Progress(len(state.pages), staves_before, picture=upright_image))
        if not any(state.staves):
            single = len(state.pages) == 1 and no_staff_reason
            raise NoStaffError(
                no_staff_reason if single else f"{label}: no staff of five lines on any of its pages"
            )
        return state.document(label)

    def read_staff(self, path: str | Path) -> Document:
        """Read an image file of one staff; see `read_gray`.

        Raises:
            ImageError: The file cannot be opened as an image.
            NoStaffError: It contains no staff.
        """
        return self._read_crop(load_gray(path), name=str(path))

    def read_gray(self, gray: NDArray[np.uint8], *, name: str = "image") -> Document:
        """Read the staff nearest to the centre of a crop, (H, W) with light paper.

        Raises:
            NoStaffError: It contains no staff.
        """
        return self._read_crop(as_dark_on_light(gray), name=name)

    def read_strip(self, ink: NDArray[np.float32]) -> list[tuple[str, float]]:
        """Read a network input, (H, W) of ink 0 .. 1, of one voice; return tokens with their confidence."""
        tokens, decoded = self._decode(self._model.log_probs([ink])[0], StaffContext())
        return [(token, symbol.confidence) for token, symbol in zip(tokens, decoded, strict=True)]

    def read_columns(self, ink: NDArray[np.float32]) -> list[Column]:
        """Read a network input, (128, W) of ink 0 .. 1, with a network that reads columns.

        Raises:
            ModelError: The network cannot be run on it.
        """
        (log_probs,) = self._model.log_probs([ink])
        frames = np.arange(len(log_probs)) * self.card.frame_px / STAFF_SPACE_PX
        if self._beam_width:
            decoded = decode_system([StaffOutput(log_probs, frames)], begins=True).staves[0]
        else:
            decoded = tuple(decode_columns(log_probs))
        return [each.column for each in decoded if each.column is not None]

    def _new_document(self) -> _DocumentState:
        reader = None
        if self.reads_columns:
            reader = ColumnReader(self.card.frame_px, self._calibration, search=self._beam_width > 0)
        return _DocumentState(columns=reader)

    # Image to network output --------------------------------------------------------------------------------

    def _read_crop(self, gray: NDArray[np.uint8], *, name: str) -> Document:
        staves = [] if self._is_plain else [find_staff(gray, name=name, dark_on_light=True)]
        state = self._new_document()
        self._decode_page(state, self._run_network(gray, staves, name=name))
        if self._needs_columns((), state.staves[-1]):
            return self._columns.read_gray(gray, name=name)
        return state.document(name)

    def _run_page(
        self, gray: NDArray[np.uint8], number: int, *, name: str, on_staff: Callable[[int, int], None]
    ) -> _PageOutput:
        """Turn a page upright, find its staves and run the network on them."""
        if self._is_plain:
            return replace(self._run_network(gray, [], name=name), number=number)
        page = upright(gray, confidence=self._confidence, name=name)
        staves = page.found.staves
        # The page finder shrinks images so far that long crops lose their lines. The crop finder is not used
        # on pages because it takes regular lines of text for a staff.
        if not staves and gray.shape[1] >= _LONG_CROP * gray.shape[0]:
            staves = (find_staff(page.gray, name=name),)
        unread = tuple(Unread(each.box, f"{each.kind}: {each.reason}") for each in page.found.others)
        output = self._run_network(page.gray, staves, name=name, on_staff=on_staff)
        turns = page.quarter_turns % 4
        return replace(
            output, number=number, quarter_turns=turns, unread=unread, no_staff_reason=page.found.seen
        )

    def _confidence(self, gray: NDArray[np.uint8], staff: Staff) -> float:
        """Return the mean probability, 0 .. 1, of the best class over the frames where it is no blank."""
        log_probs = self._model.log_probs([extract_strip(gray, staff, spaces=self._spaces).ink])[0]
        kinds = log_probs[:, : len(FACTORS[0].values)] if self.reads_columns else log_probs
        best = kinds.max(axis=1)[kinds.argmax(axis=1) != BLANK]
        return float(np.exp(best).mean()) if best.size else 0.0

    def _run_network(
        self,
        gray: NDArray[np.uint8],
        staves: Sequence[Staff],
        *,
        name: str,
        on_staff: Callable[[int, int], None] | None = None,
    ) -> _PageOutput:
        """Run the network on the staves of an image, or on the whole image if it reads plain images.

        Args:
            gray: (H, W), upright.
            staves: Staves found; unused for plain images.
            name: For error messages.
            on_staff: Called after each staff with the number done and the total.
        """
        height, width = gray.shape
        if self._is_plain:
            (log_probs,) = self._model.log_probs([plain_image(gray, name=name)])
            return _PageOutput(1, width, height, (_StaffOutput(log_probs, None),), (System((0,)),))
        strips = [extract_strip(gray, staff, name=name, spaces=self._spaces) for staff in staves]
        outputs: dict[int, _StaffOutput] = {}
        inks = [strip.ink for strip in strips]
        for index, log_probs in self._model.batched_log_probs(inks, batch_size=self._batch_size):
            outputs[index] = _StaffOutput(log_probs, strips[index].staff, inks[index])
            if on_staff is not None:
                on_staff(len(outputs), len(strips))
        in_order = tuple(outputs[index] for index in range(len(strips)))
        return _PageOutput(1, width, height, in_order, tuple(find_systems(gray, staves)))

    # Network output to symbols ------------------------------------------------------------------------------

    def _decode_page(self, state: _DocumentState, page: _PageOutput) -> None:
        """Decode a page system by system, starting a new piece where one begins."""
        read = Page(page.width, page.height, (), page.systems, page.number, page.quarter_turns, page.unread)
        state.pages.append(read)
        page_staves = [StaffReading(each.staff, ()) for each in page.staves]
        state.staves.append(page_staves)
        if state.columns is not None:
            outputs = ((each.staff, each.log_probs) for each in page.staves)
            pairs = [StaffLogProbs(staff, log_probs) for staff, log_probs in outputs if staff is not None]
            state.columns.add_page(read, pairs)
            return
        for number, system in enumerate(page.systems):
            initial_context = [StaffContext()] * len(system.staves)
            carried = state.carried if len(state.carried) == len(system.staves) else initial_context
            readings, tokens = self._decode_system(page, system, carried)
            current = SystemTokens(tokens, system.indent_spaces, number == 0)
            if state.last_system is not None and begins_piece(state.last_system, current):
                # Decode again: clef, key and meter of the previous piece do not apply.
                carried = initial_context
                readings, tokens = self._decode_system(page, system, carried)
                current = replace(current, staves=tokens)
                state.pieces += 1
            state.pieces = max(1, state.pieces)
            for part, (staff, reading) in enumerate(zip(system.staves, readings, strict=True), 1):
                page_staves[staff] = replace(reading, piece=state.pieces, part=part)
            state.carried = [context.updated(each) for context, each in zip(carried, tokens, strict=True)]
            state.last_system = current

    def _decode_system(
        self, page: _PageOutput, system: System, carried: Sequence[StaffContext]
    ) -> tuple[list[StaffReading], tuple[tuple[str, ...], ...]]:
        """Decode the staves of a system; return the readings, and the tokens of each for the score."""
        readings = [
            self._decode_staff(page, page.staves[staff], context)
            for staff, context in zip(system.staves, carried, strict=True)
        ]
        return readings, tuple(map(score_tokens, readings))

    def _decode_staff(self, page: _PageOutput, output: _StaffOutput, carried: StaffContext) -> StaffReading:
        """Decode a staff into symbols with polygons; symbols of an unreadable staff are marked unused."""
        tokens, decoded = self._decode(output.log_probs, carried)
        polygons: list[Polygon]
        if output.staff is not None:
            polygons = symbol_polygons(tokens, decoded, output.staff, frame_px=self.card.frame_px)
        else:
            scale = page.height / self.card.height_px
            polygons = plain_polygons(decoded, frame_px=self.card.frame_px, scale=scale, height=page.height)
        dropped = ungrammatical(tokens)
        symbols = tuple(
            Symbol(
                token, clipped(polygon, page.width, page.height), symbol.confidence, used=index not in dropped
            )
            for index, (token, polygon, symbol) in enumerate(zip(tokens, polygons, decoded, strict=True))
        )
        reading = StaffReading(output.staff, symbols)
        if reason := _unread_reason(reading, output.ink, carried):
            unused = tuple(replace(symbol, used=False) for symbol in symbols)
            return replace(reading, symbols=unused, unread=reason)
        return reading

    def _decode(
        self, log_probs: NDArray[np.float32], carried: StaffContext
    ) -> tuple[list[str], list[Decoded]]:
        """Return semantic tokens, and for each its frames and calibrated confidence."""
        if self._beam_width:
            start = self._rules.starting(carried.bar_length)
            symbols = beam_decode(log_probs, self._rules, start=start, beam_width=self._beam_width)
        else:
            symbols = greedy_decode(log_probs)
        spelled = self.card.codec.decode([symbol.class_id for symbol in symbols], key=carried.sounding_key)
        decoded: list[Decoded] = []
        confidence = 1.0  # of a note: the product over its accidental and its head
        for symbol, tokens in zip(symbols, spelled, strict=True):
            confidence *= symbol.confidence
            if tokens:
                calibrated = apply_calibration(confidence, self._calibration)
                decoded += [replace(symbol, confidence=calibrated)] * len(tokens)
                confidence = 1.0
        return [token for tokens in spelled for token in tokens], decoded


def _unread_reason(reading: StaffReading, ink: NDArray[np.float32] | None, carried: StaffContext) -> str:
    """Return why the reading of a staff cannot be trusted; "" if it can.

    The network was not trained on chords and second voices: it writes one of several notes, with low
    confidence. A staff is rejected if its expected error is high and its note heads are stacked; unless both
    are clearly so, its bars must also fail to add up.
    """
    doubt = reading.expected_error
    if reading.symbols and doubt >= _ILLEGIBLE_PERCENT:
        return f"most symbols are doubtful ({doubt:.0f} % are probably wrong)"
    if doubt < _DOUBTFUL_PERCENT or ink is None or (stacked := stacked_head_share(ink)) < _STACKED:
        return ""
    if doubt >= 2 * _DOUBTFUL_PERCENT and stacked >= 1.5 * _STACKED:
        return _CHORDS
    tokens = [symbol.token for symbol in reading.symbols if symbol.used]
    (bars,) = check_staves([tokens], bar_length=carried.bar_length)
    known = [adds_up for adds_up in bars if adds_up is not None]
    if known and sum(known) >= len(known) / 2:
        return ""
    return _CHORDS


def read(path: str | Path) -> Document:
    """Read a document with the packaged weights; to read several, keep a `Recognizer`.

    Raises:
        ImageError: The file cannot be opened.
        NoStaffError: No staff was found.
    """
    return Recognizer().read(path)
