"""Plates by the second engraver, where it is installed."""

import shutil
from random import Random

import numpy as np
import pytest

from focal_omr.data.engraving.lilypond_staff_images import lilypond_staff_images
from focal_omr.data.staff_image import STAFF_IMAGE_HEIGHT_PX, STAFF_IMAGE_MARGIN_SPACES, STAFF_IMAGE_SPACE_PX
from focal_omr.encodings.semantic import read_semantic, score_to_tokens
from focal_omr.errors import EngraveError
from focal_omr.staff.strip import staff_strip

LABELS = (
    "clef-G2 keySignature-DM timeSignature-3/4 note-F#4_quarter note-A4_half barline note-D5_half. barline",
    "clef-G2 multirest-3 barline",
    "clef-F4 timeSignature-C/ note-C3_eighth note-D3_eighth note-E3_quarter rest-half barline-final",
)


@pytest.mark.skipif(shutil.which("lilypond") is None, reason="needs the program lilypond")
def test_staff_images_are_those_of_the_scores_and_lie_as_verovios_do():
    scores = [read_semantic(label) for label in LABELS]
    first, none, last = lilypond_staff_images(Random(1), scores)
    assert none is None  # it does not write rests of several bars
    for staff_image, label in ((first, LABELS[0]), (last, LABELS[2])):
        assert score_to_tokens(staff_image.score) == label.split()
        assert staff_image.gray.shape[0] == STAFF_IMAGE_HEIGHT_PX
        margin = STAFF_IMAGE_MARGIN_SPACES * STAFF_IMAGE_SPACE_PX
        inside = staff_image.gray[:, margin + 2 : -margin - 2]
        assert (np.quantile(inside[[50, 60, 70, 80, 90]], 0.8, axis=1) < 200).all()
        assert (np.quantile(inside[[45, 55, 65, 75, 85, 95]], 0.5, axis=1) == 255).all()
        assert staff_strip(staff_image.gray).staff.space_px == pytest.approx(STAFF_IMAGE_SPACE_PX, abs=0.15)


def test_without_the_program_the_error_says_how_to_get_it(monkeypatch):
    monkeypatch.setenv("PATH", "")
    with pytest.raises(EngraveError, match="apt install lilypond"):
        lilypond_staff_images(Random(1), [read_semantic(LABELS[0])])
