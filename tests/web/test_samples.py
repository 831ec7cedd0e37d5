"""Edited staves as training samples: they can be read, packed and evaluated."""

import io
import zipfile
from dataclasses import replace

import numpy as np
import pytest
from hand_made import make_document, with_unread
from web_documents import WEIGHTS, example, picture_of, recognizer

from focal_omr.data.pack import pack_samples
from focal_omr.data.primus.samples import Sample, primus_samples
from focal_omr.document.assemble import assemble
from focal_omr.document.document import Document
from focal_omr.encodings.printed import semantic_to_printed
from focal_omr.evaluation.evaluate import evaluate
from focal_omr.staff.strip import load_gray
from focal_omr.web.samples import samples_zip

OPEN = "clef-G2 keySignature-GM timeSignature-2/4"
PAPER = {1: np.full((600, 500), 250, np.uint8)}


def unzipped(data: bytes, folder) -> list[Sample]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        archive.extractall(folder)
    return primus_samples(folder)


def with_mended(document: Document, *staves: int) -> Document:
    page = document.pages[0]
    marked = [replace(each, mended=number in staves) for number, each in enumerate(page.staves)]
    return assemble(document.source, "", [replace(page, staves=tuple(marked))])


@pytest.mark.skipif(not WEIGHTS.is_file(), reason="the packaged weights are not there")
def test_an_example_is_read_back_packed_and_evaluated(tmp_path):
    document = example("ode-to-joy")
    data = samples_zip(document, {1: load_gray(picture_of("ode-to-joy"))}, all_staves=True)
    (sample,) = unzipped(data, tmp_path / "samples")
    assert sample.id == "ode-to-joy-p1-s1"
    assert list(sample.semantic) == [symbol.token for symbol in document.symbols if symbol.used]
    assert sample.agnostic is not None
    assert sample.agnostic[:3] == ("clef.G-L2", "accidental.sharp-L5", "accidental.sharp-S3")
    assert evaluate(recognizer(), tmp_path / "samples").rates.ser == 0
    assert pack_samples(tmp_path / "samples", tmp_path / "shards").staves == 1


def test_edited_staves_or_all_staves(tmp_path):
    document = make_document(*[f"{OPEN} note-G4_half barline"] * 3)
    document = with_mended(with_unread(document, 0, 0), 1)
    assert [each.id for each in unzipped(samples_zip(document, PAPER), tmp_path / "a")] == ["hand-p1-s2"]
    every = samples_zip(document, PAPER, all_staves=True)
    assert [each.id for each in unzipped(every, tmp_path / "b")] == ["hand-p1-s2", "hand-p1-s3"]
    assert every == samples_zip(document, PAPER, all_staves=True)
    with pytest.raises(KeyError):
        samples_zip(document, {})


def test_a_key_not_printed_on_the_staff_alters_no_note(tmp_path):
    document = make_document(
        f"{OPEN} note-F#4_half barline",
        "clef-G2 note-F#4_quarter note-F4_quarter barline accidental note-F#4_half barline",
        "clef-G2 keySignature-GM note-F#4_half barline",
    )
    labels = [each.semantic for each in unzipped(samples_zip(document, PAPER, True), tmp_path)]
    assert labels[1][1:] == (
        *("note-F4_quarter", "accidental", "note-F4_quarter", "barline", "note-F#4_half", "barline"),
    )
    assert semantic_to_printed(labels[1])[1:] == [
        *("note-F4_quarter", "accidental-n", "note-F4_quarter", "barline"),
        *("accidental-#", "note-F4_half", "barline"),
    ]
    assert labels[2][2] == "note-F#4_half"


def test_images_have_a_margin_of_five_spaces_and_names_are_safe(tmp_path):
    document = make_document(f"{OPEN} note-G4_half barline", f"{OPEN} note-Fbb4_half barline", "tie")
    document = replace(document, source="../a b/Übung Nr.1.pdf")
    rows = (
        np.minimum(np.arange(500), 255).astype(np.uint8)[:, None].repeat(270, 1)
    )  # each row has its own grey
    samples = unzipped(samples_zip(document, {1: rows}, True), tmp_path)
    # No sample of the staff without used symbols.
    assert [each.id for each in samples] == ["bung-Nr-1-p1-s1", "bung-Nr-1-p1-s2"]
    first, second = (load_gray(each.picture) for each in samples)
    assert first.shape == second.shape == (141, 270)
    assert (first[0, 0], second[0, 0]) == (30, 230)
