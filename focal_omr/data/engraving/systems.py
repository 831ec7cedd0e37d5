"""What joins a staff to its page, drawn into Verovio's SVG: the system's line, bracket or brace, barlines
that go on to the next staff, and staff lines that go on after the music."""

from collections.abc import Iterator
from random import Random

from focal_omr.data.engraving.glyphs import SVG_UNITS_PER_SPACE, Engraving

_FAR = 12 * SVG_UNITS_PER_SPACE  # beyond what a plate shows
_SPACE = SVG_UNITS_PER_SPACE


def system_shapes(engraving: Engraving, random: Random, *, amount: float) -> tuple[str, int]:
    """SVG shapes in the coordinates of the page's margins, and how far the staff goes on to the right.

    Args:
        engraving: The staff.
        random: Source of all chance.
        amount: 0 nothing, 1 as often as on most pages.
    """
    shapes: list[str] = []
    above, below = random.choice(((True, False), (False, True), (True, True)))
    top = engraving.line_ys[0] - (_FAR if above else 0)
    bottom = engraving.line_ys[-1] + (_FAR if below else 0)
    # Observed: on 12 of 14 photographed orchestral staves, on none of PrIMuS.
    if random.random() < 0.2 * amount:
        shapes.extend(_system(engraving.left, top, bottom, random))
        if random.random() < 0.5:
            shapes.extend(_through_barlines(engraving, top, bottom))
    elif random.random() < 0.08 * amount:  # a line at the left end of a single staff
        shapes.append(_line(engraving.left, engraving.line_ys[0], engraving.line_ys[-1], 25))
    if random.random() >= 0.06 * amount:
        return "".join(shapes), 0
    more = round(random.uniform(1, 25) * _SPACE)
    lines = (_across(engraving.right, engraving.right + more, y) for y in engraving.line_ys)
    return "".join((*shapes, *lines)), more


def _system(left: int, top: int, bottom: int, random: Random) -> Iterator[str]:
    yield _line(left, top, bottom, random.choice((20, 30, 45)))
    kind = random.choice(("bracket", "brace", "line"))
    if kind == "bracket":
        yield _line(left - round(0.7 * _SPACE), top, bottom, random.choice((70, 100)))
    if kind == "brace":
        yield _brace(left - round(0.4 * _SPACE), top, bottom)


def _through_barlines(engraving: Engraving, top: int, bottom: int) -> Iterator[str]:
    for x in sorted({glyph.x for glyph in engraving.glyphs if glyph.owner_kind == "barLine"}):
        if top < engraving.line_ys[0]:
            yield _line(x, top, engraving.line_ys[0], 25)
        if bottom > engraving.line_ys[-1]:
            yield _line(x, engraving.line_ys[-1], bottom, 25)


def _line(x: int, top: int, bottom: int, width: int) -> str:
    return f'<path d="M{x} {top} L{x} {bottom}" stroke="black" stroke-width="{width}" />'


def _across(left: int, right: int, y: int) -> str:
    return f'<path d="M{left} {y} L{right} {y}" stroke="black" stroke-width="18" />'


def _brace(x: int, top: int, bottom: int) -> str:
    """Two thick curves that meet in a point half way."""
    middle, out = (top + bottom) // 2, x - round(1.1 * _SPACE)
    curve = f"M{x} {top} C{out - 40} {top + 300} {x} {middle - 150} {out} {middle} "
    back = f"C{x} {middle + 150} {out - 40} {bottom - 300} {x} {bottom}"
    return f'<path d="{curve}{back}" fill="none" stroke="black" stroke-width="60" />'
