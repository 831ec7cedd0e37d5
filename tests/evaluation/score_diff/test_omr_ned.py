"""OMR-NED with a musicdiff that stands in for the real one, without it, and with it where it is installed."""

import sys

import pytest
from one_voice import write_musicxml

from focal_omr.encodings.semantic import read_semantic
from focal_omr.evaluation.score_diff import omr_ned as ned

ONE, TWO = (write_musicxml(read_semantic(f"clef-G2 note-{name}4_quarter")) for name in "CD")


def test_without_musicdiff_there_is_none(monkeypatch):
    monkeypatch.setattr(ned, "find_spec", lambda name: None)
    assert not ned.has_musicdiff()
    assert ned.omr_neds([(ONE, TWO), (ONE, ONE)]) == [None, None]


def test_a_pair_that_cannot_be_measured_is_named_and_the_others_are_measured(monkeypatch, caplog):
    monkeypatch.setattr(ned, "has_musicdiff", lambda: True)
    outcomes = {"a": 0.25, "b": "ValueError: no", "c": ned.Lost("takes longer than 60 s"), "d": 0.0}
    monkeypatch.setattr(
        ned, "map_in_processes", lambda function, pairs, **_: ((pair, outcomes[pair[0]]) for pair in pairs)
    )
    assert ned.omr_neds([(name, name) for name in "abcd"]) == [0.25, None, None, 0.0]
    assert [record.getMessage() for record in caplog.records] == [
        "OMR-NED is not measured: ValueError: no",
        "OMR-NED is not measured: musicdiff takes longer than 60 s",
    ]


def test_a_failure_within_musicdiff_is_said(monkeypatch):
    class Broken:
        def __getattr__(self, name):
            raise ValueError("no " + name)

    monkeypatch.setitem(sys.modules, "musicdiff", type(sys)("musicdiff"))
    for name in ("AnnScore", "Comparison", "Visualization"):
        setattr(sys.modules["musicdiff"], name, Broken())
    monkeypatch.setitem(sys.modules, "music21", type(sys)("music21"))
    sys.modules["music21"].converter = Broken()
    assert ned._measure((ONE, TWO)) == "ValueError: no parseData"


@pytest.mark.skipif(not ned.has_musicdiff(), reason="musicdiff is not installed")
def test_with_musicdiff():
    same, other = ned.omr_neds([(ONE, ONE), (ONE, TWO)])
    assert same == 0
    assert 0 < other <= 1
