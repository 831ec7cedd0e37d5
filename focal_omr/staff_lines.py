"""Where a staff lies in a picture.

1. The staff space: means over short column blocks, in octaves of size, keep staff lines and lose noise; the
   distance at which their ridges repeat three times is the staff space.
2. The staff: a comb of five teeth at that distance is led through the blocks by dynamic programming, which
   follows skew and curl; of several staves the complete one nearest the centre is taken.
3. The lines: the picture is straightened along that path, each line's ridge is measured against the path,
   a smooth curve is fitted to what most lines say, and the ends are looked for.

Source: the staff space as the most frequent distance of lines: Cardoso and Rebelo, "Robust staffline
thickness and distance estimation in binary and gray-level music scores", ICPR 2010; staff lines as the best
path through the picture: Cardoso et al., "Staff detection with stable paths", TPAMI 2009. Deviation: both
work on pixels and single lines, this on block means and on all five lines at once.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from focal_omr.errors import NoStaffError
from focal_omr.image_file import as_dark_on_light

__all__ = ["Staff", "find_staff"]

Floats = NDArray[np.float32]

_ROWS = 8  # rows per staff space of the working picture
_CELLS = 4  # columns ("cells") per staff space of the working picture
_REPEAT_SHARES = np.array([4 / 5, 3 / 5, 2 / 5])  # of five lines that meet a line 1, 2 and 3 spaces away
_SPACE_BLOCK_PX = 12  # columns of a block in the smallest octave, where a space has 3.5 to 8 rows
_BLOCK = 6  # cells per block of the path search: 1.5 spaces, in which 5 degrees are 0.13 spaces
_BLOCK_SHIFT = 2  # rows that the path may climb per block: 1 in 6, or 9 degrees
_THICK_ROWS = 3  # of ink thicker than a line: beams have 4 rows, lines 2 at most
_THICK = 0.6  # of the darkness in the middle: what has more a quarter of a space beside it is a beam
_LONG_SPACES = 20  # longer than five rows of text keep one distance
_SHORTEST_SPACES = 8  # a clef, a key and a bar; five dashes of a drawing are shorter
_LINES = np.arange(-2, 3)
_STIFFNESS = 4.0  # of the fitted middle line, per block of one space
_SPACE_STIFFNESS = 4000.0  # of the fitted staff space; in photographs it changes by 5 % over 30 spaces
_REACH = 5  # spaces above and below the middle line in the straightened picture


@dataclass(frozen=True)
class Staff:
    """Where a staff lies in a picture, in that picture's pixels (a pixel's centre has whole coordinates).

    Attributes:
        xs: (N,) increasing, N >= 2; the first is the left end of the lines, the last their right end.
        middle_ys: (N,) y of the middle line at xs, straight between them.
        space_px: distance of two neighbouring lines, measured along y; the mean where it varies.
        spaces_px: (N,) that distance at xs, straight between them (photographs: perspective, curl), or None
            where it is the same everywhere.
    """

    xs: NDArray[np.float32]
    middle_ys: NDArray[np.float32]
    space_px: float
    spaces_px: NDArray[np.float32] | None = None


@dataclass(frozen=True)
class _Trace:
    """A candidate, in cells and rows of the working picture."""

    middle: Floats  # (cells,) row of the middle line
    space: Floats  # (cells,) rows between two lines
    first: int  # first cell of the lines
    last: int  # last cell of the lines
    shares: Floats  # (9,) share of the length over which a line is seen at -4 .. 4 spaces from the middle
    gaps: Floats  # (5,) share of the length over which there is paper in the place of each of the five lines
    steadiness: float  # share of the five lines' length that lies within 0.08 spaces of the fit
    width: float  # darkness a quarter of a space beside the lines, relative to that of the lines

    @property
    def length_spaces(self) -> float:
        return (self.last - self.first + 1) / _CELLS


def find_staff(gray: NDArray[np.uint8], *, name: str = "image") -> Staff:
    """Find the complete staff of five lines nearest the vertical centre of a crop.

    Args:
        gray: (H, W) gray values; light lines on dark ground are found too.
        name: what an error message calls the picture.

    Returns:
        the staff, from the left to the right end of its lines.

    Raises:
        NoStaffError: no five parallel lines at one distance; the message says what was seen.
    """
    gray = as_dark_on_light(gray)
    seen: list[tuple[_Trace, Floats]] = []
    for space_px in _space_candidates(gray):
        work = _means(gray, space_px=space_px)
        traces = _traces(work)
        good = [trace for trace in traces if _is_staff(trace)]
        if good:
            return _to_picture(_nearest_centre(good, work.shape[0]), gray, work)
        seen += [(trace, work) for trace in traces]
    for trace, work in seen:
        if _is_covered(trace):
            return _to_picture(trace, gray, work)
    raise NoStaffError(
        f"{name}: no staff of five lines: {_what_was_seen(gray, [trace for trace, _ in seen])}"
    )


# --- 1. the staff space ---------------------------------------------------------------------------------


def _means(gray: NDArray[np.uint8], *, space_px: float) -> Floats:
    """(H, W) -> darkness (rows, cells) of the working picture: means over cells, 8 x 4 to a staff space."""
    height, width = gray.shape
    cells, rows = max(1, round(width * _CELLS / space_px)), max(1, round(height * _ROWS / space_px))
    wide, high = min(cells, width), min(rows, height)
    means = cv2.resize(gray, (wide, high), interpolation=cv2.INTER_AREA)
    if (wide, high) != (cells, rows):
        means = cv2.resize(means, (cells, rows), interpolation=cv2.INTER_LINEAR)
    return _darkness(np.asarray(means, np.float32))


def _darkness(means: Floats) -> Floats:
    """1 - value / paper, the paper being the lightest value within about a space, averaged over two."""
    paper = cv2.blur(cv2.dilate(means, np.ones((2 * _ROWS + 1, 5), np.uint8)), (5, 5))
    return np.asarray(np.clip(1 - means / np.maximum(paper, 1), 0, 1), np.float32)


def _thin(darkness: Floats) -> Floats:
    """The darkness without what is thicker than lines: beams, heads, stems.

    The edges of the beams of 32nds and 64ths are as straight and as evenly spaced as lines; with them, the
    comb lay on beams, or a line off, in 1 of 20 staves that are full of such notes.
    """
    kernel = np.ones((_THICK_ROWS, 1), np.uint8)
    return np.asarray(darkness - cv2.morphologyEx(darkness, cv2.MORPH_OPEN, kernel), np.float32)


def _ridges(darkness: Floats, arm: int) -> Floats:
    """How much darker each row is than both the rows `arm` above and below it; 0 where it is not."""
    padded = cv2.copyMakeBorder(darkness, arm, arm, 0, 0, cv2.BORDER_CONSTANT, value=0)
    neighbours = np.maximum(padded[: -2 * arm], padded[2 * arm :])
    return np.asarray(np.maximum(darkness - neighbours, 0), np.float32)


def _space_candidates(gray: NDArray[np.uint8]) -> list[float]:
    """Likely staff spaces in pixels, the likeliest first; after those that are found their multiples.

    In each octave the ridges of block means are compared with themselves, shifted down. Five lines match
    at 1, 2 and 3 spaces with 4/5, 3/5 and 2/5 of their strength; a multiple or a half of the space matches
    at one of these only.
    """
    found: list[tuple[float, float]] = []
    wide = min(_SPACE_BLOCK_PX, gray.shape[1])
    blocks = gray.shape[1] // wide
    means = cv2.resize(gray[:, : blocks * wide], (blocks, gray.shape[0]), interpolation=cv2.INTER_AREA)
    shrink = 1
    while means.shape[0] >= 4 * 4:
        ridges = _ridges(_darkness(np.asarray(means, np.float32)), 2)
        found += [(score, lag * shrink) for score, lag in _repeats(ridges)]
        rows, blocks = means.shape[0] // 2, max(1, means.shape[1] // 2)
        means = cv2.resize(means[: rows * 2, : blocks * 2], (blocks, rows), interpolation=cv2.INTER_AREA)
        shrink *= 2
    likely: list[float] = []
    for _, space in sorted(found, reverse=True):
        if _is_new(space, likely):
            likely.append(space)
    # Thin lines in a small picture: a half or a third of the space was all that was found of 1 staff in 50.
    spaces = likely[:3]
    for multiple in (2 * space for space in likely[:3]), (3 * space for space in likely[:3]):
        spaces += [space for space in multiple if _is_new(space, spaces) and 6 * space < gray.shape[0]]
    return spaces


def _is_new(space: float, others: list[float]) -> bool:
    return all(abs(space / other - 1) > 0.06 for other in others)


def _repeats(ridges: Floats) -> list[tuple[float, float]]:
    """(score, lag in rows) of the best lag between 3.5 and 8 rows at which ridges (rows, blocks) repeat."""
    rows = ridges.shape[0]
    top = min(24, rows - 1)
    clipped = np.minimum(ridges, max(float(np.quantile(ridges, 0.9)), 0.02))
    wide = cv2.blur(clipped, (1, 3), borderType=cv2.BORDER_CONSTANT)
    centred = wide - wide.mean()
    own = float((centred * centred).sum())
    if own <= 0:
        return []
    match = np.array([float((centred[lag:] * centred[: rows - lag]).sum()) for lag in range(top + 1)]) / own
    lags = np.arange(3.5, min(8.01, top / 3), 0.05)
    if not lags.size:
        return []
    at = np.arange(top + 1)
    shares = np.stack([np.interp(lags * n, at, match) for n in (1, 2, 3)]) / _REPEAT_SHARES[:, None]
    best = int(np.argmax(_REPEAT_SHARES @ shares))
    # A half or a third of the space matches at S only. It is kept, but comes after the space itself.
    evenness = float(np.clip(shares[:, best].min(), 0.1, 1))
    return [(float(_REPEAT_SHARES @ shares[:, best]) * evenness, float(lags[best]))]


# --- 2. the path of the comb ----------------------------------------------------------------------------


def _traces(work: Floats) -> list[_Trace]:
    """All candidates in a working picture (rows, cells)."""
    rows, cells = work.shape
    blocks = max(1, round(cells / _BLOCK))
    ridges = _ridges(cv2.resize(_thin(work), (blocks, rows), interpolation=cv2.INTER_AREA), 3)
    return [_refine(work, _at_cells(path.astype(np.float32), cells)) for path in _comb_paths(ridges)]


def _comb(ridges: Floats, limit: float) -> Floats:
    """(rows, blocks) sum of the ridges at the five lines of a staff whose middle line is at each row."""
    reach = 2 * _ROWS
    clipped = np.minimum(cv2.blur(ridges, (1, 3), borderType=cv2.BORDER_CONSTANT), np.float32(limit))
    padded = np.pad(clipped, ((reach, reach), (0, 0)))
    rows = ridges.shape[0]
    return np.asarray(sum(padded[reach + k * _ROWS :][:rows] for k in _LINES), np.float32)


def _comb_paths(ridges: Floats) -> list[NDArray[np.intp]]:
    """Paths (blocks,) of rows along which the comb finds most, at most four, best first."""
    limit = max(0.5 * float(np.quantile(ridges, 0.97)), 1e-3)
    comb = _comb(ridges, limit)
    cost = 0.02 * float(comb.max())  # of a row's climb: one line lost for 10 rows
    enough = 0.0
    paths: list[NDArray[np.intp]] = []
    while len(paths) < 4 and float(comb.max(axis=0).sum()) > enough:
        path, total = _best_path(comb, cost)
        if total <= enough:
            break
        paths.append(path)
        enough = max(enough, 0.4 * total)
        # Neighbours of this path share its lines; the next staff's middle is 5 spaces away at least.
        away = np.abs(np.arange(comb.shape[0])[:, None] - path) > 4.5 * _ROWS
        comb = comb * away
    return paths


def _best_path(comb: Floats, cost: float) -> tuple[NDArray[np.intp], float]:
    """The rows (blocks,) of the path with the greatest sum of the comb, and that sum.

    It is followed from its clearest place to both sides, for beyond a staff's ends there is nothing to find.
    """
    forward, backward = _best_sums(comb, cost), _best_sums(comb[:, ::-1], cost)[:, ::-1]
    start = int(np.argmax(cv2.blur(comb.max(axis=0)[None], (9, 1), borderType=cv2.BORDER_CONSTANT)))
    through = forward[:, start] + backward[:, start] - comb[:, start]
    row = int(np.argmax(through))
    left, right = _follow(forward, row, start, -1, cost), _follow(backward, row, start, 1, cost)
    return np.array([*reversed(left), row, *right]), float(through[row])


def _best_sums(comb: Floats, cost: float) -> Floats:
    """(rows, blocks) the greatest sum of a path that comes from the left and ends at each point."""
    sums = comb.copy()
    rows = comb.shape[0]
    padded = np.full(rows + 2 * _BLOCK_SHIFT, -np.inf, np.float32)
    for block in range(1, comb.shape[1]):
        padded[_BLOCK_SHIFT:-_BLOCK_SHIFT] = sums[:, block - 1]
        best = padded[_BLOCK_SHIFT:-_BLOCK_SHIFT].copy()
        for shift in range(1, _BLOCK_SHIFT + 1):
            low, high = padded[_BLOCK_SHIFT - shift :][:rows], padded[_BLOCK_SHIFT + shift :][:rows]
            np.maximum(best, np.maximum(low, high) - np.float32(cost * shift), out=best)
        sums[:, block] += best
    return sums


def _follow(sums: Floats, row: int, start: int, step: int, cost: float) -> list[int]:
    """The rows of the best path from (row, start) to the edge of the picture, the start excluded."""
    rows, blocks = sums.shape
    path = []
    block = start + step
    while 0 <= block < blocks:
        low = max(0, row - _BLOCK_SHIFT)
        near = sums[low : min(rows, row + _BLOCK_SHIFT + 1), block]
        row = low + int(np.argmax(near - cost * np.abs(np.arange(low, low + near.size) - row)))
        path.append(row)
        block += step
    return path


# --- 3. the lines ---------------------------------------------------------------------------------------


def _refine(work: Floats, middle: Floats) -> _Trace:
    """Measure the five lines along a path, fit a smooth one, find its ends."""
    space = np.full(middle.size, _ROWS, np.float32)
    for _ in range(2):
        straight = _straighten(work, middle, space)
        heights, weights = _line_heights(straight)
        at = (np.arange(heights.shape[1]) + 0.5) * middle.size / heights.shape[1] - 0.5
        expected = np.interp(at, np.arange(middle.size), middle).astype(np.float32)
        fitted, stretches = _fit(heights, weights, expected)
        middle = _at_cells(fitted, middle.size)
        space = space + _at_cells(stretches, middle.size)
    straight = _straighten(work, middle, space)
    first, last, shares, gaps = _extent(straight)
    heights, weights = _line_heights(straight)
    steady = ((np.abs(heights) < 0.08 * _ROWS) & (weights > 0)).mean(axis=0)
    steadiness = float(_at_cells(steady.astype(np.float32), middle.size)[first : last + 1].mean())
    width = _width(straight[:, first : last + 1])
    return _Trace(middle, space, first, last, shares, gaps, steadiness, width)


def _at_cells(values: Floats, cells: int) -> Floats:
    """(blocks,) -> (cells,), straight between the middles of the blocks."""
    at = (np.arange(cells) + 0.5) * values.size / cells - 0.5
    return np.interp(at, np.arange(values.size), values).astype(np.float32)


def _width(straight: Floats) -> float:
    """How dark it is 0.25 spaces above and below the lines, relative to the lines: see `_is_staff`."""
    centres = (_REACH + _LINES) * _ROWS
    beside = np.maximum(straight[centres - 2], straight[centres + 2])
    return float(np.median(beside)) / max(float(np.median(straight[centres])), 1e-3)


def _straighten(work: Floats, middle: Floats, space: Floats) -> Floats:
    """(rows, cells) -> (2 * _REACH * _ROWS + 1, cells) with the middle line in the central row."""
    below = np.arange(-_REACH * _ROWS, _REACH * _ROWS + 1, dtype=np.float32) / np.float32(_ROWS)
    map_y = middle[None, :] + below[:, None] * space[None, :]
    map_x = np.broadcast_to(np.arange(middle.size, dtype=np.float32), map_y.shape)
    straight = cv2.remap(work, np.ascontiguousarray(map_x), map_y, cv2.INTER_LINEAR, borderValue=0)
    return np.asarray(straight, np.float32)


def _line_ridges(straight: Floats, cells: int) -> Floats:
    """(rows, width) -> (rows, blocks) ridges of means over `cells` cells."""
    blocks = max(1, round(straight.shape[1] / cells))
    means = cv2.resize(straight, (blocks, straight.shape[0]), interpolation=cv2.INTER_AREA)
    return _ridges(np.asarray(means, np.float32), 3)


def _line_heights(straight: Floats) -> tuple[Floats, Floats]:
    """Where the five lines lie in a straightened picture, against where they should.

    Returns:
        (5, blocks) rows below the expected row, within -2.5..2.5, and (5, blocks) weights 0..1.
    """
    ridges = cv2.blur(_line_ridges(straight, _CELLS), (3, 1))
    centres = _REACH * _ROWS + _LINES * _ROWS
    window = np.stack([ridges[centres + shift] for shift in range(-3, 4)])  # (7, 5, blocks)
    peak = np.clip(window.argmax(axis=0), 1, 5)[None]
    before, at, after = (np.take_along_axis(window, peak + d, axis=0)[0] for d in (-1, 0, 1))
    curvature = np.maximum(2 * at - before - after, 1e-6)
    bend = np.clip(0.5 * (after - before) / curvature, -0.5, 0.5)
    level = _level(at)
    weights = np.clip(at / level, 0, 1) * (at > 0.3 * level)
    return (peak[0] - 3 + bend).astype(np.float32), weights.astype(np.float32)


def _fit(heights: Floats, weights: Floats, expected: Floats) -> tuple[Floats, Floats]:
    """(5, blocks) heights of the lines -> (blocks,) smooth middle line and change of the staff space.

    The middle line itself is smoothed, not what it changes by: the path before may have followed a slur.
    """
    k = _LINES[:, None].astype(np.float32)
    stretch = np.zeros(heights.shape[1], np.float32)
    middle, residual = expected, heights
    for limit in (2.5, 1.0, 0.6):
        use = weights / (1 + (residual / limit) ** 4)  # a slur or a beam's edge is 1 to 3 rows off
        total, leverage = use.sum(axis=0), (use * k * k).sum(axis=0)
        mean = (use * (heights - stretch * k)).sum(axis=0) / np.maximum(total, 1e-6)
        middle = _smooth(expected + mean, total, _STIFFNESS)
        offset = middle - expected
        slant = (use * k * (heights - offset)).sum(axis=0) / np.maximum(leverage, 1e-6)
        stretch = _smooth(slant, leverage, _SPACE_STIFFNESS)
        residual = heights - offset - stretch * k
    return middle, stretch


def _smooth(values: Floats, weights: Floats, stiffness: float) -> Floats:
    """(N,) values -> (N,) the curve that stays near them and bends little (Whittaker's smoother).

    Minimises sum weights * (values - curve)^2 + stiffness * sum (second differences of curve)^2. The five
    diagonals are eliminated by hand: numpy solves full matrices only, and with threads that wait on a busy
    machine (5 ms to 1 s for 100 unknowns; this takes 0.2 ms).
    """
    n = values.size
    if n < 3:
        return np.full(n, float((weights * values).sum() / max(float(weights.sum()), 1e-6)), np.float32)
    bend = np.zeros((3, n + 2))  # diagonals 0, 1 and 2 of D'D, D taking second differences
    for at, (a, b, c) in enumerate(((1, -2, 1), (4, -2, 0), (1, 0, 0))):
        bend[:, at : at + n - 2] += np.array([[a], [b], [c]])
    diagonal = (stiffness * bend[0, :n] + weights + 1e-6).tolist()
    first, second = (stiffness * bend[1, :n]).tolist(), (stiffness * bend[2, :n]).tolist()
    right = (weights * values).astype(np.float64).tolist()
    for i in range(n - 1):
        factor = first[i] / diagonal[i]
        diagonal[i + 1] -= factor * first[i]
        first[i + 1] -= factor * second[i]
        right[i + 1] -= factor * right[i]
        if i + 2 < n:
            factor = second[i] / diagonal[i]
            diagonal[i + 2] -= factor * second[i]
            right[i + 2] -= factor * right[i]
    curve = [0.0] * (n + 2)
    for i in range(n - 1, -1, -1):
        curve[i] = (right[i] - first[i] * curve[i + 1] - second[i] * curve[i + 2]) / diagonal[i]
    return np.array(curve[:n], np.float32)


def _level(seen: Floats) -> float:
    """(5, N) ridges at the five lines -> the usual one of a line.

    In each column the middle of five, since clutter hides two lines at most; then that of the clearest
    fifth, since the staff may fill no more of the picture's width.
    """
    return max(float(np.quantile(np.median(seen, axis=0), 0.8)), 1e-3)


def _extent(straight: Floats) -> tuple[int, int, Floats, Floats]:
    """First and last cell of the lines; shares of that length: lines seen (9,), gaps in the five (5,).

    A line that is seen speaks for a cell, paper in its place against it; where ink covers it (a clef, a
    beam, a bar line) it says nothing.
    """
    ridges = cv2.blur(_line_ridges(straight, 1), (3, 1))
    centres = (_REACH + np.arange(-4, 5)) * _ROWS
    heights = np.maximum(ridges[centres], np.maximum(ridges[centres - 1], ridges[centres + 1]))
    enough = 0.45 * _level(heights[2:7])
    seen = heights > enough  # (9, cells)
    # Level beams may lie all along where a sixth line would; they are thicker than lines.
    beside = np.maximum(straight[centres - 2], straight[centres + 2])
    seen[[0, 1, 7, 8]] &= (beside < _THICK * straight[centres])[[0, 1, 7, 8]]
    paper = cv2.blur(straight, (3, 1))[centres[2:7]] < enough
    gaps = paper & ~seen[2:7]
    first, last = _best_stretch((seen[2:7].sum(axis=0) - gaps.sum(axis=0)) / 5)
    shares = [part[:, first : last + 1].mean(axis=1).astype(np.float32) for part in (seen, gaps)]
    return first, last, shares[0], shares[1]


def _best_stretch(gain: NDArray[np.float64]) -> tuple[int, int]:
    """The first and last cell of the stretch with the greatest sum of gains."""
    sums = np.concatenate([[0.0], np.cumsum(gain)])
    last = int(np.argmax(sums - np.minimum.accumulate(sums)))
    first = int(np.argmin(sums[: last + 1]))
    return first, max(first, last - 1)


# --- the verdict ----------------------------------------------------------------------------------------


def _is_staff(trace: _Trace) -> bool:
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
        (_is_ruled(trace) or blurred)
        and trace.length_spaces >= _SHORTEST_SPACES
        and seen
        and beyond < 0.8 * weakest
    )


def _is_covered(trace: _Trace) -> bool:
    """Whether these may be five lines after all, where no others were found.

    Level beams and rows of notes may cover two of five lines for two thirds of a clean staff; then none of
    them has a gap (0.01 at most), which rows of text have.
    """
    five, beyond = np.sort(trace.shares[2:7]), float(trace.shares[[1, 7]].max())
    unbroken = trace.gaps.max() < 0.03 and five[0] - beyond >= 0.2 and five[-2] >= 0.75
    thin = trace.steadiness >= 0.6 and trace.width < 0.3
    return bool(unbroken and thin and trace.length_spaces >= _LONG_SPACES)


def _is_ruled(trace: _Trace) -> bool:
    """Whether these are thin, smooth lines at all, however many.

    Observed, steadiness less half the width: 0.72 to 1 for prints and photographs, down to 0.41 for blurred
    staves with a space of 4 px, 0.2 at most for noise, clouds and the grain of wood. The width alone: 0 to
    0.55 for staves, 0.44 to 0.7 for rows of text.
    """
    return trace.steadiness - trace.width / 2 >= 0.35 and trace.width < 0.65


def _nearest_centre(traces: list[_Trace], rows: int) -> _Trace:
    longest = max(trace.last - trace.first for trace in traces)
    rivals = [trace for trace in traces if trace.last - trace.first >= 0.5 * longest]
    return min(rivals, key=lambda t: abs(float(t.middle[t.first : t.last + 1].mean()) - rows / 2))


def _what_was_seen(gray: NDArray[np.uint8], traces: list[_Trace]) -> str:
    """The end of the error message: what the picture holds instead of a staff."""
    small = cv2.resize(gray, (min(64, gray.shape[1]), min(256, gray.shape[0])), interpolation=cv2.INTER_AREA)
    if int(small.max()) - int(small.min()) < 8:
        return "the picture is blank"
    ruled = [trace for trace in traces if _is_ruled(trace)]
    if not ruled:
        return "no thin parallel lines at one distance were seen"
    best = max(ruled, key=lambda t: (t.last - t.first) / t.middle.size * float(t.shares.sum()))
    lines = int((best.shares >= 0.5).sum())
    count = f"at least {lines}" if lines > 5 else str(lines)
    return (
        f"{count} parallel lines were seen over {best.length_spaces:.0f} staff spaces, "
        f"5 are needed over at least {_SHORTEST_SPACES}"
    )


def _to_picture(trace: _Trace, gray: NDArray[np.uint8], work: Floats) -> Staff:
    """From cells and rows of the working picture to pixels, one point for each two spaces of length."""
    scale_x, scale_y = gray.shape[1] / work.shape[1], gray.shape[0] / work.shape[0]
    points = max(2, round((trace.last - trace.first) / _BLOCK))
    cells = np.linspace(trace.first - 0.5, trace.last + 0.5, points)
    rows = np.interp(cells, np.arange(trace.middle.size), trace.middle)
    spaces = (np.interp(cells, np.arange(trace.space.size), trace.space) * scale_y).astype(np.float32)
    xs, ys = (cells + 0.5) * scale_x - 0.5, (rows + 0.5) * scale_y - 0.5
    return Staff(xs.astype(np.float32), ys.astype(np.float32), float(spaces.mean()), spaces)
