"""Written MusicXML opened by partitura and MuseScore, where they are installed.

Verovio and music21 open it in `test_musicxml_score`.
"""

import json
import os
import re
import shutil
import subprocess
import warnings
from pathlib import Path

import pytest
from musicxml_snippets import SNIPPETS

from focal_omr.formats.musicxml_reader import read_musicxml
from focal_omr.formats.musicxml_score import write_musicxml_score

MUSESCORE = next(filter(None, map(shutil.which, ("musescore3", "mscore3"))), None)
# What partitura 1.9 does not read, and says so.
PARTITURA_WARNS = {
    "chord symbols": "ignoring empty <harmony>",
    "direction inside a note": "error parsing",
    "figured bass": "ignoring tag figured-bass",
    "grace notes": "grace note without recoverable|might be cadenza notation",
    "jumps": "error parsing|ignoring direction type|unhandled: Fine",
    "rehearsal mark": "ignoring direction type: rehearsal",
    "tempo": "ignoring direction type: metronome",
    "unread measure": "ignoring tag grouping",
}
# What MuseScore 3.2 complains about: what it has not, and lines that end at the end of a measure.
MUSESCORE_WARNS = {
    "barlines": "unsupported bar type",
    "dynamics": "setDynamicType: other <sempre p>",
    "endings": "empty bar type",
    "grace notes": "addGraceChordsAfter",
    "hairpins on two staves": "no segment for tick",
    "let ring": "Error .*unknown tied type let-ring",
    "line without an end": "no segment for tick",
    "nested tuplets": "tuplet already started|determineTupletBaseLen",
    "slur over one chord": "zero slur",
    "slurs with one end": "zero slur",
    "tie that leads nowhere": "Error .*unknown tied type let-ring",
    "trill line": "Error .*wavy-line number 1 stop without start",
    "two hairpins at once": "no segment for tick",
}


@pytest.mark.parametrize("name", SNIPPETS)
def test_partitura_opens_them(name: str, tmp_path: Path) -> None:
    partitura = pytest.importorskip("partitura")
    path = tmp_path / "score.musicxml"
    path.write_text(write_musicxml_score(read_musicxml(SNIPPETS[name])), encoding="utf-8")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        partitura.load_score(str(path))
    known = PARTITURA_WARNS.get(name, "(?!)")
    assert [str(each.message) for each in caught if not re.match(known, str(each.message))] == []


@pytest.mark.slow
@pytest.mark.skipif(MUSESCORE is None, reason="needs MuseScore 3")
def test_musescore_opens_them(tmp_path: Path) -> None:
    assert MUSESCORE is not None
    jobs = []
    for number, text in enumerate(SNIPPETS.values()):
        path = tmp_path / f"{number}.musicxml"
        path.write_text(write_musicxml_score(read_musicxml(text)), encoding="utf-8")
        jobs.append({"in": str(path), "out": str(path.with_suffix(".mscx"))})
    (tmp_path / "jobs.json").write_text(json.dumps(jobs), encoding="utf-8")
    run = subprocess.run(
        [MUSESCORE, "-j", str(tmp_path / "jobs.json")],
        env={**os.environ, "QT_QPA_PLATFORM": "offscreen"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=300,
        check=True,
    )
    said = re.split(r"^convert <.*?(\d+)\.musicxml>\.\.\.$", run.stdout, flags=re.MULTILINE)[1:]
    names = list(SNIPPETS)
    told = {
        names[int(number)]: lines.split("\n") for number, lines in zip(said[::2], said[1::2], strict=True)
    }
    assert told.keys() == SNIPPETS.keys()
    for name, lines in told.items():
        known = rf"\s*to <|\.\.\. success!|{MUSESCORE_WARNS.get(name, '(?!)')}"
        assert [line for line in lines if line and not re.match(known, line)] == [], name
        assert "... success!" in lines
