"""Readers of the comparison: files of any supported format to the bars of their parts.

MusicXML is read by music21, MEI from its elements and kern from Verovio's MEI; labels and tunes (semantic,
agnostic, ABC, PAE) hold no more than a `Score`, and so are read as one.

MEI has a reader here because no library read Verovio's own MEI: music21 10.5 found 109 of the 168 bars of a
string quartet, converter21 4.0 refuses MEI 6 and does not run with music21 10, and partitura 1.9 stops at
tremolos and multi-measure rests.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from math import lcm
from pathlib import Path
from xml.etree import ElementTree as ET

from focal_omr.errors import NotationError, OmrError
from focal_omr.evaluation.score_diff.mei import mei_parts
from focal_omr.evaluation.score_diff.musicxml import musicxml_parts, only_parts
from focal_omr.evaluation.score_diff.records import NoteEvent, VoicedBar, VoicedPart
from focal_omr.formats.mei_reader import read_mei
from focal_omr.formats.musicxml_writer import write_musicxml
from focal_omr.formats.one_voice_files import decode_text, load_one_voice
from focal_omr.formats.safe_xml import MAX_SCORE_BYTES, parse_xml, unzip_musicxml
from focal_omr.formats.verovio import Engraver
from focal_omr.formats.written_bars import WrittenBar, quarter_lengths, written_bars
from focal_omr.runtime.atomic_files import read_limited
from focal_omr.score.records import Measure, Note, Rest, Score, flat_events

__all__ = ["SUFFIXES", "ComparedScore", "load_compared"]

_KERN = (".krn", ".kern")
_AS_SCORE = (".semantic", ".agnostic", ".abc", ".pae")
# Suffixes that can be compared; of several files with one stem the first of these is taken.
SUFFIXES = (".musicxml", ".mxl", ".xml", ".mei", *_KERN, *_AS_SCORE)


@dataclass(frozen=True)
class ComparedScore:
    """A score to be compared.

    Attributes:
        parts: Its staves.
        root: The MusicXML document it was read from; None for other formats.
        whole: The `Score` it was read from; None for formats that can hold more than that.
        path: Its file; None if it was given as a `Score`.
    """

    parts: tuple[VoicedPart, ...]
    root: ET.Element | None = None
    whole: Score | None = None
    path: Path | None = None

    def musicxml(self, *indices: int) -> str:
        """The parts of the given indices, from 0, as a MusicXML document.

        Raises:
            OmrError: MEI or kern that a `Score` cannot hold, or holds with other staves.
        """
        if self.root is not None:
            sources = {self.parts[index].source for index in indices}
            return ET.tostring(only_parts(self.root, sources), encoding="unicode")
        parts = self._whole_score().parts
        return write_musicxml(Score(tuple(parts[index] for index in indices)))

    def score(self, index: int) -> Score:
        """One part, by its index from 0, as a `Score`.

        Raises:
            NotationError: A `Score` cannot hold it: chords, two voices, two staves in a part.
            OmrError: See `musicxml`.
        """
        if self.root is None:
            return Score((self._whole_score().parts[index],))
        score = read_mei(Engraver().mei(self.musicxml(index), input_format="musicxml"))
        if len(score.parts) != 1:
            raise NotationError(f"part {self.parts[index].name!r} has {len(score.parts)} staves")
        return score

    def _whole_score(self) -> Score:
        score = load_one_voice(self.path or "") if self.whole is None else self.whole
        if len(score.parts) != len(self.parts):  # MEI may define a staff twice, or after the first measure
            raise NotationError(f"{len(self.parts)} staves, but {len(score.parts)} that make a score")
        return score


def load_compared(source: Path | str | Score) -> ComparedScore:
    """Read the parts of a file or a score with their bars.

    Raises:
        NotationError: An unknown suffix, a file that cannot be read, or a document without music.
        EngraveError: Verovio could not read the music.
        OmrError: The file is MusicXML and music21 is not installed.
    """
    if isinstance(source, Score):
        return ComparedScore(tuple(_score_parts(source)), whole=source)
    path = Path(source)
    suffix = path.suffix.lower()
    if suffix in _AS_SCORE or suffix not in SUFFIXES:
        return load_compared(load_one_voice(path))
    try:
        data = read_limited(path, MAX_SCORE_BYTES)
        if suffix in _KERN:
            data = Engraver().mei(decode_text(data), input_format="kern").encode()
        root = parse_xml(unzip_musicxml(data) if suffix == ".mxl" else data)
        if suffix in _KERN or root.tag.rpartition("}")[2] == "mei":
            return ComparedScore(tuple(mei_parts(root)), path=path)
        return ComparedScore(tuple(musicxml_parts(root)), root, path=path)
    except OSError as error:
        raise NotationError(f"{path} cannot be read: {error.strerror or error}") from error
    except OmrError as error:
        raise type(error)(f"{path}: {error}") from error


def _score_parts(score: Score) -> Iterator[VoicedPart]:
    """The bars of each part, as the MusicXML writer makes them: shorter parts end with empty ones."""
    parts = [list(written_bars(part)) for part in score.parts]
    longest = max(parts, key=len, default=[]) or [WrittenBar((), None)]  # one bar at least
    first_number = 0 if longest[0].is_pickup else 1
    # The writer gives a bar of nothing but grace notes the shortest length that it can express.
    lengths = [quarters for bars in parts for bar in bars for quarters in quarter_lengths(bar)]
    grace_bar = Fraction(1, lcm(*(quarters.denominator for quarters in lengths)))
    for part, bars in zip(score.parts, parts, strict=True):
        bars += [WrittenBar((), None)] * (len(longest) - len(bars))
        voiced = []
        for index, bar in enumerate(bars, 1):
            events = list(flat_events(Measure(bar.events)))
            now = Fraction(0)
            notes = []
            for event, quarters in zip(events, quarter_lengths(bar), strict=bar.rest is None):
                if isinstance(event, Note) and not event.grace:
                    pitch = event.pitch
                    notes.append(NoteEvent(index, now, pitch.step, pitch.alter, pitch.octave, quarters))
                now += quarters
            if not now and any(isinstance(event, Note | Rest) for event in events):
                now = grace_bar
            voiced.append(VoicedBar(index, str(index - 1 + first_number), tuple(notes), now))
        yield VoicedPart(part.name, tuple(voiced))
