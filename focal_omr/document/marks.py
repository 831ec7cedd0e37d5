"""A page's reading as JSON values for a browser, which draws them over the page's image.

Coordinates are pixels of the upright page; outlines are in the syntax of SVG's `points`.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from focal_omr.document.document import Page, StaffReading, rounded, staff_lines
from focal_omr.document.review import confidence_rgb, odd_bars
from focal_omr.encodings.names import symbol_name

__all__ = ["staff_marks", "unread_marks"]


def staff_marks(reading: StaffReading) -> dict[str, Any]:
    """A staff: its lines, its symbols with names and colours, its bars that do not add up."""
    return {
        "piece": reading.piece,
        "part": reading.part,
        "lines": [_points(line) for line in staff_lines(reading.staff)],
        "odd": [{"bar": bar.number, "points": _points(bar.polygon)} for bar in odd_bars(reading)],
        "symbols": [
            {
                "name": symbol_name(symbol.token),
                "token": symbol.token,
                "points": _points(symbol.polygon),
                "confidence": round(symbol.confidence, 3),
                "colour": "#{:02x}{:02x}{:02x}".format(*confidence_rgb(symbol.confidence)),
                "used": symbol.used,
                "bar": bar.number,
                "adds_up": bar.adds_up,
            }
            for symbol, bar in zip(reading.symbols, reading.symbol_bars, strict=True)
        ],
    }


def unread_marks(page: Page) -> list[dict[str, Any]]:
    """The regions of a page that were not read."""
    return [{"box": rounded(each.box), "reason": each.reason} for each in page.unread]


def _points(corners: Iterable[Sequence[float]]) -> str:
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in corners)
