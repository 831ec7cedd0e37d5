"""Real tunes: any folder of kern, ABC, PAE, MusicXML or MEI, or music21's corpus, to monophonic parts.

A collection is made once and kept as one text file: a line per part, its source, a tab, and the semantic
tokens of the whole part. `excerpt` cuts staves out of it and varies them.
"""

import logging
import multiprocessing
import re
import zipfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace
from fractions import Fraction
from importlib.util import find_spec
from pathlib import Path
from random import Random
from xml.etree import ElementTree as ET

from focal_omr.data.compose import mend_ties
from focal_omr.errors import DataError, OmrError
from focal_omr.notation.engrave import Engraver
from focal_omr.notation.mei_reader import read_mei
from focal_omr.notation.score import (
    NOTE_VALUES,
    STEPS,
    Clef,
    Duration,
    Event,
    Key,
    Measure,
    Meter,
    Note,
    Part,
    Rest,
    Score,
    Tuplet,
    flat_events,
    sound_accidentals,
)
from focal_omr.notation.semantic import join_label, score_to_tokens, split_label, tokens_to_score

logger = logging.getLogger(__name__)

_FORMATS = {
    ".krn": "kern",
    ".abc": "abc",
    ".pae": "pae",
    ".mei": "mei",
    ".musicxml": "musicxml",
    ".xml": "musicxml",
    ".mxl": "musicxml",
}
# Without the Essen folk songs, whose licence excludes commercial use.
_MUSIC21_LEFT_OUT = ("essenFolksong",)
_FILES_PER_TASK = 10
# A copy of a process with threads, which torch and ONNX Runtime start, may hang: Python 3.12 warns of it.
_FRESH = multiprocessing.get_context("spawn")


@dataclass(frozen=True)
class Tune:
    """A monophonic part and where it comes from."""

    source: str
    part: Part


def music21_folder() -> Path:
    """Folder of music21's corpus. Raises DataError where music21 is not installed."""
    spec = find_spec("music21")
    if spec is None or spec.origin is None:
        raise DataError("music21 is not installed; `pip install focal-ctc-omr[render]` brings it")
    return Path(spec.origin).parent / "corpus"


def tune_files(folder: Path) -> list[Path]:
    """The files of a folder, at any depth, that hold tunes, in order; DataError where there are none."""
    files = [
        path
        for path in sorted(folder.rglob("*"))
        if path.suffix in _FORMATS and not any(name in path.parts for name in _MUSIC21_LEFT_OUT)
    ]
    if not files:
        raise DataError(f"{folder}: no tunes; looked for files *{', *'.join(_FORMATS)}")
    return files


def listed_files(root: Path, listing: Path) -> list[Path]:
    """The files of `root` that a text file names, a relative path on each line, in its order.

    Raises:
        DataError: The listing cannot be read or names a file that is not there.
    """
    try:
        files = [root / line for line in listing.read_text(encoding="utf-8").splitlines() if line]
    except OSError as error:
        raise DataError(f"{listing}: cannot be read ({error.strerror})") from error
    if missing := [path for path in files if not path.exists()]:
        raise DataError(
            f"{listing}: {len(missing)} of its files are not in {root}; the first is {missing[0]}"
        )
    return files


def collect_tunes(files: Sequence[Path], collection: Path, *, root: Path, workers: int = 2) -> int:
    """Read tune files and write the collection of their monophonic parts.

    A file that cannot be read is logged with its reason. One that ends the process that reads it (Verovio
    does not survive every input) is found out and left out.

    Returns:
        The number of parts.
    """
    tasks = [list(files[start : start + _FILES_PER_TASK]) for start in range(0, len(files), _FILES_PER_TASK)]
    temporary = collection.with_suffix(".partial")
    count = 0
    with temporary.open("w", encoding="utf-8") as out:
        for lines in _in_processes(tasks, root, workers):
            out.writelines(lines)
            count += len(lines)
    temporary.replace(collection)
    return count


def _in_processes(tasks: Sequence[Sequence[Path]], root: Path, workers: int) -> Iterator[list[str]]:
    broken: list[Path] = []
    for start in range(0, len(tasks), 10 * workers):
        group = tasks[start : start + 10 * workers]
        with ProcessPoolExecutor(workers, mp_context=_FRESH) as pool:
            futures = [pool.submit(_tune_lines, task, root) for task in group]
            for task, future in zip(group, futures, strict=True):
                try:
                    yield future.result()
                except BrokenProcessPool:
                    broken.extend(task)
    for path in broken:
        with ProcessPoolExecutor(1, mp_context=_FRESH) as pool:
            try:
                yield pool.submit(_tune_lines, [path], root).result()
            except BrokenProcessPool:
                logger.warning("%s: ends the process that reads it; left out", path)


def _tune_lines(files: Sequence[Path], root: Path) -> list[str]:
    engraver = Engraver()
    lines = []
    for path in files:
        source = path.relative_to(root).as_posix()
        for number, text in enumerate(_texts(path)):
            try:
                score = read_mei(engraver.mei(text, input_format=_FORMATS[path.suffix]), skip_polyphonic=True)
                for staff, part in enumerate(score.parts):
                    if not _has_notes(part):
                        logger.info("%s: no note in part %d of score %d", path, staff, number)
                        continue
                    label = join_label(score_to_tokens(Score((part,))))
                    lines.append(f"{source}#{number}.{staff}\t{label}\n")
            except OmrError as error:
                logger.info("%s: %s", path, error)
    return lines


def _texts(path: Path) -> list[str]:
    """The scores of a file as texts: one of each ABC tune, the inner file of a compressed MusicXML."""
    try:
        if path.suffix == ".mxl":
            with zipfile.ZipFile(path) as archive:
                return [archive.read(_mxl_root(archive)).decode("utf-8")]
        text = path.read_bytes().decode("utf-8", errors="replace")
    except (OSError, zipfile.BadZipFile, KeyError, UnicodeDecodeError, ET.ParseError, DataError) as error:
        logger.info("%s: %s", path, error)
        return []
    return re.split(r"(?m)^(?=X:)", text)[1:] if path.suffix == ".abc" else [text]


def _mxl_root(archive: zipfile.ZipFile) -> str:
    container = ET.fromstring(archive.read("META-INF/container.xml"))
    for element in container.iter():
        if element.tag.rpartition("}")[2] == "rootfile":
            return element.get("full-path", "")
    raise DataError("the archive names no root file")


def read_collection(path: Path) -> list[Tune]:
    """The tunes of a collection. Raises DataError for a missing file or a line that is no tune."""
    tunes = []
    try:
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            source, _, label = line.partition("\t")
            try:
                tunes.append(Tune(source, tokens_to_score(split_label(label)).parts[0]))
            except OmrError as error:
                raise DataError(f"{path}:{number}: {error}") from error
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror})") from error
    return tunes


def excerpt(tune: Tune, random: Random, *, symbols: int) -> Score | None:
    """A staff of about `symbols` symbols from a random bar on, varied; None where the place has no music."""
    first = random.randrange(len(tune.part.measures))
    if random.random() < 0.15:
        first = 0
    signs = _signs_before(tune.part.measures[:first])
    measures: list[Measure] = []
    count = 3
    for measure in tune.part.measures[first:]:
        if count + len(measure.events) > 1.4 * symbols and measures:
            break
        measures.append(measure)
        count += len(list(flat_events(measure))) + 1
        if count >= symbols:
            break
    if count > 2 * symbols:
        return None
    part = _varied(_lead(signs, measures, random), random)
    return Score((sound_accidentals(part),)) if _has_notes(part) and _fits_strip(part) else None


def _has_notes(part: Part) -> bool:
    return any(isinstance(event, Note) for measure in part.measures for event in flat_events(measure))


def _fits_strip(part: Part) -> bool:
    """Whether all notes lie within the four spaces above and below the staff that a strip shows."""
    clef = Clef("G", 2)
    for measure in part.measures:
        for event in flat_events(measure):
            if isinstance(event, Clef):
                clef = event
            if isinstance(event, Note) and not -7 <= event.pitch.diatonic - clef.lowest_line <= 15:
                return False
    return True


def _signs_before(measures: Iterable[Measure]) -> dict[type, Event]:
    signs: dict[type, Event] = {}
    for measure in measures:
        for event in flat_events(measure):
            if isinstance(event, Clef | Key | Meter):
                signs[type(event)] = event
    return signs


def _lead(signs: dict[type, Event], measures: Sequence[Measure], random: Random) -> list[Measure]:
    """The measures with clef, key and mostly meter before them; signs at their very beginning go first."""
    first, rest = list(measures[0].events), measures[1:]
    while first and isinstance(first[0], Clef | Key | Meter):
        sign = first.pop(0)
        signs[type(sign)] = sign
    lead: list[Event] = [signs.get(Clef, Clef("G", 2))]
    if isinstance(key := signs.get(Key), Key) and key.fifths:
        lead.append(key)
    if Meter in signs and random.random() < 0.8:
        lead.append(signs[Meter])
    end = measures[-1]
    opening = replace(measures[0], events=(*lead, *first))
    made = [opening, *rest]
    if random.random() < 0.25:  # incipits stop anywhere
        kept = random.randint(1, max(1, len(made[-1].events)))
        made[-1] = replace(made[-1], events=made[-1].events[:kept], barline=None)
    elif random.random() < 0.5:
        made[-1] = replace(made[-1], barline="single" if end.barline is None else end.barline)
    return made


_CLEFS = (Clef("G", 2), Clef("G", 2), Clef("C", 1), Clef("F", 4), Clef("C", 3), Clef("C", 4))
_RARE_CLEFS = (Clef("C", 2), Clef("F", 3), Clef("G", 1), Clef("C", 5), Clef("F", 5))


def _varied(measures: Sequence[Measure], random: Random) -> Part:
    """Variation that stays musical: another clef, a shift of the notes, another key, other note values.

    Notes keep their places to each other and their printed accidentals; what they sound follows.
    """
    part = Part(tuple(measures))
    if random.random() < 0.45:
        clef = random.choice(_RARE_CLEFS if random.random() < 0.2 else _CLEFS)
        part = _with_clef(part, clef)
    if random.random() < 0.4:
        part = _shifted(part, random.choice((-3, -2, -1, 1, 2, 3, 4)))
    if random.random() < 0.45:
        part = _with_key(
            part, Key(random.choice((-5, -4, -3, -3, -2, -2, -1, -1, 0, 1, 1, 2, 2, 3, 3, 4, 5, 6)))
        )
    if random.random() < 0.25:
        part = _scaled(part, random.choice((-1, 1)))
    if random.random() < 0.3:
        part = _map_events(part, _other_sign)
    # A last bar of which only a clef or a key was kept is empty where that sign was dropped.
    return replace(part, measures=mend_ties([m for m in part.measures if m.events or m.barline]))


EventChange = Callable[[Event], Event]


def _map_events(part: Part, change: EventChange) -> Part:
    """The part with every event replaced; the events inside tuplets too."""

    def changed(event: Event) -> Event:
        if isinstance(event, Tuplet):
            inner = tuple(change(e) for e in event.events)
            return replace(event, events=inner)  # type: ignore[arg-type]  # notes and rests stay what they are
        return change(event)

    measures = (replace(m, events=tuple(changed(event) for event in m.events)) for m in part.measures)
    return replace(part, measures=tuple(measures))


def _shifted(part: Part, steps: int) -> Part:
    """Every note this many staff steps higher."""

    def shift(event: Event) -> Event:
        if not isinstance(event, Note):
            return event
        diatonic = event.pitch.diatonic + steps
        pitch = replace(event.pitch, step=STEPS[diatonic % 7], octave=diatonic // 7)
        return replace(event, pitch=pitch)

    return _map_events(part, shift)


def _with_clef(part: Part, clef: Clef) -> Part:
    """The part under another first clef, its notes where they stand on the staff; other clefs are dropped."""
    current = clef
    measures = []
    for measure in part.measures:
        events: list[Event] = []
        for event in measure.events:
            if isinstance(event, Clef):
                current = event
            else:
                steps = clef.lowest_line - current.lowest_line
                events.extend(_shifted(Part((Measure((event,)),)), steps).measures[0].events)
        measures.append(replace(measure, events=tuple(events)))
    measures[0] = replace(measures[0], events=(clef, *measures[0].events))
    return replace(part, measures=tuple(measures))


def _with_key(part: Part, key: Key) -> Part:
    """The part with another key signature at its beginning and none later."""
    measures = [
        replace(m, events=tuple(event for event in m.events if not isinstance(event, Key)))
        for m in part.measures
    ]
    first = measures[0].events
    place = 1 if first and isinstance(first[0], Clef) else 0
    signature = (key,) if key.fifths else ()
    measures[0] = replace(measures[0], events=(*first[:place], *signature, *first[place:]))
    return replace(part, measures=tuple(measures))


def _scaled(part: Part, doublings: int) -> Part:
    """Augmentation (1) or diminution (-1) of all values and meters; the part itself where one has no name."""
    values = list(NOTE_VALUES)

    def scale(event: Event) -> Event:
        match event:
            case Note() | Rest():
                place = values.index(event.duration.value) - doublings
                return replace(event, duration=Duration(values[place], event.duration.dots))
            case Meter():
                unit = Fraction(event.unit) / Fraction(2) ** doublings
                return Meter(event.beats, int(unit))
        return event

    written = [e for m in part.measures for e in flat_events(m)]
    places = [values.index(e.duration.value) - doublings for e in written if isinstance(e, Note | Rest)]
    units = [Fraction(e.unit) / Fraction(2) ** doublings for e in written if isinstance(e, Meter)]
    # 64ths and breves stay rare, as they are; a unit must be a whole number.
    fits = all(1 <= place <= 7 for place in places) and all(unit.denominator == 1 for unit in units)
    return _map_events(part, scale) if fits else part


def _other_sign(event: Event) -> Event:
    """C for 4/4 and 4/4 for C, likewise C with a stroke and 2/2."""
    if isinstance(event, Meter) and (event.beats, event.unit) in ((4, 4), (2, 2)):
        return replace(event, symbol=None if event.symbol else {4: "C", 2: "C/"}[event.unit])  # type: ignore[arg-type]
    return event
