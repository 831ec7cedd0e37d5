"""Documents of columns: systems decoded one after the other, joined to pieces, and one score of them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from focal_omr.decode.columns import decode_columns
from focal_omr.decode.systems import DecodedSystem, StaffOutput, decode_system
from focal_omr.document.column_pieces import (
    ColumnSystem,
    begins_piece,
    place_staves,
    usual_sizes,
)
from focal_omr.document.column_symbols import column_symbols, with_sources
from focal_omr.document.document import Document, Page, StaffReading
from focal_omr.document.pieces import join_pieces
from focal_omr.encodings.columns import Column, SignColumn
from focal_omr.encodings.from_columns import DecodedScore, Fault, score_from_columns
from focal_omr.page.systems import System
from focal_omr.score.score import Chord, Note
from focal_omr.staff.find import Staff
from focal_omr.staff.strip import MIDDLE_LINE_PX, to_page

__all__ = ["ColumnReader", "StaffLogProbs"]


class StaffLogProbs(NamedTuple):
    """A staff of a page, and the output (T, WIDTH) of the network for it."""

    staff: Staff
    log_probs: NDArray[Any]


@dataclass
class ColumnReader:
    """Reads a document page by page.

    Attributes:
        frame_px: Strip pixels per frame of the network.
        calibration: (slope, offset) of the confidence.
        search: Whether the bars of a system are searched together; else each staff is decoded greedily.
        pages: The pages so far, without their staves.
        staves: The staves of each page.
        systems: The systems of each piece.
        bar_length: Length of a bar where the next system begins, in whole notes; None if not known.
    """

    frame_px: int
    calibration: tuple[float, float] = (1.0, 0.0)
    search: bool = True
    pages: list[Page] = field(default_factory=list)
    staves: list[list[Staff]] = field(default_factory=list)
    systems: list[list[ColumnSystem]] = field(default_factory=list)
    bar_length: Fraction | None = None

    def add_page(self, page: Page, staves: Sequence[StaffLogProbs]) -> None:
        """Decode the systems of a page.

        Args:
            page: The page without its staves.
            staves: Its staves, which `page.systems` names by their index.
        """
        index = len(self.pages)
        self.pages.append(page)
        self.staves.append([each.staff for each in staves])
        for system in page.systems:
            outputs = _outputs([staves[number] for number in system.staves], self.frame_px)
            before = self.systems[-1][-1] if self.systems else None
            read = self._decode(index, system, outputs, begins=before is None)
            if begins_piece(before, read):
                if before is not None:  # the meter of the piece before does not apply
                    self.bar_length = None
                    read = self._decode(index, system, outputs, begins=True)
                self.systems.append([])
            self.systems[-1].append(read)

    def _decode(
        self, page: int, system: System, outputs: Sequence[StaffOutput], *, begins: bool
    ) -> ColumnSystem:
        if self.search:
            decoded = decode_system(outputs, bar_length=self.bar_length, begins=begins)
        else:
            decoded = DecodedSystem(tuple(tuple(decode_columns(each.log_probs)) for each in outputs), None)
        self.bar_length = decoded.bar_length
        named = (
            with_sources(columns, f"{page}.{number}")
            for number, columns in zip(system.staves, decoded.staves, strict=True)
        )
        return ColumnSystem(page, system, tuple(named))

    def document(self, source: str, title: str) -> Document:
        """The document of all pages.

        Args:
            source: Name of the input.
            title: Title of the score; "" if it has none.
        """
        readings: list[list[StaffReading]] = [
            [StaffReading(staff, ()) for staff in staves] for staves in self.staves
        ]
        scores, warnings, before = [], list[str](), 0
        for number, systems in enumerate(self.systems, 1):
            piece = _Piece.of(systems, before)
            scores.append(piece.decoded.score)
            before += max(len(part.measures) for part in piece.decoded.score.parts)
            warnings += (
                f"piece {number}: {each}" if len(self.systems) > 1 else each for each in piece.warnings
            )
            for system, start, placed in zip(systems, piece.decoded.starts, piece.placed, strict=True):
                page = self.pages[system.page]
                for index, staff in enumerate(system.system.staves):
                    symbols = column_symbols(
                        system.staves[index],
                        self.staves[system.page][staff],
                        piece.decoded.ids,
                        piece.notes,
                        frame_px=self.frame_px,
                        calibration=self.calibration,
                        size=(page.width, page.height),
                    )
                    place = placed.index(index)
                    part, part_staff = piece.parts[place]
                    readings[system.page][staff] = replace(
                        readings[system.page][staff],
                        symbols=symbols,
                        bars=piece.bars(start, place, system.columns[index]),
                        first_bar=start + 1,
                        piece=number,
                        part=part,
                        part_staff=part_staff,
                    )
        pages = tuple(
            replace(page, staves=tuple(own)) for page, own in zip(self.pages, readings, strict=True)
        )
        warnings += [f"page {page.number}: not read: {each.reason}" for page in pages for each in page.unread]
        warnings += [f"page {page.number}: no staff of five lines" for page in pages if not page.staves]
        score = join_pieces(scores, title=title)
        return Document(source, pages, tuple(scores), score, tuple(warnings), from_columns=True)


@dataclass(frozen=True)
class _Piece:
    """The music of consecutive systems.

    Attributes:
        decoded: Its score.
        placed: For each system, for each staff of the piece, the staff of the system or None.
        parts: (number of its part, of the staff in it), from 1, of each staff of the piece.
        notes: Its notes by id.
    """

    decoded: DecodedScore
    placed: tuple[tuple[int | None, ...], ...]
    parts: tuple[tuple[int, int], ...]
    notes: dict[str, Note]

    @classmethod
    def of(cls, systems: Sequence[ColumnSystem], before: int) -> "_Piece":
        """Join systems; `before` is the number of measures before the piece."""
        sizes = usual_sizes(systems)
        full = next(system for system in systems if len(system.staves) == sum(sizes))
        placed = [place_staves(system, full, sizes) for system in systems]
        columns = []
        for system, own in zip(systems, placed, strict=True):
            # A staff that the system leaves out has only barlines.
            barlines: list[Column] = [
                c for c in system.columns[0] if isinstance(c, SignColumn) and c.kind == "barline"
            ]
            columns.append([barlines if number is None else system.columns[number] for number in own])
        decoded = score_from_columns(columns, sizes, before=before)
        notes = {
            note.id: note
            for *_, event in decoded.score.events()
            if isinstance(event, Chord)
            for note in event.notes
        }
        parts = ((part, number) for part, size in enumerate(sizes, 1) for number in range(1, size + 1))
        return cls(decoded, tuple(map(tuple, placed)), tuple(parts), notes)

    def bars(self, start: int, staff: int, columns: Sequence[Column]) -> tuple[bool | None, ...]:
        """Whether each bar of a staff of a system adds up.

        Args:
            start: Index of the first measure of the system.
            staff: Staff of the piece.
            columns: Of that staff in the system.
        """
        wrong = {fault.measure for fault in self.decoded.unsolved if fault.staff == staff + 1}
        barlines = sum(isinstance(each, SignColumn) and each.kind == "barline" for each in columns)
        return tuple(start + bar not in wrong for bar in range(barlines))

    @property
    def warnings(self) -> Iterator[str]:
        """What is wrong in it, a line for each reason."""
        numbers = [measure.number for measure in self.decoded.score.parts[0].measures]
        found: dict[str, list[Fault]] = {}
        for fault in (*self.decoded.unsolved, *self.decoded.disagreements):
            found.setdefault(fault.reason, []).append(fault)
        for reason, faults in found.items():
            bars = sorted({min(fault.measure, len(numbers) - 1) for fault in faults})
            yield f"bars {', '.join(numbers[bar] for bar in bars)}: {reason}"


def _outputs(staves: Sequence[StaffLogProbs], frame_px: int) -> list[StaffOutput]:
    """Outputs of the staves of a system, their frames on one axis: along the staves, in staff spaces."""
    slopes, spaces = [], []
    for staff, _ in staves:
        slopes.append((staff.middle_ys[-1] - staff.middle_ys[0]) / (staff.xs[-1] - staff.xs[0]))
        spaces.append(staff.space_px)
    slope, space = float(np.mean(slopes)), float(np.mean(spaces))
    outputs = []
    for staff, log_probs in staves:
        frames = (np.arange(len(log_probs)) + 0.5) * frame_px
        x, y = to_page(staff, frames, np.full(len(frames), MIDDLE_LINE_PX))
        outputs.append(StaffOutput(log_probs, (x + slope * y) / np.sqrt(1 + slope**2) / space))
    return outputs
