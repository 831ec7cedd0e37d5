"""Round trips of the scores of corpora: `python -m benchmarks.corpora songs=FOLDER quartets=FOLDER`.

Two trips, whose figures are appended to CSV files: Score -> columns -> Score, with what columns cannot say
and how often; and Score -> MusicXML or Score -> MEI -> Verovio -> MEI, read and compared with the file as by
`focal-omr compare`. Takes a second for a song and half a minute for a movement of a symphony.
"""

import argparse
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from focal_omr.encodings.column_bars import opens_with_repeat, split_bars
from focal_omr.encodings.column_factors import column_factors, column_from_factors
from focal_omr.encodings.columns import Column, NoteColumn
from focal_omr.encodings.from_columns import score_from_columns
from focal_omr.encodings.to_columns import ScoreColumns, score_to_columns
from focal_omr.errors import NotationError, OmrError
from focal_omr.evaluation.score_diff.counts import ScoreDiff, Tally, diff_bars
from focal_omr.evaluation.score_diff.read import load_compared
from focal_omr.formats.registry import load_score, save_score
from focal_omr.formats.verovio import Engraver
from focal_omr.runtime.provenance import record
from focal_omr.score.score import Chord, Score

_OTHER_ADVANCE = "an advance that is not in the table, and not told by the durations"
Systems = Sequence[Sequence[Sequence[Column]]]
Note = tuple[object, ...]


@dataclass
class ColumnsTrip:
    """Counts of Score -> columns -> Score.

    Attributes:
        files, bars, outside: Scores, their measures, and the measures that columns cannot say.
        reasons: Measures by what columns cannot say of them.
        onsets: Onsets of notes inside the alphabet: in both, in the result, in the score.
        right: Measures inside the alphabet whose notes are all right.
        unaided: The same where no column tells its advance.
    """

    files: int = 0
    bars: int = 0
    outside: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    onsets: Counter[str] = field(default_factory=Counter)
    right: int = 0
    unaided: int = 0

    def add(self, score: Score) -> None:
        """Take a score there and back."""
        encoded = score_to_columns(score)
        reasons: dict[int, set[str]] = {}
        for each in encoded.outside:
            reasons.setdefault(each.measure, set()).add(each.reason)
        for measure, reason in _beyond_table(encoded):
            reasons.setdefault(measure, set()).add(reason)
        truth = notes_of(score)
        told = notes_of(score_from_columns(_systems(encoded), encoded.staves).score)
        alone = notes_of(score_from_columns(_systems(encoded, advance=False), encoded.staves).score)
        for index, own in [*reasons.items()]:
            if own == {_OTHER_ADVANCE} and told[index : index + 1] == truth[index : index + 1]:
                del reasons[index]  # the durations tell it
        inside = [index for index in range(len(truth)) if index not in reasons]
        self.files += 1
        self.bars += len(truth)
        self.outside += len(reasons)
        self.reasons.update(reason for own in reasons.values() for reason in own)
        self.right += sum(told[i] == truth[i] for i in inside if i < len(told))
        self.unaided += sum(alone[i] == truth[i] for i in inside if i < len(alone))
        for index in inside:
            got = told[index] if index < len(told) else Counter()
            hyp, ref = (Counter(note[:3] for note in bar.elements()) for bar in (got, truth[index]))
            self.onsets.update(both=(hyp & ref).total(), result=hyp.total(), truth=ref.total())


def notes_of(score: Score) -> list[Counter[Note]]:
    """The notes of each measure: staff, onset, pitch, duration, grace, and whether a tie begins."""
    bars: list[Counter[Note]] = [Counter() for _ in score.parts[0].measures]
    above = 0
    for part in score.parts:
        for bar, measure in zip(bars, part.measures, strict=True):
            chords = (e for voice in measure.voices for e in voice.events if isinstance(e, Chord))
            for chord in chords:
                for note in chord.notes:
                    place = (above + (note.staff or chord.staff), chord.onset, str(note.pitch))
                    bar[*place, chord.duration, chord.length, chord.grace, note.tie_to is not None] += 1
        above += part.staves
    return bars


def _beyond_table(encoded: ScoreColumns) -> Iterator[tuple[int, str]]:
    """What the table of factors cannot say: index of the measure, and why."""
    first = 0
    for system in encoded.systems:
        index = first
        for columns in system:
            index = first
            for bar in split_bars(columns, opens=opens_with_repeat(columns)):
                for column in bar.columns:
                    try:
                        values = column_factors(column)
                    except NotationError as error:
                        yield index, str(error)
                        continue
                    if column_from_factors(values) != column:
                        yield index, _OTHER_ADVANCE
                index += max([1, *(int(str(c.value)) for c in bar.signs if c.kind == "multirest")])
        first = index


def _systems(encoded: ScoreColumns, *, advance: bool = True) -> Systems:
    """The columns as the table of factors says them, where it can."""

    def told(column: Column) -> Column:
        with suppress(NotationError):  # its measure is outside, and counted as that
            column = column_from_factors(column_factors(column))
        return column if advance or not isinstance(column, NoteColumn) else replace(column, advance=None)

    return [[[told(column) for column in columns] for columns in system] for system in encoded.systems]


# Files ---------------------------------------------------------------------------------------------------


def through_files(path: Path, score: Score, folder: Path) -> Iterator[tuple[str, ScoreDiff]]:
    """The trips through files, each with what `focal-omr compare` finds beside the file itself."""
    truth = load_compared(path).bars
    written = folder / "score.musicxml"
    save_score(score, written)
    yield "musicxml", diff_bars(load_compared(written).bars, truth)
    mei = folder / "score.mei"
    save_score(score, mei)
    mei.write_text(Engraver().mei(mei.read_text(encoding="utf-8"), input_format="mei"), encoding="utf-8")
    yield "mei through Verovio", diff_bars(load_compared(mei).bars, truth)


def _is_perfect(diff: ScoreDiff) -> bool:
    tallies = [*diff.tallies.values(), diff.bars]
    return all(t.matched == t.result == t.truth for t in tallies) and not any(
        edits for edits, _ in diff.lyrics.values()
    )


def main() -> None:
    """Take each corpus there and back, and append the figures to the CSV files."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("corpora", nargs="+", metavar="NAME=FOLDER")
    parser.add_argument("--every", type=int, default=1, help="Take every N-th file.")
    parser.add_argument("--columns-only", action="store_true", help="Leave out the trips through files.")
    parser.add_argument("--out", type=Path, default=Path("experiments/results"))
    options = parser.parse_args()
    for corpus in options.corpora:
        name, _, folder = corpus.partition("=")
        files = sorted(f for f in Path(folder).rglob("*") if f.suffix in (".mxl", ".musicxml", ".krn"))
        _measure(name, files[:: options.every], options.out, columns_only=options.columns_only)


def _measure(name: str, files: Sequence[Path], out: Path, *, columns_only: bool) -> None:
    columns, diffs, perfect, refused = ColumnsTrip(), dict[str, ScoreDiff](), Counter[str](), 0
    with TemporaryDirectory() as folder:
        for path in files:
            try:
                score = load_score(path)
            except OmrError as error:
                print(error, flush=True)
                refused += 1
                continue
            columns.add(score)
            for way, diff in () if columns_only else through_files(path, score, Path(folder)):
                if _is_perfect(diff):
                    perfect[way] += 1
                else:
                    print(f"{path}: {way}: {diff.tallies}, lyrics {diff.lyrics}", flush=True)
                diffs.setdefault(way, ScoreDiff(dict.fromkeys(diff.tallies, Tally()))).add(diff)
    _record_columns(name, columns, out)
    for way, diff in diffs.items():
        figures = {kind: None if t.f1 is None else round(t.f1, 6) for kind, t in diff.tallies.items()}
        figures["lyrics_edits"] = sum(edits for edits, _ in diff.lyrics.values())
        counts = {"files": columns.files, "refused": refused, "perfect": perfect[way]}
        record(out / "roundtrip.csv", {"corpus": name, "way": way, **counts, **figures})


def _record_columns(name: str, trip: ColumnsTrip, out: Path) -> None:
    inside = max(1, trip.bars - trip.outside)
    figures = {
        "files": trip.files,
        "bars": trip.bars,
        "outside": trip.outside,
        "outside_percent": round(100 * trip.outside / max(1, trip.bars), 3),
        "onset_f1": round(2 * trip.onsets["both"] / max(1, trip.onsets["result"] + trip.onsets["truth"]), 6),
        "bars_right": round(trip.right / inside, 6),
        "bars_right_without_advance": round(trip.unaided / inside, 4),
    }
    record(out / "columns.csv", {"corpus": name, **figures})
    for reason, bars in trip.reasons.most_common():
        share = {"bars": bars, "percent": round(100 * bars / trip.bars, 4)}
        record(out / "columns_outside.csv", {"corpus": name, "reason": reason, **share})


if __name__ == "__main__":
    main()
