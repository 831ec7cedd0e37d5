"""Verdict on traced lines: whether they are a staff of five, and what they are otherwise."""

import cv2
import numpy as np
from numpy.typing import NDArray

from focal_omr.staff.lines import Trace

_LONG_SPACES = 20  # more than five rows of text keep one distance
_SHORTEST_SPACES = 8  # a clef, a key and a bar; five dashes of a drawing are shorter


def is_staff(trace: Trace) -> bool:
    """Whether five thin lines, no more and no fewer, go on over at least 8 spaces.

    Observed in prints and photographs: each of the five is seen over 0.66 to 1 of the length, ledger lines
    over 0 to 0.31; the sixth line of a tablature is seen as often as the others. Beams of 32nds may cover one
    of the five for more than half of a staff; then it has no gaps, and the other four are seen. (Of rows of
    text, two of the five are seen over less than half.)

    Where all five stand out from what is a space beyond them, less will do: lines broken to less than half in
    scans (0.46), and blurred ones that are as thick as rows of text, but of a length that text has not.
    """
    five, beyond = trace.shares[2:7], float(trace.shares[[1, 7]].max())
    weakest, next_weakest = np.sort(five)[:2]
    stands_out = weakest - beyond >= 0.3
    covered = weakest >= 0.3 and next_weakest >= 0.55 and trace.gaps[int(five.argmin())] < 0.05
    seen = weakest >= 0.5 or covered or (stands_out and weakest >= 0.4)
    blurred = stands_out and trace.steadiness >= (0.55 if weakest - beyond >= 0.45 else 0.6)
    blurred = blurred and trace.width < 1.05
    blurred = blurred and trace.gaps.max() < 0.15 and trace.length_spaces >= _LONG_SPACES
    return bool(
        (is_ruled(trace) or blurred)
        and trace.length_spaces >= _SHORTEST_SPACES
        and seen
        and beyond < 0.8 * weakest
    )


def is_covered_staff(trace: Trace, *, on_page: bool = False) -> bool:
    """Whether these may be five lines of which notes and beams cover up to two.

    Covered lines have no gaps (0.01 at most), which rows of text have. In a crop that holds no clearer staff,
    four of the five may be seen less. On a page, five lines that meet a staff one line off have paper in the
    place of one of them over 0.28 of the length or more; the two staves of the quartets whose second and
    third lines are beams all along have no gap, shares of 0.34 and 0.37 there, and 0.89 to 0.99 in the other
    three.

    Args:
        trace: the traced lines.
        on_page: whether they lie on a page, on which other staves are searched for, and not in a crop.
    """
    five, beyond = np.sort(trace.shares[2:7]), float(trace.shares[[1, 7]].max())
    if on_page:
        seen = five[0] - beyond >= 0.12 and five[2] >= 0.75
    else:
        seen = five[0] - beyond >= 0.2 and five[-2] >= 0.75
    thin = trace.steadiness >= 0.6 and trace.width < 0.3
    return bool(trace.gaps.max() < 0.03 and seen and thin and trace.length_spaces >= _LONG_SPACES)


def is_ruled(trace: Trace) -> bool:
    """Whether these are thin, smooth lines at all, however many.

    Observed, steadiness less half the width: 0.72 to 1 for prints and photographs, down to 0.41 for blurred
    staves with a space of 4 px, 0.2 at most for noise, clouds and the grain of wood. The width alone: 0 to
    0.55 for staves, 0.44 to 0.7 for rows of text.
    """
    return trace.steadiness - trace.width / 2 >= 0.35 and trace.width < 0.65


def describe_lines(gray: NDArray[np.uint8], traces: list[Trace]) -> str:
    """Describe what an image holds instead of a staff, for error messages.

    Args:
        gray: (H, W) uint8 gray levels.
        traces: lines that were traced in it and are no staff.
    """
    small = cv2.resize(gray, (min(64, gray.shape[1]), min(256, gray.shape[0])), interpolation=cv2.INTER_AREA)
    if int(small.max()) - int(small.min()) < 8:
        return "the image is blank"
    ruled = [trace for trace in traces if is_ruled(trace)]
    if not ruled:
        return "no thin parallel lines at one distance were seen"
    best = max(ruled, key=lambda t: (t.last - t.first) / t.middle.size * float(t.shares.sum()))
    lines = int((best.shares >= 0.5).sum())
    count = f"at least {lines}" if lines > 5 else str(lines)
    return (
        f"{count} parallel lines were seen over {best.length_spaces:.0f} staff spaces, "
        f"5 are needed over at least {_SHORTEST_SPACES}"
    )
