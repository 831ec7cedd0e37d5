"""Comparison of two scores."""

import json

import pytest
from hypothesis import given, settings
from one_voice import save_one_voice
from shared_data import SHARED
from strategies import scores

from focal_omr.encodings.semantic import read_semantic
from focal_omr.errors import NotationError
from focal_omr.evaluation.compare_scores import compare_files, compare_folders, compare_scores
from focal_omr.score.records import Part, Score

TUNES = {
    "Violin 1": "clef-G2 note-C4_quarter note-D4_quarter barline note-E4_quarter note-F4_quarter barline",
    "Viola": "clef-C3 note-C4_half barline note-G4_quarter note-A4_quarter barline",
    "Cello": "clef-F4 note-C3_half barline rest-half barline",
}
QUARTETS = SHARED / "data" / "pages" / "quartet-parts"


def part(name, label=None):
    return Part(read_semantic(label or TUNES[name]).parts[0].measures, name)


@pytest.fixture
def truth(tmp_path):
    save_one_voice(Score(tuple(map(part, TUNES))), tmp_path / "trio.musicxml")
    return tmp_path / "trio.musicxml"


def save(path, label):
    save_one_voice(Score((part("", label),)), path)
    return path


def test_a_wrong_duration_counts_once_as_written_and_shifts_the_following_notes():
    truth = read_semantic("clef-G2 note-C4_quarter note-D4_quarter note-E4_quarter note-F4_quarter")
    result = read_semantic("clef-G2 note-C4_quarter note-D4_half note-E4_quarter note-F4_quarter")
    compared = compare_scores(result, truth)
    assert (compared.matched, compared.edits, compared.symbol_edits) == (1, 1, 1)
    assert (compared.precision, compared.recall, compared.f1) == (0.25, 0.25, 0.25)
    assert (compared.note_error, compared.ser) == (25.0, 20.0)
    assert compared.counts()["duration_errors"] == 1


def test_pitches_are_sounding_and_keep_their_spelling():
    # The token names the printed accidental; the second note sounds sharp all the same.
    truth = read_semantic("clef-G2 note-F#4_quarter note-F4_quarter barline")
    other = read_semantic("clef-G2 note-C4_quarter note-C4_quarter barline")
    assert compare_scores(other, truth).to_json()["differences"][0]["truth_reads"] == "F#4:1 F#4:1"
    flat = read_semantic("clef-G2 note-Gb4_quarter note-G4_quarter barline")
    assert compare_scores(flat, truth).counts()["pitch_errors"] == 2


def test_grace_notes_count_and_rests_of_several_bars_are_bars():
    truth = read_semantic(
        "timeSignature-2/4 note-C4_half barline rest-whole barline rest-half barline note-D4_half barline"
    )
    result = read_semantic(
        "timeSignature-2/4 gracenote-B4_eighth note-C4_half barline multirest-2 barline note-D4_half barline"
    )
    compared = compare_scores(result, truth).to_json()
    assert (compared["added"], compared["edits"], compared["matched"], compared["truth_notes"]) == (
        1,
        1,
        2,
        2,
    )
    assert (compared["bars"], compared["result_bars"], compared["bars_right"]) == (4, 4, 3)


def test_parts_are_compared_separately():
    one, two = (read_semantic(f"clef-G2 note-{name}4_quarter").parts[0] for name in "CD")
    both = compare_scores(Score((one, two)), Score((two, one)))
    assert (both.matched, both.edits, both.truth_notes) == (0, 2, 2)
    less = compare_scores(Score((one,)), Score((one, two)))
    assert (less.edits, less.truth_notes, less.counts()["missed"]) == (1, 2, 1)


def test_without_notes():
    empty, note = Score(()), read_semantic("note-C4_quarter")
    assert compare_scores(empty, empty).f1 == 1.0
    assert compare_scores(empty, note).to_json()["f1"] == 0.0
    assert compare_scores(note, empty).note_error == 100.0


@settings(max_examples=25)
@given(scores(), scores())
def test_a_score_equals_itself_and_figures_stay_in_range(a, b):
    same, other = compare_scores(a, a), compare_scores(a, b)
    assert (same.f1, same.edits, same.symbol_edits) == (1.0, 0, 0)
    assert 0 <= other.f1 <= 1
    assert other.f1 == pytest.approx(compare_scores(b, a).f1)
    assert other.matched <= min(other.result_notes, other.truth_notes)
    json.dumps(other.to_json())


def test_a_single_part_is_compared_with_the_closest_part(tmp_path, truth):
    result = save(tmp_path / "read.musicxml", TUNES["Viola"].replace("G4", "B4"))
    compared = compare_files(result, truth)
    assert (compared.part, compared.was_closest, compared.note_error) == (
        "Viola",
        True,
        pytest.approx(100 / 3),
    )
    assert compared.to_json()["bars_wrong"] == [2]
    assert compared.to_json()["differences"] == [
        {
            **{"truth": [2], "truth_numbers": ["2"], "result": [2], "staff": 1, "left_out": False},
            **{"pitch_errors": 1, "duration_errors": 0, "both_wrong": 0, "missed": 0, "added": 0},
            **{"truth_reads": "G4:1 A4:1", "result_reads": "B4:1 A4:1"},
        }
    ]
    chosen = compare_files(result, truth, part="violin_1")
    assert (chosen.part, chosen.was_closest, chosen.truth_notes) == ("Violin 1", False, 4)
    assert compare_files(truth, truth).note_error == 0
    assert compare_files(truth, truth, part="3").part == "Cello"
    with pytest.raises(NotationError, match="no parts named 'Oboe'"):
        compare_files(result, truth, part="Oboe")


def test_chords_count_and_symbols_do_not_where_a_score_cannot_hold_them(tmp_path, truth):
    text = truth.read_text()
    note = "<note><chord/><pitch><step>B</step><octave>5</octave></pitch><duration>{}</duration></note>"
    first = text.index("</note>", text.index('<part id="P2"')) + len("</note>")
    truth.write_text(text[:first] + note.format(2) + text[first:])
    result = save(tmp_path / "read.musicxml", TUNES["Viola"])
    figures = compare_files(result, truth, part="Viola").to_json()
    assert (figures["missed"], figures["edits"], figures["note_error"]) == (1, 1, 25)
    assert (figures["chord_bars_left_out"], figures["bars"], figures["bars_right"]) == (0, 2, 1)
    assert (figures["truth_notes"], figures["result_notes"], figures["duration_f1"]) == (4, 3, 0.8571)
    assert (figures["symbols"], figures["ser"]) == (None, None)


def test_a_part_of_two_staves_is_chosen_by_its_name(tmp_path):
    def measure(*notes):
        return "<measure><attributes><divisions>1</divisions></attributes>" + "".join(notes) + "</measure>"

    def note(step, staff=1):
        return (
            f"<note><pitch><step>{step}</step><octave>4</octave></pitch><duration>1</duration><type>quarter"
            f"</type><staff>{staff}</staff></note>"
        )

    names = "".join(
        f'<score-part id="P{i}"><part-name>{n}</part-name></score-part>'
        for i, n in enumerate(("Voice", "Piano"))
    )
    piano = measure(note("D"), "<backup><duration>1</duration></backup>", note("E", 2))
    voice = f'<part id="P0">{measure(note("C"))}</part>'
    whole = f"<part-list>{names}</part-list>{voice}<part id='P1'>{piano}</part>"
    (tmp_path / "song.musicxml").write_text(f"<score-partwise>{whole}</score-partwise>")
    alone = whole.replace(voice, "")
    (tmp_path / "piano.musicxml").write_text(f"<score-partwise>{alone}</score-partwise>")
    for result in ("song.musicxml", "piano.musicxml"):
        compared = compare_files(tmp_path / result, tmp_path / "song.musicxml", part="piano")
        assert (compared.part, compared.truth_notes, compared.edits) == ("Piano", 2, 0)
    # Without --part the staves are compared in order.
    compared = compare_files(tmp_path / "piano.musicxml", tmp_path / "song.musicxml").to_json()
    assert (compared["truth_notes"], compared["duration_f1"], compared["bars_right"]) == (3, 0, 0)


def test_what_is_missing_or_cannot_be_read_is_wholly_wrong(tmp_path, truth):
    missing = compare_files(tmp_path / "no.musicxml", truth, part="Viola")
    assert (missing.note_error, missing.ser, missing.counts()["missed"]) == (100, 100, 3)
    assert "cannot be read" in missing.error
    assert compare_files(tmp_path / "no.musicxml", truth).truth_notes == 8
    (tmp_path / "resting.semantic").write_text("timeSignature-C rest-whole barline")
    assert compare_files(tmp_path / "no.musicxml", tmp_path / "resting.semantic").note_error == 100
    with pytest.raises(NotationError, match=r"no\.musicxml cannot be read"):
        compare_files(truth, tmp_path / "no.musicxml")


def test_folders(tmp_path, truth):
    truths, results = tmp_path / "truths", tmp_path / "results"
    truths.mkdir()
    results.mkdir()
    truth.rename(truths / "trio.musicxml")
    (truths / "broken.mei").write_text("<mei/>")
    save(truths / "solo.musicxml", TUNES["Cello"])
    save(results / "trio-Part-Viola.musicxml", TUNES["Viola"])
    save(results / "trio-Part-Violin_1.musicxml", TUNES["Violin 1"].replace("D4", "G4"))
    (results / "solo.musicxml").write_text("<score")
    save(results / "other.musicxml", TUNES["Cello"])
    compared = compare_folders(results, truths)
    figures = compared.to_json()
    assert [(pair.name, pair.note_error, pair.error is None) for pair in compared.pairs] == [
        ("broken", 100, False),
        ("solo", 100, False),
        ("trio-Part-Viola", 0, True),
        ("trio-Part-Violin_1", 25, True),
        ("trio-Part-Cello", 100, False),
    ]
    total = figures["total"]
    assert (total["pairs"], total["failed"], total["truth_notes"], total["edits"]) == (5, 3, 9, 3)
    assert (total["note_error"], total["mean_note_error"]) == (33.333, 65.0)
    assert figures["without_truth"] == [str(results / "other.musicxml")]
    assert [pair["part"] for pair in figures["pairs"][2:]] == ["Viola", "Violin 1", "Cello"]
    json.dumps(figures)


@pytest.mark.skipif(not QUARTETS.exists(), reason="the pages are not here")
@pytest.mark.parametrize("stem", ["sq8437280", "sq8437358"])
def test_a_quartet_against_itself(stem):
    path = QUARTETS / f"{stem}.mxl"
    figures = compare_files(path, path, part="Viola", with_omr_ned=False).to_json()
    assert (figures["note_error"], figures["f1"], figures["differences"]) == (0, 1, [])
    assert figures["result_notes"] == figures["truth_notes"] > 300
