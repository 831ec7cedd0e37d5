"""Documents made of columns: parts, pieces, symbols with ids, places and confidence."""

from collections.abc import Sequence

import numpy as np
import pytest
from column_outputs import doubt, network_output
from made_columns import BAR, BASS, Column, col, meter, notes, opening

from focal_omr.document.column_reader import ColumnReader, StaffLogProbs
from focal_omr.document.document import Document, Page
from focal_omr.encodings.columns import SignColumn
from focal_omr.page.systems import System
from focal_omr.score.score import Chord, Rest, Space
from focal_omr.score.validate import validate
from focal_omr.staff.find import Staff

FRAME_PX = 4
FINAL = SignColumn("barline", "final")
UPPER: list[Column] = [
    *opening(key=1, time=meter(2, 4)),
    col(notes("1/4", 3, 5), advance="1/4"),
    col(notes("1/4"), advance="1/4"),
    BAR,
]
LOWER: list[Column] = [*opening(clef=BASS, key=1, time=meter(2, 4)), col(notes("1/2", 1), advance="1/2"), BAR]
NEXT: list[Column] = [*opening(key=1), col(notes("1/2", 4), advance="1/2"), FINAL]


def staff(number: int) -> Staff:
    middle = 100.0 + 150 * number
    return Staff(np.array([50, 850], np.float32), np.full(2, middle, np.float32), 8.0)


def read(
    systems: Sequence[Sequence[Sequence[Column]]],
    *,
    joined: Sequence[tuple[bool, ...]] = (),
    shares: float = 1,
) -> Document:
    """The document of one page; all staves of a system have their barlines in one place."""
    outputs, found = [], []
    for number, columns in enumerate(systems):
        first = len(outputs)
        longest = max(map(len, columns))
        for own in columns:
            log_probs = network_output([*own[:-1]])
            blanks = np.repeat(network_output([]), 3 * (longest - len(own)), axis=0)
            log_probs = np.concatenate([log_probs, blanks, network_output([own[-1]])])
            if shares < 1:
                doubt(log_probs, 10, "3.head", (), 1 - shares)
            outputs.append(StaffLogProbs(staff(len(outputs)), log_probs))
        own_joined = joined[number] if joined else ()
        found.append(System(tuple(range(first, len(outputs))), 0.0, own_joined))
    reader = ColumnReader(FRAME_PX)
    reader.add_page(Page(900, 1200, (), tuple(found)), outputs)
    return reader.document("page.png", "A title")


def test_a_grand_staff_is_one_part_with_two_staves() -> None:
    document = read([[UPPER, LOWER]], joined=[(True,)])
    (part,) = document.score.parts
    assert part.staves == 2
    assert validate(document.score) == []
    assert [(each.part, each.part_staff) for each in document.staves] == [(1, 1), (1, 2)]
    assert document.warnings == ()


def test_symbols_have_the_ids_of_the_score() -> None:
    document = read([[UPPER, LOWER]], joined=[(True,)])
    notes_ = {
        note.id for *_, event in document.score.events() if isinstance(event, Chord) for note in event.notes
    }
    rests = {event.id for *_, event in document.score.events() if isinstance(event, Rest)}
    assert {symbol.note for symbol in document.symbols if symbol.note} == notes_
    assert {symbol.event for symbol in document.symbols if symbol.token.startswith("rest")} == rests
    assert len(notes_) == 3
    tokens = [symbol.token for symbol in document.staves[0].symbols]
    assert tokens == [
        "clef-G2",
        "keySignature-GM",
        "timeSignature-2/4",
        "note-A4_quarter",
        "note-C5_quarter",
        "rest-quarter",
        "barline",
    ]


def test_boxes_are_where_frames_and_positions_say() -> None:
    document = read([[UPPER]])
    low, high = (symbol for symbol in document.symbols if symbol.note)
    left, top, right, bottom = low.box
    assert (left + right) / 2 == pytest.approx(50 - 8 + 10.5 * FRAME_PX, abs=1)
    assert (top + bottom) / 2 == pytest.approx(100 + 4, abs=0.5)  # half a space below the middle
    assert (high.box[1] + high.box[3]) / 2 == pytest.approx(100 - 4, abs=0.5)


def test_confidence_is_that_of_the_note() -> None:
    document = read([[UPPER]], shares=0.7)
    low, high = (symbol for symbol in document.symbols if symbol.note)
    assert low.confidence == pytest.approx(0.7, abs=0.03)
    assert high.confidence > 0.95


def test_the_json_tells_voices_and_staves() -> None:
    (page,) = read([[UPPER, LOWER]], joined=[(True,)]).to_json()["pages"]
    (note,) = (symbol for symbol in page["staves"][1]["symbols"] if "pitch" in symbol)
    assert (note["staff"], note["bar"], note["pitch"], note["onset"], note["duration"]) == (
        2,
        1,
        "A2",
        "0",
        "1/2",
    )


def test_a_system_that_leaves_a_staff_out_keeps_the_parts() -> None:
    lower = [*opening(clef=BASS, key=1), col(notes("1/2", 2), advance="1/2"), FINAL]
    document = read([[UPPER, LOWER], [lower]])
    assert len(document.pieces) == 1
    upper_part, lower_part = document.score.parts
    assert [type(event) for event in upper_part.measures[1].voices[0].events] == [Space]
    assert isinstance(lower_part.measures[1].voices[0].events[0], Chord)
    assert validate(document.score) == []


def test_another_piece_begins_after_a_final_barline_and_a_meter() -> None:
    document = read([[UPPER], [NEXT], [UPPER]])
    assert [each.piece for each in document.staves] == [1, 1, 2]
    ids = [measure.id for measure in document.score.parts[0].measures]
    assert len(ids) == len(set(ids)) == 3
    assert validate(document.score) == []


def test_a_bar_that_does_not_add_up_is_named() -> None:
    full, short = [col(notes("1/2", 4), advance="1/2"), BAR], [col(notes("1/4", 4), advance="1/4"), BAR]
    document = read([[[*opening(time=meter(2, 4)), *full, *short, *full]]])
    assert document.staves[0].bars == (True, False, True)
    assert document.warnings == ("bars 2: it lasts 1/4 whole notes, the meter says 1/2",)
