"""How a score is played: repeats unfolded, tempo, instruments; the MEI that Verovio makes MIDI of."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import takewhile
from xml.etree import ElementTree as ET

from focal_omr.errors import NotationError
from focal_omr.formats.instruments import PROGRAMS
from focal_omr.formats.mei_writer import mei_tree
from focal_omr.score.records import Clef, Event, Key, Measure, Meter, Part, Score, fold_repeat_starts

# Quarter notes a minute that a MIDI file can say: 60,000,000 / tempo microseconds are kept in three bytes.
SLOWEST, FASTEST = 4, 1000
_CHANNELS = [channel for channel in range(16) if channel != 9]  # what is played on channel 9 are drums


@dataclass(frozen=True)
class Playback:
    """How a score is played.

    Attributes:
        tempo: Quarter notes a minute, 4 .. 1000.
        instruments: General MIDI programs from 0, part by part; the last holds for further parts. None given:
            the player's default, a piano.
        unfold: Whether repeats are played; else every bar sounds once.

    Raises:
        NotationError: A tempo that a MIDI file cannot say.
    """

    tempo: int = 120
    instruments: tuple[int, ...] = ()
    unfold: bool = False

    def __post_init__(self) -> None:
        if not SLOWEST <= self.tempo <= FASTEST:
            raise NotationError(
                f"tempo {self.tempo}; {SLOWEST} .. {FASTEST} quarter notes a minute are needed"
            )


def parse_instruments(text: str) -> tuple[int, ...]:
    """The programs, from 0, of a list with commas: General MIDI names ("violin"), or numbers from 1 to 128.

    Case does not matter; the beginning of a name will do where only one instrument has it.

    Raises:
        NotationError: An unknown name; the message names some that are like it.
    """
    return tuple(_program(name.strip().casefold()) for name in text.split(","))


def _program(name: str) -> int:
    if name.isascii() and name.isdigit() and 1 <= int(name) <= len(PROGRAMS):
        return int(name) - 1
    known = [program.casefold() for program in PROGRAMS]
    if name in known:
        return known.index(name)
    begun = [number for number, program in enumerate(known) if name and program.startswith(name)]
    if len(begun) == 1:
        return begun[0]
    like = [PROGRAMS[number] for number in begun]
    like = like or [program for program in PROGRAMS if name and name in program.casefold()]
    hint = f"; meant may be {', '.join(like[:8])}" if like else ""
    raise NotationError(
        f"no instrument {name!r}; a General MIDI name, such as violin, or its number from 1 to 128{hint}"
    )


def play_order(measures: Sequence[Measure]) -> list[int]:
    """The order in which measures are played, by their numbers from 0: what is repeated comes twice.

    A repeat goes back to where the last one began or ended, or to after the last final barline: a piece
    before this one is not repeated with it.
    """
    order: list[int] = []
    start = 0
    for index, measure in enumerate(measures):
        order.append(index)
        if measure.barline in ("repeat_end", "repeat_both"):
            order += range(start, index + 1)
        if measure.barline in ("repeat_start", "repeat_end", "repeat_both", "final"):
            start = index + 1
    return order


def played_measures(parts: Sequence[Part]) -> list[int]:
    """The order in which the measures of parts are played, by their numbers from 0.

    The repeat signs of the first part hold for all; what others have more comes after it.

    Args:
        parts: Of a score, see `score.fold_repeat_starts`.
    """
    order = play_order(parts[0].measures) if parts else []
    longest = max((len(part.measures) for part in parts), default=0)
    return [*order, *range(len(parts[0].measures) if parts else 0, longest)]


def unfold_repeats(score: Score) -> Score:
    """The score with what is repeated written out twice and no repeat sign left.

    The repeat signs of the first part hold for all. Where a passage comes again, the clef, key and meter that
    held at its beginning are set anew if others hold at its end.
    """
    parts = [fold_repeat_starts(part)[0] for part in score.parts]
    order = played_measures(parts)
    return replace(score, parts=tuple(_in_order(part, order) for part in parts))


def _in_order(part: Part, order: Sequence[int]) -> Part:
    before = _signs_before(part.measures)
    measures: list[Measure] = []
    now: dict[type, Event] = {}
    last = -1
    for index in order:
        if index >= len(part.measures):
            break
        measure = _without_repeat(part.measures[index])
        if index <= last:  # it comes again
            anew = {type(event) for event in takewhile(_is_sign, measure.events)}
            again = tuple(
                sign for kind, sign in before[index].items() if now.get(kind) != sign and kind not in anew
            )
            measure = replace(measure, events=again + measure.events, break_before=None)
        now.update(_signs(measure))
        measures.append(measure)
        last = index
    return replace(part, measures=tuple(measures))


def _signs(measure: Measure) -> dict[type, Event]:
    return {type(event): event for event in measure.events if _is_sign(event)}


def _is_sign(event: Event) -> bool:
    return isinstance(event, Clef | Key | Meter)


def _signs_before(measures: Sequence[Measure]) -> list[dict[type, Event]]:
    """The clef, key and meter that hold before each measure."""
    holding: list[dict[type, Event]] = []
    now: dict[type, Event] = {}
    for measure in measures:
        holding.append(dict(now))
        now.update(_signs(measure))
    return holding


def _without_repeat(measure: Measure) -> Measure:
    if measure.barline in ("repeat_start", "repeat_end", "repeat_both"):
        return replace(measure, barline="double")
    return measure


def playable_mei(score: Score, playback: Playback) -> str:
    """The score as an MEI document to be played: with tempo and instruments, without repeat signs.

    Verovio 6.4 plays whatever repeat signs it meets, and ends the process at some; so it meets none.

    Raises:
        NotationError: As `mei.mei_tree`.
    """
    if playback.unfold:
        score = unfold_repeats(score)
    else:
        parts = [replace(p, measures=tuple(map(_without_repeat, p.measures))) for p in score.parts]
        score = replace(score, parts=tuple(parts))
    root = mei_tree(score)
    for score_def in list(root.iter("scoreDef"))[:1]:
        score_def.set("midi.bpm", str(playback.tempo))
        for number, staff_def in enumerate(score_def.iter("staffDef")):
            if playback.instruments:
                staff_def.insert(0, _instrument(number, playback.instruments))
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode")


def _instrument(number: int, programs: Sequence[int]) -> ET.Element:
    program = programs[min(number, len(programs) - 1)]
    channel = _CHANNELS[number % len(_CHANNELS)]
    return ET.Element("instrDef", {"midi.channel": str(channel), "midi.instrnum": str(program)})
