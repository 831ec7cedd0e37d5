"""A picture of a staff becomes a `Document`: symbols with their place and confidence, and a score.

Needs numpy, OpenCV and ONNX Runtime; never torch.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from focal_omr.boxes import Box, plain_boxes, symbol_boxes
from focal_omr.confidence import calibrated
from focal_omr.decode import BEAM_WIDTH, Decoded, beam_decode, greedy_decode
from focal_omr.errors import ModelError
from focal_omr.image import (
    MIDDLE_LINE_PX,
    PLAIN_HEIGHT_PX,
    STAFF_SPACE_PX,
    STRIP_HEIGHT_PX,
    Staff,
    Strip,
    load_gray,
    plain_picture,
    staff_strip,
)
from focal_omr.model_file import DEFAULT_MODEL, ModelCard, OnnxModel
from focal_omr.notation.bars import BarRules, check_bars
from focal_omr.notation.formats import save_score
from focal_omr.notation.score import Score
from focal_omr.notation.semantic import tokens_to_score, ungrammatical

JSON_FORMAT = 1
_STRIP_GEOMETRY = (STRIP_HEIGHT_PX, STAFF_SPACE_PX, MIDDLE_LINE_PX)


@dataclass(frozen=True)
class Symbol:
    """One recognized symbol.

    Attributes:
        token: Its semantic token.
        box: (left, top, right, bottom) in pixels of the picture, within 0 .. its width and height.
        confidence: The chance that the token is right, 0 .. 1: the network's probability in its best frame,
            calibrated as its file says.
        used: Whether it is part of the score; a symbol that breaks the grammar (a tie after no note) is not.
    """

    token: str
    box: Box
    confidence: float
    used: bool = True


@dataclass(frozen=True)
class StaffReading:
    """One staff of a picture and what was read on it.

    Attributes:
        staff: Where it lies; None where plain pictures are read whole.
        symbols: From left to right.
        bars: For each bar whether it adds up to the meter; None where nobody can tell (no meter, a pickup).
    """

    staff: Staff | None
    symbols: tuple[Symbol, ...]
    bars: tuple[bool | None, ...] = ()

    @property
    def expected_error(self) -> float:
        """Share of the symbols that are probably wrong, in percent, by their confidence; ranks staves."""
        doubts = [1 - symbol.confidence for symbol in self.symbols]
        return 100 * sum(doubts) / len(doubts) if doubts else 100.0


@dataclass(frozen=True)
class Page:
    """One picture: its size in pixels and its staves from top to bottom."""

    width: int
    height: int
    staves: tuple[StaffReading, ...]


@dataclass(frozen=True)
class Document:
    """What was read from one input.

    Attributes:
        source: Name of the input.
        pages: Its pictures.
        score: The music.
        warnings: What the reader should know, a line each.
    """

    source: str
    pages: tuple[Page, ...]
    score: Score
    warnings: tuple[str, ...] = field(default=())

    @property
    def symbols(self) -> list[Symbol]:
        """All symbols in reading order."""
        return [symbol for page in self.pages for staff in page.staves for symbol in staff.symbols]

    def save(self, path: str | Path, *, format: str | None = None) -> None:
        """Write the score; the format follows from the suffix or is one of `notation.formats.FORMATS`.

        Raises:
            OutputError: An unknown format, or the file cannot be written.
        """
        save_score(self.score, Path(path), format=format)

    def to_json(self) -> dict[str, Any]:
        """Everything but the score, as plain values."""
        return {
            "format": JSON_FORMAT,
            "source": self.source,
            "warnings": list(self.warnings),
            "pages": [_page_json(page) for page in self.pages],
        }


def _page_json(page: Page) -> dict[str, Any]:
    staves = [
        {
            "lines": _line_curves(reading.staff),
            "symbols": [_symbol_json(symbol) for symbol in reading.symbols],
            "bars": list(reading.bars),
            "expected_error": round(reading.expected_error, 2),
        }
        for reading in page.staves
    ]
    return {"width": page.width, "height": page.height, "staves": staves}


def _symbol_json(symbol: Symbol) -> dict[str, Any]:
    box = [round(value, 1) for value in symbol.box]
    return {"token": symbol.token, "box": box, "confidence": round(symbol.confidence, 4), "used": symbol.used}


def _line_curves(staff: Staff | None) -> list[list[list[float]]]:
    """The five lines from top to bottom, each as points [x, y] in pixels of the picture."""
    if staff is None:
        return []
    spaces = np.full(len(staff.xs), staff.space_px) if staff.spaces_px is None else staff.spaces_px
    return [
        [
            [round(float(x), 1), round(float(y + line * space), 1)]
            for x, y, space in zip(staff.xs, staff.middle_ys, spaces, strict=True)
        ]
        for line in (-2, -1, 0, 1, 2)
    ]


class Recognizer:
    """Reads pictures of one staff with one network.

    Args:
        model: An ONNX file from `focal-omr export`, or "default" for the packaged weights.
        threads: Threads to compute with; 0 means all cores.
        beam_width: Readings that the beam search follows at a time; 0 takes the best class of each frame.
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
        calibrate: bool = True,
    ) -> None:
        self._model = OnnxModel(model, threads=threads)
        self._calibration = self._model.card.calibration if calibrate else (1.0, 0.0)
        self._beam_width = beam_width
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

    def read(self, path: str | Path) -> Document:
        """Read a picture file.

        Raises:
            ImageError: The file cannot be opened as a picture.
            NoStaffError: No staff was found in it.
        """
        return self.read_gray(load_gray(path), name=str(path))

    def read_gray(self, gray: NDArray[np.uint8], *, name: str = "image") -> Document:
        """Read a picture of one staff, (H, W) with light paper; raises NoStaffError where there is none."""
        strip = None if self._model.card.preset == "paper" else staff_strip(gray, name=name)
        picture = plain_picture(gray, name=name) if strip is None else strip.ink
        tokens, decoded = self._tokens(picture)
        dropped = ungrammatical(tokens)
        boxes = [_clipped(box, gray) for box in self._boxes(tokens, decoded, strip, gray.shape[0])]
        symbols = tuple(
            Symbol(token, box, symbol.confidence, used=index not in dropped)
            for index, (token, box, symbol) in enumerate(zip(tokens, boxes, decoded, strict=True))
        )
        used = [symbol.token for symbol in symbols if symbol.used]
        reading = StaffReading(strip.staff if strip else None, symbols, tuple(check_bars(used)))
        page = Page(gray.shape[1], gray.shape[0], (reading,))
        return Document(name, (page,), tokens_to_score(used), _warnings(reading))

    def read_strip(self, ink: NDArray[np.float32]) -> list[tuple[str, float]]:
        """The tokens, with their confidence, on a picture as the network wants it: (H, W) ink 0 .. 1."""
        tokens, decoded = self._tokens(ink)
        return [(token, symbol.confidence) for token, symbol in zip(tokens, decoded, strict=True)]

    def _tokens(self, picture: NDArray[np.float32]) -> tuple[list[str], list[Decoded]]:
        """Semantic tokens, and for each its frames and its calibrated confidence."""
        frames = self._decoded(self._model.log_probs([picture])[0])
        spelled = self._model.card.codec.decode([symbol.number for symbol in frames])
        decoded = [
            replace(place, confidence=calibrated(place.confidence, self._calibration))
            for place in _places(frames, spelled)
        ]
        return [token for each in spelled for token in each], decoded

    def _decoded(self, log_probs: NDArray[np.float32]) -> list[Decoded]:
        if not self._beam_width:
            return greedy_decode(log_probs)
        return beam_decode(log_probs, self._rules, beam_width=self._beam_width)

    def _boxes(
        self, tokens: Sequence[str], decoded: Sequence[Decoded], strip: Strip | None, height: int
    ) -> list[Box]:
        card = self._model.card
        if strip is not None:
            return symbol_boxes(tokens, decoded, strip, frame_px=card.frame_px)
        return plain_boxes(decoded, frame_px=card.frame_px, scale=height / card.height_px, height=height)


def _places(frames: Sequence[Decoded], spelled: Sequence[Sequence[str]]) -> list[Decoded]:
    """For each token the frames that it comes from; a note is as sure as its head and its accidental are."""
    places: list[Decoded] = []
    sure = 1.0
    for symbol, tokens in zip(frames, spelled, strict=True):
        sure *= symbol.confidence
        if tokens:
            places += [replace(symbol, confidence=sure)] * len(tokens)
            sure = 1.0
    return places


def _clipped(box: Box, gray: NDArray[np.uint8]) -> Box:
    """The part of a box on the picture: strips go on beyond its edges, as does a note read off the paper."""
    height, width = gray.shape
    left, top, right, bottom = box
    return (
        min(max(left, 0.0), width),
        min(max(top, 0.0), height),
        min(max(right, 0.0), width),
        min(max(bottom, 0.0), height),
    )


def _warnings(reading: StaffReading) -> tuple[str, ...]:
    left_out = [symbol.token for symbol in reading.symbols if not symbol.used]
    odd = [str(number) for number, adds_up in enumerate(reading.bars, 1) if adds_up is False]
    warnings = []
    if not reading.symbols:
        warnings.append("no symbol was recognized on the staff")
    if left_out:
        warnings.append(f"left out of the score, since they break its grammar: {', '.join(left_out)}")
    if odd:
        warnings.append(f"bars that do not add up to the meter: {', '.join(odd)}")
    return tuple(warnings)


def read(path: str | Path) -> Document:
    """Read a picture of a staff with the packaged weights; for many pictures keep a `Recognizer`."""
    return Recognizer().read(path)
