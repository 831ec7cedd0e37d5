"""One-voice scores as Verovio plays them: repeats written out, tempo and instruments in MEI."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import takewhile
from xml.etree import ElementTree as ET

from focal_omr.formats.mei_writer import mei_tree
from focal_omr.formats.midi import Playback
from focal_omr.score.records import Clef, Event, Key, Measure, Meter, Part, Score, fold_repeat_starts

_CHANNELS = [channel for channel in range(16) if channel != 9]  # channel 9 is for percussion
_REPEATS = ("repeat_start", "repeat_end", "repeat_both")


def play_order(measures: Sequence[Measure]) -> list[int]:
    """The indices of measures in the order of playing, with repeats.

    A repeat goes back to the last repeat sign or the last final barline: a piece before this one is not
    repeated with it.
    """
    order: list[int] = []
    start = 0
    for index, measure in enumerate(measures):
        order.append(index)
        if measure.barline in ("repeat_end", "repeat_both"):
            order += range(start, index + 1)
        if measure.barline in (*_REPEATS, "final"):
            start = index + 1
    return order


def played_measures(parts: Sequence[Part]) -> list[int]:
    """The indices of measures in the order of playing, for parts that sound together.

    The repeat signs of the first part hold for all; measures that only other parts have come last.

    Args:
        parts: The parts of a score, after `score.records.fold_repeat_starts`.
    """
    order = play_order(parts[0].measures) if parts else []
    longest = max((len(part.measures) for part in parts), default=0)
    return [*order, *range(len(parts[0].measures) if parts else 0, longest)]


def unfold_repeats(score: Score) -> Score:
    """The score with repeats written out and without repeat signs.

    The repeat signs of the first part hold for all. Where a passage comes again, the clef, key and meter of
    its beginning are restated if others hold at its end.
    """
    parts = [fold_repeat_starts(part)[0] for part in score.parts]
    order = played_measures(parts)
    return replace(score, parts=tuple(_in_order(part, order) for part in parts))


def _in_order(part: Part, order: Sequence[int]) -> Part:
    in_force: list[dict[type, Event]] = []  # before each measure
    now: dict[type, Event] = {}
    for measure in part.measures:
        in_force.append(dict(now))
        now.update(_signs(measure))
    now = {}
    measures: list[Measure] = []
    last = -1
    for index in order:
        if index >= len(part.measures):
            break
        measure = _without_repeat(part.measures[index])
        if index <= last:  # a repetition
            restated = {type(event) for event in takewhile(_is_sign, measure.events)}
            missing = tuple(
                sign
                for kind, sign in in_force[index].items()
                if now.get(kind) != sign and kind not in restated
            )
            measure = replace(measure, events=missing + measure.events, break_before=None)
        now.update(_signs(measure))
        measures.append(measure)
        last = index
    return replace(part, measures=tuple(measures))


def _signs(measure: Measure) -> dict[type, Event]:
    return {type(event): event for event in measure.events if _is_sign(event)}


def _is_sign(event: Event) -> bool:
    return isinstance(event, Clef | Key | Meter)


def _without_repeat(measure: Measure) -> Measure:
    return replace(measure, barline="double") if measure.barline in _REPEATS else measure


def playable_mei(score: Score, playback: Playback) -> str:
    """The score as MEI for MIDI rendering: with tempo and instruments, without repeat signs.

    Verovio 6.4 plays every repeat sign, and crashes on some; so there are none.

    Raises:
        NotationError: As `mei_writer.mei_tree`.
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
            if not playback.instruments:
                break
            program = playback.instruments[min(number, len(playback.instruments) - 1)]
            channel = str(_CHANNELS[number % len(_CHANNELS)])
            instrument = {"midi.channel": channel, "midi.instrnum": str(program)}
            staff_def.insert(0, ET.Element("instrDef", instrument))
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode")
