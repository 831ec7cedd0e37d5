"""Overlay of a reading on its image."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
from scripted import draw_staff, write_scripted

from focal_omr import Recognizer
from focal_omr.document.overlay import draw_page, overlay_png, short_name
from focal_omr.encodings.vocabulary import full_semantic

BLUE, ORANGE = (178, 114, 0), (0, 94, 213)  # certain, doubtful; BGR


def _read(folder, gray, *, confidence, tokens=("clef-G2", "note-D5_quarter", "barline", "rest-half")):
    file = write_scripted(folder / "m.onnx", tokens, confidence=confidence)
    return Recognizer(model=file, threads=1).read_gray(gray)


def _box_edge(picture, symbol):
    left, _, right, bottom = symbol.box
    return tuple(int(value) for value in picture[round(bottom), round((left + right) / 2)])


@pytest.mark.parametrize(("confidence", "colour"), [(0.9999, BLUE), (0.51, ORANGE)])
def test_boxes_have_the_colour_of_their_confidence(tmp_path, confidence, colour):
    gray = draw_staff(space_px=16, top=60)
    document = _read(tmp_path, gray, confidence=confidence)
    picture = draw_page(gray, document.pages[0])
    # Edges are antialiased and blended with the image, so colours match approximately.
    assert np.abs(np.subtract(_box_edge(picture, document.symbols[1]), colour)).max() <= 40


def test_the_image_is_faded_in_place(tmp_path):
    gray = draw_staff(space_px=16, top=60)
    picture = draw_page(gray, _read(tmp_path, gray, confidence=0.99).pages[0])
    height, width = gray.shape
    assert picture.shape[0] > height  # room for the names
    assert picture.shape[1] == width
    assert tuple(picture[60, width - 60]) == (140, 140, 140)  # a staff line
    assert tuple(picture[5, 5]) == (255, 255, 255)


def test_small_images_are_enlarged_for_legible_names(tmp_path):
    gray = draw_staff(350, 90, space_px=6, top=30, left=10)
    picture = draw_page(gray, _read(tmp_path, gray, confidence=0.99).pages[0])
    assert picture.shape[1] >= 3 * 350


def test_a_symbol_left_out_of_the_score_is_crossed_out(tmp_path):
    gray = draw_staff(space_px=16, top=60)
    document = _read(tmp_path, gray, confidence=0.9999, tokens=("clef-G2", "rest-half", "rest-half"))
    page = document.pages[0]
    symbols = page.staves[0].symbols
    unused = (*symbols[:2], replace(symbols[2], used=False))
    crossed = replace(page, staves=(replace(page.staves[0], symbols=unused),))
    before, after = draw_page(gray, page), draw_page(gray, crossed)
    left, top, right, bottom = (round(edge) for edge in symbols[2].box)
    changed = np.argwhere((before != after).any(axis=2))
    assert len(changed) > 20
    assert changed.min(axis=0).tolist() >= [top - 1, left - 1]
    assert (changed.max(axis=0) <= [bottom + 1, right + 1]).all()


def test_the_file_is_a_reproducible_png(tmp_path):
    gray = draw_staff()
    document = _read(tmp_path, gray, confidence=0.8)
    data = overlay_png(gray, document)
    decoded = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    assert np.array_equal(decoded, draw_page(gray, document.pages[0]))
    assert overlay_png(gray, document) == data


def test_empty_staves_and_plain_images_are_drawn(tmp_path):
    gray = draw_staff(space_px=16, top=60)
    document = _read(tmp_path, gray, confidence=0.9, tokens=())
    page = document.pages[0]
    assert draw_page(gray, page).shape[1] == 700
    plain = replace(page, staves=(replace(page.staves[0], staff=None),))
    assert draw_page(gray, plain).shape[1] == 700
    assert draw_page(gray, replace(page, staves=())).shape == (200, 700, 3)


@pytest.mark.parametrize(
    ("token", "name"),
    [
        ("note-F#4_eighth.", "F#4 1/8."),
        ("note-Bbb3_quarter_fermata", "Bbb3 1/4 ferm."),
        ("gracenote-C5_sixteenth", "grace C5 1/16"),
        ("rest-double_whole", "rest 2/1"),
        ("multirest-12", "bars of rest 12"),
        ("clef-C3", "clef C3"),
        ("keySignature-EbM", "key EbM"),
        ("timeSignature-6/8", "6/8"),
        ("timeSignature-C/", "cut C"),
        ("barline", "|"),
        ("barline-repeat_end", ":|"),
        ("tuplet-3", "3("),
        ("tie", "tie"),
        ("something", "something"),
    ],
)
def test_short_names(token, name):
    assert short_name(token) == name


def test_short_names_are_unique():
    names = {token: short_name(token) for token in full_semantic().symbols}
    assert len(set(names.values())) == len(names)
    assert max(len(name) for name in names.values()) <= 18
    assert all(name.isascii() and name for name in names.values())
