"""The MusicXML writer of whole scores: valid, read again as the same score, and opened by others."""

import io
import time
import warnings
import zipfile
from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given, settings
from lxml import etree
from musicxml_snippets import SNIPPETS, document, measure, note
from score_strategies import scores

from focal_omr.errors import NotationError
from focal_omr.formats.musicxml_reader import read_musicxml
from focal_omr.formats.musicxml_score import write_musicxml_score, write_mxl
from focal_omr.score.score import Barline, Chord, Duration, Measure, Note, Part, Pitch, Rest, Score, Voice
from focal_omr.score.validate import validate

# What Verovio 6.4 does not draw.
_VEROVIO_WARNS = {"barlines", "slur over one chord", "slurs with one end"}


@pytest.mark.parametrize("name", SNIPPETS)
def test_written_scores_are_valid_and_read_again_as_the_same(name: str, schema: etree.XMLSchema) -> None:
    schema.assertValid(etree.fromstring(SNIPPETS[name].encode()))
    score = read_musicxml(SNIPPETS[name])
    text = write_musicxml_score(score)
    schema.assertValid(etree.fromstring(text.encode()))
    assert read_musicxml(text) == score
    assert write_musicxml_score(score) == text


@pytest.mark.parametrize("name", sorted(SNIPPETS.keys() - _VEROVIO_WARNS))
def test_verovio_opens_them_without_a_warning(name: str, capfd: pytest.CaptureFixture[str]) -> None:
    import verovio

    verovio.enableLog(verovio.LOG_WARNING)
    try:
        toolkit = verovio.toolkit()
        assert toolkit.loadData(write_musicxml_score(read_musicxml(SNIPPETS[name])))
        assert "<svg" in toolkit.renderToSVG(1)
    finally:
        verovio.enableLog(verovio.LOG_OFF)
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("name", SNIPPETS)
def test_music21_opens_them_without_a_warning(name: str) -> None:
    from music21 import converter

    text = write_musicxml_score(read_musicxml(SNIPPETS[name]))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        opened = converter.parseData(text, format="musicxml")
    assert [str(w.message) for w in caught if w.category.__module__.startswith("music21")] == []
    expected = [
        note.pitch.midi
        for *_, event in read_musicxml(text).events()
        if isinstance(event, Chord)
        for note in event.notes
        if isinstance(note.pitch, Pitch)
    ]
    sounding = [c for c in opened.recurse().notes if "ChordSymbol" not in c.classes]
    heard = [pitch.midi for chord in sounding for pitch in getattr(chord, "pitches", ())]
    assert sorted(heard) == sorted(expected)


@given(scores())
def test_any_valid_score_survives(score: Score) -> None:
    assert validate(score) == []
    assert read_musicxml(write_musicxml_score(score)) == score


@settings(max_examples=15)
@given(score=scores())
def test_any_valid_score_is_written_by_the_schema(schema: etree.XMLSchema, score: Score) -> None:
    schema.assertValid(etree.fromstring(write_musicxml_score(score).encode()))


# What is written -------------------------------------------------------------------------------------------


def test_numbers_of_open_slurs_differ() -> None:
    text = write_musicxml_score(read_musicxml(SNIPPETS["slurs"]))
    starts = etree.fromstring(text.encode()).xpath("//slur[@type='start']/@number")
    assert starts == ["2", "1", "1"]  # the second one ends before the third begins


def test_numbers_of_slurs_with_one_end_are_those_that_musicxml_3_knows() -> None:
    root = etree.fromstring(write_musicxml_score(read_musicxml(SNIPPETS["slurs with one end"])).encode())
    assert set(root.xpath("//slur/@number")) == {"5", "6"}


def test_a_chord_keeps_its_id_whatever_those_of_its_notes() -> None:
    score = read_musicxml(SNIPPETS["ids"])
    assert 'notations id="own"' in write_musicxml_score(score)


def test_titles_and_texts_are_escaped() -> None:
    score = replace(read_musicxml(SNIPPETS["chord"]), title='<Tom & "Jerry">')
    assert read_musicxml(write_musicxml_score(score)).title == '<Tom & "Jerry">'


def test_a_score_without_parts_is_refused() -> None:
    with pytest.raises(NotationError, match="without parts"):
        write_musicxml_score(Score(parts=()))


def test_times_without_common_divisions_are_refused() -> None:
    value = Duration(Fraction(1, 4))
    primes = [p for p in range(1000, 1100) if all(p % d for d in range(2, 40))]
    events = tuple(Rest(id=f"r{p}", onset=Fraction(0), duration=value, length=Fraction(1, p)) for p in primes)
    part = Part(id="P1", measures=(Measure(id="m1", number="1", voices=(Voice(1, events),)),))
    with pytest.raises(NotationError, match="part P1: its times need more than"):
        write_musicxml_score(Score(parts=(part,)))


def test_an_instrument_does_not_take_the_id_of_a_measure(schema: etree.XMLSchema) -> None:
    score = read_musicxml(document(measure(note("C5", "whole"), 1, " id='P1-I1'")))
    schema.assertValid(etree.fromstring(write_musicxml_score(score).encode()))


def test_a_measure_without_voices_is_written_empty() -> None:
    measures = (Measure(id="m1", number="1", voices=(), right=Barline("light-heavy")),)
    score = Score(parts=(Part(id="P1", measures=measures),))
    assert read_musicxml(write_musicxml_score(score)) == score


@pytest.mark.slow
def test_a_long_score_is_written_in_time() -> None:
    """As many notes as 100 pages of piano music."""
    quarter = Duration(Fraction(1, 4))
    measures = []
    for number in range(2500):
        voices = []
        for voice in (1, 2):
            events = []
            for beat in range(8):
                id_ = f"n{number}v{voice}b{beat}"
                notes = (Note(id=id_, pitch=Pitch("C", 6 - voice)),)
                onset = Fraction(beat, 4)
                events.append(
                    Chord(id=id_, onset=onset, duration=quarter, length=Fraction(1, 4), notes=notes)
                )
            voices.append(Voice(voice, tuple(events)))
        measures.append(Measure(id=f"m{number}", number=str(number), voices=tuple(voices)))
    score = Score(parts=(Part(id="P1", measures=tuple(measures)),))
    begun = time.process_time()
    write_musicxml_score(score)
    elapsed_s = time.process_time() - begun
    assert elapsed_s < 2


# Zipped files ----------------------------------------------------------------------------------------------


def test_zipped_scores_have_the_same_bytes_and_are_read_again() -> None:
    score = read_musicxml(SNIPPETS["lyrics"])
    data = write_mxl(score)
    assert data == write_mxl(score)
    assert read_musicxml(data) == score
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.namelist() == ["mimetype", "META-INF/container.xml", "score.musicxml"]
        assert archive.read("score.musicxml").decode() == write_musicxml_score(score)
