"""Musical names of symbols: unique, and different from tokens."""

import re

import pytest

from focal_omr.encodings.names import symbol_name
from focal_omr.encodings.vocabulary import full_semantic

NAMES = {
    "note-C#5_eighth.": "C♯5 dotted eighth",
    "note-Bb4_half_fermata": "B♭4 half with fermata",
    "note-F##4_quarter": "F double sharp 4 quarter",
    "note-Ebb3_sixteenth": "E double flat 3 sixteenth",
    "note-G4_quarter..": "G4 double-dotted quarter",
    "note-D4_thirty_second": "D4 thirty-second",
    "note-A3_double_whole": "A3 breve",
    "note-A3_quadruple_whole.": "A3 dotted longa",
    "gracenote-F5_sixteenth": "grace F5 sixteenth",
    "rest-quarter": "quarter rest",
    "rest-half._fermata": "dotted half rest with fermata",
    "multirest-1": "1 bar's rest",
    "multirest-4": "4 bars' rest",
    "clef-G2": "treble clef",
    "clef-F4": "bass clef",
    "clef-C3": "alto clef",
    "clef-G3": "G clef on line 3",
    "keySignature-DM": "D major key",
    "keySignature-BbM": "B♭ major key",
    "keySignature-F#M": "F♯ major key",
    "timeSignature-C": "common time",
    "timeSignature-C/": "cut time",
    "timeSignature-6/8": "6/8 time",
    "barline": "barline",
    "barline-repeat_end": "end of repeat",
    "tie": "tie",
    "tuplet-3": "triplet",
    "tuplet-11": "tuplet of 11",
    "tuplet-end": "end of tuplet",
    "accidental": "reminder accidental",
}


@pytest.mark.parametrize(("token", "name"), NAMES.items())
def test_musical_names(token: str, name: str) -> None:
    assert symbol_name(token) == name


def test_every_symbol_has_a_unique_name() -> None:
    names = [symbol_name(token) for token in full_semantic().symbols]
    assert len(set(names)) == len(names)
    for name in names:
        assert re.fullmatch(r"[A-Za-z0-9♯♭'/ -]+", name), name
        assert name == re.sub(r" +", " ", name).strip()
        assert not re.search(r"signature|gracenote|multirest|[a-z]-[A-Z]", name), name


@pytest.mark.parametrize("token", ["", "note-H4_quarter", "noise", "clef-G9", "timeSignature-O", "tuplet-"])
def test_unknown_token_is_its_own_name(token: str) -> None:
    assert symbol_name(token) == token
