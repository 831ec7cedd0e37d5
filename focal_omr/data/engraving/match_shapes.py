"""Shapes of an engraver's SVG given to the notes and rests that they belong to.

Heads and rests are known by their ids; stems, accidentals, dots and ties are found beside their heads, and
all other signs belong to the nearest staff.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from focal_omr.data.engraving.engraved_system import SPACE, DrawnElement, StaffFrame
from focal_omr.data.engraving.svg_boxes import Box, union
from focal_omr.errors import EngraveError
from focal_omr.score.score import Chord, Rest, Score

__all__ = ["Shape", "match_shapes"]

_SYSTEM = frozenset(("group-symbol", "name"))
# Signs that engravers draw in pieces: pieces nearer than this, in spaces, are one.
_PIECES = {"key": 1.2, "meter": 0.5, "barline": 0.9, "ending": 0.5}


@dataclass(frozen=True, slots=True)
class Shape:
    """Something drawn: its kind as of `DrawnElement`, the id of its note or rest if known, and its box."""

    kind: str
    id: str
    box: Box


def match_shapes(
    shapes: Sequence[Shape], frames: Sequence[StaffFrame], score: Score, staff_of: Mapping[str, int]
) -> list[DrawnElement]:
    """The elements that shapes are.

    Args:
        shapes: Everything drawn but the staff lines; boxes in units of `SPACE`.
        frames: The staves.
        score: The score.
        staff_of: Index of the staff of each event and note, by id.

    Raises:
        EngraveError: A stem, accidental or tie is missing.
    """
    matcher = _Matcher(shapes)
    return [*matcher.events(score, staff_of), *_others(matcher.left(), frames, score)]


def _shared_heads(score: Score, staff_of: Mapping[str, int], heads: Mapping[str, Box]) -> dict[str, Box]:
    """The heads by note; a note whose head is not drawn has that of another voice at its place."""
    places: dict[tuple[object, ...], list[str]] = defaultdict(list)
    for _, measure, _, event in score.events():
        for note in event.notes if isinstance(event, Chord) else ():
            grace = isinstance(event, Chord) and event.grace
            places[measure.id, event.onset, grace, staff_of[note.id], note.pitch.diatonic].append(note.id)
    found = dict(heads)
    for notes in places.values():
        drawn = next((heads[id_] for id_ in notes if id_ in heads), None)
        if drawn is not None:
            found |= {id_: drawn for id_ in notes if id_ not in heads}
    return found


class _Matcher:
    """Gives shapes to the notes and rests that they belong to."""

    def __init__(self, shapes: Sequence[Shape]) -> None:
        self.shapes: dict[str, list[Shape]] = defaultdict(list)
        for shape in shapes:
            self.shapes[shape.kind].append(shape)
        self.heads = {s.id: s.box for s in self.shapes.pop("head", []) if s.id}
        self.rests = {s.id: s.box for s in self.shapes.pop("rest", []) if s.id}

    def left(self) -> list[Shape]:
        """The shapes that belong to no note or rest."""
        return [shape for found in self.shapes.values() for shape in found]

    def events(self, score: Score, staff_of: Mapping[str, int]) -> Iterator[DrawnElement]:
        """Elements of the notes and rests of a score."""
        chords = []
        for *_, event in score.events():
            if isinstance(event, Chord):
                chords.append(event)
            if isinstance(event, Rest) and event.id in self.rests:
                box = self.rests[event.id]
                yield DrawnElement("rest", event.id, staff_of[event.id], box)
                for dot in self._dots(event.duration.dots, box):
                    yield DrawnElement("dot", event.id, staff_of[event.id], dot)
        shared = _shared_heads(score, staff_of, self.heads)
        for chord in sorted(chords, key=lambda c: -len(c.notes)):  # the most certain ones first
            staff = staff_of[chord.id]
            heads = {note.id: shared[note.id] for note in chord.notes if note.id in shared}
            for id_ in heads.keys() & self.heads.keys():
                yield DrawnElement("head", id_, staff_of[id_], heads[id_])
            if heads and chord.duration.value < 1 and chord.stem != "none":
                yield DrawnElement("stem", chord.id, staff, self._stem(list(heads.values()), chord.id))
            for note in chord.notes:
                if note.id not in heads:
                    continue
                for dot in self._dots(chord.duration.dots, heads[note.id]):
                    yield DrawnElement("dot", chord.id, staff, dot)
                if note.accidental and note.id in self.heads:
                    yield DrawnElement(
                        "accidental", note.id, staff, self._accidental(heads[note.id], note.id)
                    )
                if note.tie_to is not None:
                    yield DrawnElement("tie", note.id, staff, self._tie(heads[note.id], note.id))

    def _take(self, kind: str, costs: list[tuple[float, Shape]], what: str) -> Box:
        """Take the shape of the lowest cost."""
        if not costs:
            raise EngraveError(f"the engraver did not draw the {what}")
        found = min(costs, key=lambda pair: pair[0])[1]
        self.shapes[kind].remove(found)
        return found.box

    def _stem(self, heads: Sequence[Box], chord: str) -> Box:
        """The stem at an edge of the heads that reaches over all of them, and ends nearest to one."""
        low, high = max(_middle(box) for box in heads), min(_middle(box) for box in heads)
        edges = [edge for box in heads for edge in (box[0], box[2])]
        costs = []
        for stem in self.shapes["stem"]:
            x = (stem.box[0] + stem.box[2]) / 2
            beside = min(abs(x - edge) for edge in edges)
            over = stem.box[1] < high + 0.6 * SPACE and stem.box[3] > low - 0.6 * SPACE
            end = min(abs(stem.box[3] - low), abs(stem.box[1] - high))
            if beside < 0.3 * SPACE and over and end < SPACE:
                costs.append((beside + end, stem))
        return self._take("stem", costs, f"stem of {chord}")

    def _accidental(self, head: Box, note: str) -> Box:
        costs = []
        for sign in self.shapes["accidental"]:
            gap = head[0] - sign.box[2]
            if sign.box[1] < _middle(head) < sign.box[3] and -0.3 * SPACE < gap < 7 * SPACE:
                costs.append((gap + 4 * abs(_middle(sign.box) - _middle(head)), sign))
        return self._take("accidental", costs, f"accidental of {note}")

    def _dots(self, count: int, head: Box) -> Iterator[Box]:
        for _ in range(count):
            costs = []
            for dot in self.shapes["dot"]:
                gap, away = dot.box[0] - head[2], abs(_middle(dot.box) - _middle(head))
                if -0.2 * SPACE < gap < 4 * SPACE and away < 1.6 * SPACE:
                    costs.append((gap + 3 * away, dot))
            if costs:  # dots of two voices may be one; `place_columns` asks for those of each chord
                yield self._take("dot", costs, "dot")

    def _tie(self, head: Box, note: str) -> Box:
        costs = []
        for tie in self.shapes["tie"]:
            gap = abs(tie.box[0] - head[2])
            away = min(abs(tie.box[1] - _middle(head)), abs(tie.box[3] - _middle(head)))
            if gap < 2.5 * SPACE and away < 1.6 * SPACE:
                costs.append((gap + 2 * away, tie))
        return self._take("tie", costs, f"tie of {note}")


def _middle(box: Box) -> float:
    return (box[1] + box[3]) / 2


def _others(shapes: Sequence[Shape], frames: Sequence[StaffFrame], score: Score) -> Iterator[DrawnElement]:
    """Everything else: each on the nearest staff, barlines on all staves that they stand on."""
    by_sign: dict[tuple[str, int], list[Box]] = defaultdict(list)
    for shape in shapes:
        if shape.kind == "barline":
            for number, frame in enumerate(frames):
                top, bottom = frame.line_ys[0], frame.line_ys[-1]
                above, below = max(shape.box[1], top), min(shape.box[3], bottom)
                if below > above:  # but not the system line
                    by_sign["barline", number].append((shape.box[0], above, shape.box[2], below))
            continue
        middle = _middle(shape.box)
        staff = min(range(len(frames)), key=lambda n: abs(frames[n].line_ys[2] - middle))
        if shape.kind in _PIECES:
            by_sign[shape.kind, staff].append(shape.box)
        else:
            yield DrawnElement(shape.kind, "", -1 if shape.kind in _SYSTEM else staff, shape.box)
    opening = score.parts[0].measures[0].left
    for (kind, staff), boxes in by_sign.items():
        signs = list(_joined(boxes, _PIECES[kind] * SPACE))
        if kind == "barline" and signs and signs[0][0] < frames[staff].left + 0.5 * SPACE and opening is None:
            signs = signs[1:]  # the line at the left of a system
        for box in signs:
            yield DrawnElement(kind, "", 0 if kind == "ending" else staff, box)


def _joined(boxes: Sequence[Box], gap: float) -> Iterator[Box]:
    """Boxes of groups of boxes that stand side by side."""
    group: list[Box] = []
    for box in sorted(boxes):
        if group and box[0] - max(other[2] for other in group) > gap:
            yield union(group) or box
            group = []
        group.append(box)
    if group:
        yield union(group) or group[0]
