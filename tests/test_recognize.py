"""Recognition: from an image to symbols with position and confidence, and to a score."""

from dataclasses import replace
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
from scripted import CARD, TUNE, draw_staff, save_png, write_scripted

from focal_omr import Recognizer, read
from focal_omr.data.primus.samples import primus_samples
from focal_omr.encodings.one_voice import to_score
from focal_omr.encodings.semantic import read_semantic, score_to_tokens
from focal_omr.encodings.to_one_voice import from_score
from focal_omr.errors import ImageError, ModelError, NoStaffError, OutputError
from focal_omr.formats.one_voice_files import load_one_voice

WEIGHTS = files("focal_omr.weights") / "default.onnx"
EXAMPLES = Path(__file__).parent.parent / "examples"
packaged = pytest.mark.skipif(not WEIGHTS.is_file(), reason="the packaged weights are not there")


@pytest.fixture(scope="module")
def recognizer(tmp_path_factory):
    return Recognizer(model=write_scripted(tmp_path_factory.mktemp("model") / "m.onnx"), threads=1)


def test_a_document_holds_the_score_and_every_symbol(recognizer, tmp_path):
    document = recognizer.read(save_png(tmp_path / "tune.png", draw_staff()))
    assert document.source == str(tmp_path / "tune.png")
    assert document.warnings == ()
    assert [symbol.token for symbol in document.symbols] == list(TUNE)
    assert document.score == to_score(read_semantic(" ".join(TUNE)))
    (page,) = document.pages
    assert (page.width, page.height, len(page.staves)) == (700, 200, 1)
    assert page.staves[0].staff.space_px == pytest.approx(12, abs=0.2)


def page_of(staves: int) -> np.ndarray:
    """Staves below each other, far enough apart to be separate systems."""
    return np.vstack([draw_staff(700, 200)] * staves)


def test_a_page_is_read_staff_by_staff(recognizer, tmp_path):
    document = recognizer.read(save_png(tmp_path / "page.png", page_of(3)))
    (page,) = document.pages
    assert [system.staves for system in page.systems] == [(0,), (1,), (2,)]
    assert [round(float(staff.staff.middle_ys[0]) / 100) for staff in page.staves] == [1, 3, 5]
    for number, staff in enumerate(page.staves):
        assert [symbol.token for symbol in staff.symbols] == list(TUNE)
        assert all(200 * number <= symbol.box[1] < 200 * (number + 1) for symbol in staff.symbols)
    # Each has a meter and ends with a final barline: three pieces.
    assert [score_to_tokens(from_score(piece)[0]) for piece in document.pieces] == [list(TUNE)] * 3
    assert [staff.first_bar for staff in page.staves] == [1, 1, 1]
    breaks = [measure.break_before for measure in document.score.parts[0].measures]
    assert breaks == [None, None, None, "system", None, None, "system", None, None]


def test_a_document_of_several_pages_is_one_score(recognizer, tmp_path):
    import cv2

    pages = [draw_staff(700, 200), np.full((300, 300), 255, np.uint8), page_of(2)]
    path = tmp_path / "book.tiff"
    assert cv2.imwritemulti(str(path), pages)
    document = recognizer.read(path)
    assert [(page.number, len(page.staves)) for page in document.pages] == [(1, 1), (2, 0), (3, 2)]
    assert document.warnings == ("page 2: no staff of five lines",)
    measures = document.score.parts[0].measures
    assert len(measures) == 9
    assert [measure.break_before for measure in measures[::3]] == [None, "page", "system"]
    assert [page.number for page in recognizer.read(path, pages="3").pages] == [3]
    with pytest.raises(NoStaffError, match=r"book\.tiff: no staff"):
        recognizer.read(path, pages="2")


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_a_rotated_page_is_read_with_boxes_on_the_original_image(recognizer, tmp_path, turns):
    gray = np.full((900, 900), 255, np.uint8)
    gray[100:800, 100:800] = np.vstack([draw_staff(700, 175, top=60, left=10)] * 4)
    for top in range(100, 800, 175):
        gray[top + 55 : top + 115, 118:136] = 0  # ink where clefs stand
    upright = recognizer.read(save_png(tmp_path / "upright.png", gray)).to_json()["pages"][0]
    picture = np.ascontiguousarray(np.rot90(gray, -turns))  # turned to the right
    page = recognizer.read(save_png(tmp_path / "turned.png", picture)).to_json()["pages"][0]
    assert (upright["quarter_turns"], page["quarter_turns"]) == (0, turns)
    assert len(page["staves"]) == len(upright["staves"]) == 4
    for staff, expected in zip(page["staves"], upright["staves"], strict=True):
        for symbol, straight in zip(staff["symbols"], expected["symbols"], strict=True):
            assert symbol["token"] == straight["token"]
            for (x, y), (u, v) in zip(symbol["polygon"], straight["polygon"], strict=True):
                place = {1: (899 - v, u), 2: (899 - u, 899 - v), 3: (v, 899 - u)}[turns]
                assert (x, y) == pytest.approx(place, abs=3)


def test_bytes_are_read_like_their_file(recognizer, tmp_path):
    path = save_png(tmp_path / "tune.png", draw_staff())
    document = recognizer.read(path.read_bytes(), name="stdin")
    assert (document.source, document.score) == ("stdin", recognizer.read(path).score)


def test_boxes_follow_frames_and_pitches(recognizer):
    document = recognizer.read_gray(draw_staff(700, 200, space_px=12, top=70, left=20))
    boxes = {symbol.token: symbol.box for symbol in document.symbols}
    middles = [(left + right) / 2 for left, _, right, _ in (s.box for s in document.symbols)]
    assert middles == sorted(middles)
    # Token k is in frame 4 + 2 k, its middle half a frame later; a strip starts 8 px before the staff.
    # Clef, key and meter are placed side by side before the first note.
    staff = document.pages[0].staves[0].staff
    assert staff.xs[0] == pytest.approx(20, abs=4)
    assert all(staff.xs[0] <= left < right for left, _, right, _ in (s.box for s in document.symbols[:3]))
    assert document.symbols[2].box[2] <= middles[3]
    for place, middle in list(enumerate(middles))[3:]:
        assert middle == pytest.approx(staff.xs[0] + ((4.5 + 2 * place) * 4 - 8) * 12 / 8, abs=0.5)
    left, top, right, bottom = boxes["note-D5_quarter"]  # on the second line from the top
    assert (top + bottom) / 2 == pytest.approx(70 + 12, abs=1)
    assert 12 < bottom - top < 24
    assert 12 < right - left < 30
    assert boxes["barline"][1::2] == pytest.approx((70, 70 + 48), abs=1)


def test_boxes_follow_a_skewed_staff(recognizer):
    import cv2

    turn = cv2.getRotationMatrix2D((350, 100), -4, 1)
    skewed = cv2.warpAffine(draw_staff(), turn, (700, 200), borderValue=255, flags=cv2.INTER_AREA)
    straight = recognizer.read_gray(draw_staff()).symbols
    for symbol, before in zip(recognizer.read_gray(skewed).symbols, straight, strict=True):
        (left, top, right, bottom), (x0, y0, x1, y1) = symbol.box, before.box
        x, y = turn @ ((x0 + x1) / 2, (y0 + y1) / 2, 1)
        assert ((left + right) / 2, (top + bottom) / 2) == pytest.approx((x, y), abs=3)


def test_boxes_stay_within_the_image(tmp_path):
    # At both ends of the staff, far above and below it, in an image cropped to its lines.
    tokens = ["clef-G2", "note-C6_whole", "note-C2_whole"] + ["barline", "rest-quarter"] * 60
    recognizer = Recognizer(model=write_scripted(tmp_path / "m.onnx", tokens[:70]), threads=1)
    gray = draw_staff(440, 60, space_px=12, top=5, left=0)
    document = recognizer.read_gray(gray)
    assert len(document.symbols) > 30
    for left, top, right, bottom in (symbol.box for symbol in document.symbols):
        assert 0 <= left <= right <= 440
        assert 0 <= top <= bottom <= 60


def test_the_height_of_a_note_follows_the_clef(tmp_path):
    tokens = ("clef-G2", "note-B4_quarter", "clef-F4", "note-D3_quarter", "clef-C3", "note-C4_quarter")
    recognizer = Recognizer(model=write_scripted(tmp_path / "m.onnx", tokens), threads=1)
    notes = [s for s in recognizer.read_gray(draw_staff()).symbols if s.token.startswith("note")]
    assert [(s.box[1] + s.box[3]) / 2 for s in notes] == pytest.approx([70 + 24] * 3, abs=1)  # middle line


def test_json_has_plain_values_and_staff_lines(recognizer):
    import json

    document = recognizer.read_gray(draw_staff(), name="tune")
    plain = json.loads(json.dumps(document.to_json()))
    assert plain == document.to_json()
    (staff,) = plain["pages"][0]["staves"]
    heights = [np.mean([y for _, y in line]) for line in staff["lines"]]
    assert heights == pytest.approx([70, 82, 94, 106, 118], abs=1)
    assert staff["lines"][0][0][0] == pytest.approx(20, abs=4)


def test_save_writes_by_suffix(recognizer, tmp_path):
    document = recognizer.read_gray(draw_staff())
    for name in ("tune.musicxml", "tune.mid", "tune.mei"):
        document.save(tmp_path / name)
    assert score_to_tokens(load_one_voice(tmp_path / "tune.musicxml")) == list(TUNE)
    with pytest.raises(OutputError, match=r"tune\.doc cannot be written: unknown suffix"):
        document.save(tmp_path / "tune.doc")


def test_readings_are_independent(recognizer):
    before = recognizer.read_gray(draw_staff())
    recognizer.read_gray(draw_staff(1200, 300, space_px=20))
    assert recognizer.read_gray(draw_staff()).to_json() == before.to_json()


def test_errors_name_the_image(recognizer, tmp_path):
    with pytest.raises(NoStaffError, match=r"^blank: no staff of five lines"):
        recognizer.read_gray(np.full((200, 400), 255, np.uint8), name="blank")
    with pytest.raises(ImageError, match=r"^long: the staff is \d+ staff spaces long"):
        recognizer.read_gray(draw_staff(20000), name="long")
    with pytest.raises(ImageError, match=r"no\.png: no such file$"):
        recognizer.read(tmp_path / "no.png")


def test_plain_images_have_size_limits(tmp_path):
    card = replace(CARD, preset="paper", height_px=128, frame_px=16)
    recognizer = Recognizer(model=write_scripted(tmp_path / "m.onnx", card=card), threads=1)
    for shape in ((2000, 100), (100, 20000)):
        with pytest.raises(ImageError, match=r"^odd: \d+ x \d+ pixels are \d+ x 128 for this network"):
            recognizer.read_gray(np.full(shape, 255, np.uint8), name="odd")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"preset": "future"}, "made for preset 'future'"),
        ({"staff_space_px": 12}, "staff space 12"),
        ({"height_px": 64}, "with 64 rows"),
    ],
)
def test_a_model_for_other_input_is_refused(tmp_path, change, message):
    file = write_scripted(tmp_path / "m.onnx", card=replace(CARD, **change))
    with pytest.raises(ModelError, match=message):
        Recognizer(model=file)


@pytest.mark.parametrize("text", ["", "[]", "{", '{"format": 99}', '{"format": 1, "vocabulary": ["a"]}'])
def test_a_model_with_damaged_metadata_is_refused(tmp_path, text):
    import onnx

    from focal_omr.onnx_model import METADATA_KEY

    file = write_scripted(tmp_path / "m.onnx", card=None)
    graph = onnx.load(str(file))
    entry = graph.metadata_props.add()
    entry.key, entry.value = METADATA_KEY, text
    onnx.save(graph, str(file))
    with pytest.raises(ModelError, match=r"m\.onnx: "):
        Recognizer(model=file)


def test_a_vocabulary_that_does_not_fit_the_network_is_refused(tmp_path):
    from focal_omr.encodings.codec import Codec
    from focal_omr.encodings.vocabulary import primus_semantic

    card = replace(CARD, codec=Codec("semantic", primus_semantic()))
    with pytest.raises(ModelError, match=r"\d+ output classes, but its vocabulary has 1782"):
        Recognizer(model=write_scripted(tmp_path / "m.onnx", card=card))


@packaged
def test_reading_with_the_packaged_weights_is_deterministic():
    picture = next(s.picture for s in primus_samples(EXAMPLES) if s.picture.stem == "ode-to-joy")
    document = read(picture)
    assert document.to_json() == read(picture).to_json()
    assert np.mean([symbol.confidence for symbol in document.symbols]) > 0.9
    page = document.pages[0]
    for left, top, right, bottom in (symbol.box for symbol in document.symbols):
        assert 0 <= left < right <= page.width
        assert 0 <= top < bottom <= page.height


def test_beam_search_corrects_durations_by_the_bar(tmp_path):
    """A dot is ambiguous: the best class of the frame is wrong, and the bar decides."""
    import onnx
    from onnx import numpy_helper

    tokens = ["clef-G2", "timeSignature-3/4", "note-C5_half", "barline", "note-C5_half", "barline"]
    path = write_scripted(tmp_path / "m.onnx", tokens, confidence=0.6)
    graph = onnx.load(str(path))
    (table,) = (each for each in graph.graph.initializer if each.name == "table")
    frames = numpy_helper.to_array(table).copy()
    half, dotted = CARD.codec.vocabulary.encode(["note-C5_half", "note-C5_half."])
    frames[np.isclose(frames[:, half], np.log(0.6)), dotted] = np.log(0.35)
    table.CopyFrom(numpy_helper.from_array(frames, "table"))
    onnx.save(graph, str(path))
    notes = {
        width: [s.token for s in Recognizer(model=path, beam_width=width).read_gray(draw_staff()).symbols]
        for width in (0, 8)
    }
    assert notes[0] == tokens
    assert notes[8] == [token.replace("half", "half.") for token in tokens[:3]] + tokens[3:4] + [
        "note-C5_half.",
        "barline",
    ]
