"""Boxes of moved and inserted symbols on the image."""

from dataclasses import dataclass

from focal_omr.document.geometry import (
    Polygon,
    bounds,
    clipped,
    moved_polygon,
    place_on_staff,
    symbol_polygon,
)
from focal_omr.score.records import Clef
from focal_omr.staff.find import Staff
from focal_omr.staff.strip import STAFF_SPACE_PX

_BESIDE_PX = 2.0 * STAFF_SPACE_PX  # in the strip: from the first or last symbol to one inserted outside
_ALONE_PX = 6.0 * STAFF_SPACE_PX  # from the start of a strip without symbols


@dataclass(frozen=True)
class StaffPlacement:
    """Placement of symbols on the image of a staff.

    Attributes:
        staff: The staff; None for an image that was read without staff detection, where boxes are as high as
            the image.
        width, height: Size of the image in pixels.
    """

    staff: Staff | None
    width: int
    height: int

    def moved(self, polygon: Polygon, steps: int) -> Polygon:
        """A box moved up by diatonic steps."""
        if self.staff is None or not steps:
            return polygon
        return self._clipped(moved_polygon(polygon, self.staff, steps=steps))

    def in_place(self, token: str, polygon: Polygon, clef: Clef) -> Polygon:
        """The box of a symbol in the place of another one.

        Args:
            token: The new symbol.
            polygon: The box of the old one, in pixels of the image.
            clef: The clef in force.
        """
        if self.staff is None:
            return polygon
        return self._at(token, place_on_staff(polygon, self.staff), clef)

    def between(self, token: str, before: Polygon | None, after: Polygon | None, clef: Clef) -> Polygon:
        """The box of a symbol between two others, or beside one.

        Args:
            token: The new symbol.
            before: The box of the symbol before it; None: it is the first.
            after: The box of the symbol after it; None: it is the last.
            clef: The clef in force.
        """
        around = [polygon for polygon in (before, after) if polygon is not None]
        if self.staff is None:
            boxes = [bounds(polygon) for polygon in around] or [(0.0, 0.0, float(self.width), 0.0)]
            middle = sum((left + right) / 2 for left, _, right, _ in boxes) / len(boxes)
            half = min(right - left for left, _, right, _ in boxes) / 2
            left, right, bottom = middle - half, middle + half, float(self.height)
            return self._clipped(((left, 0.0), (right, 0.0), (right, bottom), (left, bottom)))
        places = [place_on_staff(polygon, self.staff) for polygon in around]
        if not places:
            return self._at(token, _ALONE_PX, clef)
        beside = 0.0 if len(places) == 2 else _BESIDE_PX if before else -_BESIDE_PX
        return self._at(token, sum(places) / len(places) + beside, clef)

    def _at(self, token: str, place: float, clef: Clef) -> Polygon:
        assert self.staff is not None
        return self._clipped(symbol_polygon(token, self.staff, clef, at=place))

    def _clipped(self, polygon: Polygon) -> Polygon:
        return clipped(polygon, self.width, self.height)
