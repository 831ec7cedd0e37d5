"""Columns of an engraved staff: where each one is drawn, in which order, and whether all of it is drawn."""

from collections import Counter, defaultdict
from collections.abc import Sequence

from focal_omr.data.engraving.engraved_system import SPACE, DrawnElement, StaffFrame
from focal_omr.encodings.columns import Column, Group, NoteColumn, SignColumn
from focal_omr.errors import EngraveError

__all__ = ["place_columns"]

_KINDS = {"clef": "clef", "key": "key", "meter": "meter", "barline": "barline", "multirest": "multirest"}
_KINDS |= {"measure-repeat": "measure-repeat"}
_SLACK = 4 * SPACE  # of signs above the staff
_SAME_X = 1.5 * SPACE  # two barlines nearer than that are one sign


def place_columns(
    columns: Sequence[Column], elements: Sequence[DrawnElement], frame: StaffFrame
) -> list[tuple[Column, float]]:
    """The columns of a staff from left to right, each with its x.

    The x of notes is that of their stem (the mean of two), without stems the middle of their heads, of a rest
    and a sign its middle, of an ending or octave line the end that is meant.

    Args:
        columns: In the order of the score; their groups and heads know the ids of events and notes.
        elements: What is drawn on this staff.
        frame: Where its lines are.

    Raises:
        EngraveError: Something of a column is not drawn, or drawn more often, or the columns are drawn in
            another order.
    """
    placer = _Placer(elements, frame)
    placed = [(column, placer.place(column)) for column in columns]
    placer.check_rest()
    return _in_order(placed)


class _Placer:
    def __init__(self, elements: Sequence[DrawnElement], frame: StaffFrame) -> None:
        self.frame = frame
        self.by_id: dict[tuple[str, str], list[DrawnElement]] = defaultdict(list)
        self.signs: dict[str, list[float]] = defaultdict(list)
        self.spans: dict[str, list[DrawnElement]] = defaultdict(list)
        for element in elements:
            self.by_id[element.kind, element.id].append(element)
            if element.kind in ("ending", "ottava", "jump"):
                self.spans[element.kind].append(element)
        for kind in _KINDS.values():
            xs: list[float] = []
            for element in sorted((e for e in elements if e.kind == kind), key=lambda e: e.x):
                if kind != "barline" or not xs or element.x - xs[-1] > _SAME_X:
                    xs.append(element.x)
            self.signs[kind] = xs[::-1]
        for found in self.spans.values():
            found.sort(key=lambda e: -e.box[0])

    def place(self, column: Column) -> float:
        if isinstance(column, SignColumn):
            return self._sign(column)
        groups = [group for group in column.groups if group is not None]
        xs = [self._group(group) for group in groups]
        stems = [x for x, is_stem in xs if is_stem] or [x for x, _ in xs]
        self._check(column, groups)
        return sum(stems) / len(stems)

    def _sign(self, column: SignColumn) -> float:
        kind, value = column.kind, str(column.value)
        if kind in ("ending", "sign"):
            name = "ending" if kind == "ending" else "ottava" if value.startswith("ottava") else "jump"
            found = self.spans[name]
            if not found:
                raise EngraveError(f"the engraver did not draw the {kind} {value}")
            if name == "jump":
                return found.pop().x
            if value in ("stop", "discontinue", "ottava-stop"):
                return found.pop().box[2]
            return found[-1].box[0]
        if not self.signs[_KINDS[kind]]:
            raise EngraveError(f"the engraver did not draw the {kind} {value}")
        return self.signs[_KINDS[kind]].pop()

    def _group(self, group: Group) -> tuple[float, bool]:
        """The x of a group, and whether it is that of a stem."""
        if not group.heads:
            rests = self.by_id["rest", group.event]
            if len(rests) != 1:
                raise EngraveError(f"the engraver drew the rest {group.event} {len(rests)} times")
            return rests[0].x, False
        stems = self.by_id["stem", group.event]
        if stems:
            return stems[0].x, True
        heads = [head.x for _, note in group.heads for head in self.by_id["head", note.note]]
        if not heads:
            raise EngraveError(f"the engraver drew no head of {group.event}")
        return Counter(heads).most_common(1)[0][0], False

    def _check(self, column: NoteColumn, groups: Sequence[Group]) -> None:
        """Every head, accidental, tie and dot of the column is drawn at its place, and no other one."""
        heads: Counter[int] = Counter()
        signs: Counter[int] = Counter()
        for group in groups:
            dots = 0 if group.duration is None else group.duration.dots
            if len(self.by_id["dot", group.event]) < dots:
                raise EngraveError(f"the engraver did not draw the dots of {group.event}")
            for position, head in group.heads:
                drawn = self.by_id["head", head.note]
                heads[position] += len(drawn)
                signs[position] += len(self.by_id["accidental", head.note])
                for each in drawn:
                    steps = (self.frame.line_ys[-1] - (each.box[1] + each.box[3]) / 2) / (SPACE / 2)
                    if abs(steps - position) > 1:
                        raise EngraveError(
                            f"the engraver drew {head.note} at another position than {position}"
                        )
                if head.tie and not self.by_id["tie", head.note]:
                    raise EngraveError(f"the engraver did not draw the tie of {head.note}")
        for position, head in (entry for group in groups for entry in group.heads):
            if (heads[position] == 0) != (head.kind == "none"):
                raise EngraveError(f"the engraver drew {heads[position]} heads of {head.note}")
            if (signs[position] > 0) != (head.accidental is not None):
                raise EngraveError(f"the engraver drew {signs[position]} accidentals of {head.note}")

    def check_rest(self) -> None:
        """No sign is left over."""
        if extra := [f"{len(xs)} more {kind}" for kind, xs in self.signs.items() if xs]:
            raise EngraveError(f"the engraver drew {', '.join(extra)} than the columns have")


def _in_order(placed: list[tuple[Column, float]]) -> list[tuple[Column, float]]:
    """The columns by x. Only a rest of the whole measure may be drawn elsewhere than in its order in time.

    Endings, octave lines, segno and coda stand above the staff and may reach to the left of the column before
    them; then they get its x.
    """
    ordered: list[tuple[Column, float]] = []
    for column, x in placed:
        before = ordered[-1][1] if ordered else x
        if _is_measure_rest(column):
            continue
        slack = _SLACK if _is_above(column) or (ordered and _is_above(ordered[-1][0])) else 0.0
        if x < before - slack:
            raise EngraveError(f"the engraver drew {column} left of {ordered[-1][0]}")
        ordered.append((column, max(x, before)))
    for column, x in placed:
        if _is_measure_rest(column):
            at = next((i for i, (_, other) in enumerate(ordered) if other > x), len(ordered))
            ordered.insert(at, (column, x))
    return ordered


def _is_measure_rest(column: Column) -> bool:
    groups = [g for g in column.groups if g is not None] if isinstance(column, NoteColumn) else []
    return bool(groups) and all(group.duration is None for group in groups)


def _is_above(column: Column) -> bool:
    """Whether the sign stands above the staff, where it may reach beyond its moment."""
    return isinstance(column, SignColumn) and column.kind in ("ending", "sign")
