"""System context drawn into Verovio's SVG: what connects a staff to its neighbours on a page.

System lines, brackets, braces, barlines through to the next staff, and staff lines that continue after the
last symbol.
"""

from random import Random

from focal_omr.data.engraving.glyphs import SVG_UNITS_PER_SPACE, Engraving

_FAR = 12 * SVG_UNITS_PER_SPACE  # beyond the edge of a staff image
_SPACE = SVG_UNITS_PER_SPACE


def system_shapes(engraving: Engraving, random: Random, *, amount: float) -> tuple[str, int]:
    """Draw the system context of a staff.

    Args:
        engraving: The staff.
        random: Random generator.
        amount: 0 nothing, 1 as often as on a typical page.

    Returns:
        SVG shapes in the coordinates of the page margin, and by how many SVG units the staff lines continue
        to the right.
    """
    shapes: list[str] = []
    above, below = random.choice(((True, False), (False, True), (True, True)))
    top = engraving.line_ys[0] - (_FAR if above else 0)
    bottom = engraving.line_ys[-1] + (_FAR if below else 0)
    # Observed: on 12 of 14 photographed orchestral staves, on none of PrIMuS.
    if random.random() < 0.2 * amount:
        shapes += _system_start(engraving.left, top, bottom, random)
        if random.random() < 0.5:
            for x in sorted({glyph.x for glyph in engraving.glyphs if glyph.owner_kind == "barLine"}):
                if above:
                    shapes.append(_vertical(x, top, engraving.line_ys[0], 25))
                if below:
                    shapes.append(_vertical(x, engraving.line_ys[-1], bottom, 25))
    elif random.random() < 0.08 * amount:  # a line at the left end of a single staff
        shapes.append(_vertical(engraving.left, engraving.line_ys[0], engraving.line_ys[-1], 25))
    extension = 0
    if random.random() < 0.06 * amount:
        extension = round(random.uniform(1, 25) * _SPACE)
        left, right = engraving.right, engraving.right + extension
        for y in engraving.line_ys:
            shapes.append(f'<path d="M{left} {y} L{right} {y}" stroke="black" stroke-width="18" />')
    return "".join(shapes), extension


def _system_start(left: int, top: int, bottom: int, random: Random) -> list[str]:
    """Draw the system line, perhaps with a bracket or a brace (two thick curves that meet halfway)."""
    shapes = [_vertical(left, top, bottom, random.choice((20, 30, 45)))]
    kind = random.choice(("bracket", "brace", "line"))
    if kind == "bracket":
        shapes.append(_vertical(left - round(0.7 * _SPACE), top, bottom, random.choice((70, 100))))
    if kind == "brace":
        x = left - round(0.4 * _SPACE)
        middle, tip = (top + bottom) // 2, x - round(1.1 * _SPACE)
        upper = f"M{x} {top} C{tip - 40} {top + 300} {x} {middle - 150} {tip} {middle} "
        lower = f"C{x} {middle + 150} {tip - 40} {bottom - 300} {x} {bottom}"
        shapes.append(f'<path d="{upper}{lower}" fill="none" stroke="black" stroke-width="60" />')
    return shapes


def _vertical(x: int, top: int, bottom: int, width: int) -> str:
    return f'<path d="M{x} {top} L{x} {bottom}" stroke="black" stroke-width="{width}" />'
