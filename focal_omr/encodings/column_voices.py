"""Voices from columns: the stems of a measure joined to voices, their tuplets and tremolos."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import permutations

from focal_omr.encodings.columns import Group
from focal_omr.score.score import Chord, Duration, Event, Measure, Rest, Space, Tremolo, Tuplet, Voice

__all__ = [
    "TimedGroup",
    "join_voices",
    "pair_tremolos",
    "silence",
    "tuplets_of",
    "voice_of",
    "with_ties",
]

_ZERO = Fraction(0)


@dataclass(slots=True)
class TimedGroup:
    """A stem group with its time in the measure and the event that it became.

    Attributes:
        stem: Index in `STEMS`.
    """

    onset: Fraction
    length: Fraction
    stem: int
    group: Group
    event: Chord | Rest

    @property
    def end(self) -> Fraction:
        """Where it ends."""
        return self.onset + self.length


def join_voices(timed: Sequence[TimedGroup]) -> list[list[TimedGroup]]:
    """Voices of one staff in one measure, from the top one: what ends where another begins goes on, by the
    same stem if it can.

    Args:
        timed: The groups in the order of the columns, grace notes before what they lead to.
    """
    chains: list[list[TimedGroup]] = []
    graces: list[TimedGroup] = []  # before the event that they lead to
    position = 0
    while position < len(timed):
        onset = timed[position].onset
        here: list[TimedGroup] = []
        while position < len(timed) and timed[position].onset == onset:
            (graces if timed[position].group.grace else here).append(timed[position])
            position += 1
        if not here:
            continue
        for entry, chain in zip(here, _best_chains(chains, here), strict=True):
            end = chain[-1].end if chain else _ZERO
            own = [g for g in graces if g.onset >= end and _leads_to(g, here) is entry]
            graces = [grace for grace in graces if grace not in own]
            chain += [*own, entry]
        _place_alone(graces, chains)
        graces = []
    _place_alone(graces, chains)
    if len(chains) > 1:
        chains.sort(key=lambda chain: min(entry.stem for entry in chain))
    return chains


def _place_alone(graces: Sequence[TimedGroup], chains: list[list[TimedGroup]]) -> None:
    """Adds grace notes that lead to nothing, as at the end of a measure, to the voices that have ended."""
    for grace in graces:
        free = [chain for chain in chains if chain[-1].end <= grace.onset]
        same = [chain for chain in free if chain[-1].stem == grace.stem] or free
        if same:
            same[0].append(grace)
        else:
            chains.append([grace])


def voice_of(chain: Sequence[TimedGroup], number: int, length: Fraction, space_id: str) -> Voice:
    """A voice of a chain, with spaces where nothing is printed, to the end of the measure.

    Args:
        chain: Groups in time, one at least.
        number: Number of the voice.
        length: Length of the measure.
        space_id: Ids of spaces begin with it.
    """
    staff = chain[0].event.staff
    events: list[Event] = []
    end = _ZERO
    for onset, following, event in (*((e.onset, e.end, e.event) for e in chain), (length, length, None)):
        if onset > end:
            id_ = f"{space_id}{len(events) + 1}"
            events.append(Space(id=id_, onset=end, length=onset - end, staff=staff))
        if event is not None:
            events.append(event)
        end = max(end, following)
    return Voice(number, tuple(events))


def _leads_to(grace: TimedGroup, here: Sequence[TimedGroup]) -> TimedGroup:
    """The group that a grace note leads to: what it is tied to, what has its stem, the first one."""
    tied = {position for position, head in grace.group.heads if head.tie}
    for entry in here:
        if tied & {position for position, _ in entry.group.heads}:
            return entry
    chords = [entry for entry in here if entry.group.heads] or here
    return next((entry for entry in chords if entry.stem == grace.stem), chords[0])


def _best_chains(chains: list[list[TimedGroup]], here: Sequence[TimedGroup]) -> list[list[TimedGroup]]:
    """For groups of one moment the chains that they go on with, new ones among them; each chain once."""
    free = [chain for chain in chains if chain[-1].end <= here[0].onset]
    positions = {id(entry): {position for position, _ in entry.group.heads} for entry in here}
    options: list[list[TimedGroup] | None] = [*free, *([None] * len(here))]

    def cost(choice: tuple[list[TimedGroup] | None, ...]) -> float:
        total = 0.0
        for entry, chain in zip(here, choice, strict=True):
            if chain is None:
                total += 1.5
            else:
                last = chain[-1]
                tied = any(head.tie and p in positions[id(entry)] for p, head in last.group.heads)
                total += (0 if last.end == entry.onset else 1.2) + (0 if last.stem == entry.stem else 0.5)
                total -= 0.6 * tied
        return total

    best = min(permutations(options, len(here)), key=cost)
    result = []
    for chain in best:
        if chain is None:
            chain = []
            chains.append(chain)
        result.append(chain)
    return result


# Tuplets -------------------------------------------------------------------------------------------------


def tuplets_of(chain: Sequence[TimedGroup]) -> Iterator[Tuplet]:
    """The tuplets of a voice: runs of events with one ratio, each as long as such a tuplet lasts.

    Where the ratio changes in a run that is not complete, one tuplet is within the other.
    """
    yield from _tuplets([entry for entry in chain if not entry.group.grace], Fraction(1))


def _tuplets(entries: Sequence[TimedGroup], outside: Fraction) -> Iterator[Tuplet]:
    """The tuplets of events in time, within tuplets that make every event `outside` times as many."""
    start = 0
    while start < len(entries):
        outer = _ratio(entries[start])
        if outer == outside:
            start += 1
            continue
        end = start + 1
        while end < len(entries) and not _is_complete(entries[start:end], outer):
            inner = _ratio(entries[end])
            if inner == outside:
                break
            if inner != outer:
                if inner.numerator % outer.numerator and outer.numerator % inner.numerator:
                    break  # neither is within the other
                outer = min(outer, inner, key=lambda ratio: ratio.numerator)
            end += 1
        share = outer / outside
        yield Tuplet(entries[start].event.id, entries[end - 1].event.id, share.numerator, share.denominator)
        if any(_ratio(entry) != outer for entry in entries[start:end]):
            yield from _tuplets(entries[start:end], outer)
        start = end


def _ratio(entry: TimedGroup) -> Fraction:
    return Fraction(*entry.group.ratio)


def _is_complete(run: Sequence[TimedGroup], ratio: Fraction) -> bool:
    """Whether events last as long as a tuplet: a times a note value not shorter than the shortest of
    them."""
    written = [entry.length * ratio for entry in run]
    unit = sum(written, _ZERO) / ratio.numerator
    power = not (unit.numerator & (unit.numerator - 1) or unit.denominator & (unit.denominator - 1))
    return power and unit >= min(written)


def pair_tremolos(chain: Sequence[TimedGroup]) -> None:
    """Marks the events of tremolos between two stems as their start and stop, in place."""
    waiting = 0
    for entry in chain:
        strokes = entry.group.tremolo
        if not strokes or entry.group.grace:
            continue
        mark = Tremolo(strokes, "stop" if waiting == strokes else "start")
        waiting = 0 if waiting == strokes else strokes
        entry.event = replace(entry.event, marks=(mark, *entry.event.marks))


# Measures ------------------------------------------------------------------------------------------------


def silence(measure_id: str, staff: int, length: Fraction, *, printed: bool) -> Voice:
    """A measure of a staff in which nothing begins: a rest, or nothing where no rest is printed.

    Args:
        measure_id: Id of the measure.
        staff: Number of the staff in its part.
        length: Of the measure.
        printed: Whether a rest is printed.
    """
    id_ = f"{measure_id}s{staff}r"
    event: Rest | Space = Space(id=id_, onset=_ZERO, length=length, staff=staff)
    if printed:
        event = Rest(
            id=id_, onset=_ZERO, duration=Duration(Fraction(1)), length=length, staff=staff, measure=True
        )
    return Voice(4 * (staff - 1) + 1, (event,))


def with_ties(measure: Measure, tie_to: Mapping[str, str]) -> Measure:
    """A measure whose notes are tied: `tie_to` is the id of the note that one of them leads to, by its id."""
    voices = []
    for voice in measure.voices:
        events = []
        for event in voice.events:
            if isinstance(event, Chord) and any(note.id in tie_to for note in event.notes):
                notes = (replace(n, tie_to=tie_to[n.id]) if n.id in tie_to else n for n in event.notes)
                event = replace(event, notes=tuple(notes))
            events.append(event)
        voices.append(replace(voice, events=tuple(events)))
    return replace(measure, voices=tuple(voices))
