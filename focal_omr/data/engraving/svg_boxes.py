"""Bounding boxes of what an SVG draws: paths, glyphs used from its definitions, polygons, ellipses, text."""

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from xml.etree import ElementTree as ET

from PIL import ImageFont

__all__ = ["SVG", "Box", "glyphs", "shape_box", "union"]

SVG = "{http://www.w3.org/2000/svg}"
Box = tuple[float, float, float, float]  # left, top, right, bottom; y downwards

_LINK = "{http://www.w3.org/1999/xlink}href"
_TOKEN = re.compile(r"[A-Za-z]|-?\d*\.?\d+(?:e-?\d+)?")
_NUMBER = re.compile(r"-?\d*\.?\d+")
_CURVED = re.compile(r"[a-zCSQT]")  # or relative
_TRANSLATE = re.compile(r"translate\(\s*(-?[\d.]+)[ ,]+(-?[\d.]+)\)")
_SCALE = re.compile(r"scale\(\s*(-?[\d.]+)(?:[ ,]+(-?[\d.]+))?\)")
_ARGUMENTS = {"m": 2, "l": 2, "h": 1, "v": 1, "c": 6, "s": 4, "q": 4, "t": 2, "z": 0}
_STEPS = tuple(step / 8 for step in range(1, 9))  # along a curve
_FONT_FILE = "DejaVuSerif.ttf"  # of `render.rasterise`
_FONT_SIZE = 100  # at which text is measured


def union(boxes: Iterator[Box] | list[Box]) -> Box | None:
    """The smallest box around boxes; None if there are none."""
    found = list(boxes)
    if not found:
        return None
    lefts, tops, rights, bottoms = zip(*found, strict=True)
    return min(lefts), min(tops), max(rights), max(bottoms)


def glyphs(root: ET.Element) -> dict[str, Box]:
    """Boxes of the glyphs that an SVG of Verovio defines, by their ids."""
    found = {}
    for group in root.iterfind(f"{SVG}defs/{SVG}g"):
        box = union(_path_box(path.get("d", "")) for path in group.iterfind(f"{SVG}path") if path.get("d"))
        if box is not None:
            left, top, right, bottom = box
            found[group.get("id", "")] = (left, -bottom, right, -top)  # they are drawn upside down
    return found


def shape_box(shape: ET.Element, defined: Mapping[str, Box]) -> Box | None:
    """The box of one element of an SVG, or None if it draws nothing by itself; `defined` is from `glyphs`."""
    match shape.tag.removeprefix(SVG):
        case "use":
            left, top, right, bottom = defined.get(shape.get(_LINK, "")[1:], (0.0, 0.0, 0.0, 0.0))
            transform = shape.get("transform", "")
            moved, scaled = _TRANSLATE.search(transform), _SCALE.search(transform)
            x, y = (float(moved[1]), float(moved[2])) if moved else (0.0, 0.0)
            across = float(scaled[1]) if scaled else 1.0
            down = float(scaled[2] or scaled[1]) if scaled else 1.0
            return x + across * left, y + down * top, x + across * right, y + down * bottom
        case "path":
            d = shape.get("d", "")
            if _CURVED.search(d):
                return _widened(_path_box(d), shape)
            numbers = [float(n) for n in _NUMBER.findall(d)]  # absolute coordinates
            xs, ys = numbers[::2], numbers[1::2]
            return _widened((min(xs), min(ys), max(xs), max(ys)), shape)
        case "polygon" | "polyline":
            numbers = [float(n) for n in _NUMBER.findall(shape.get("points", ""))]
            xs, ys = numbers[::2], numbers[1::2]
            return _widened((min(xs), min(ys), max(xs), max(ys)), shape)
        case "rect":
            x, y = float(shape.get("x", 0)), float(shape.get("y", 0))
            return x, y, x + float(shape.get("width", 0)), y + float(shape.get("height", 0))
        case "ellipse":
            x, y = float(shape.get("cx", 0)), float(shape.get("cy", 0))
            across, down = float(shape.get("rx", 0)), float(shape.get("ry", 0))
            return x - across, y - down, x + across, y + down
        case "text":
            return _text_box(shape)
        case _:
            return None


def _widened(box: Box, shape: ET.Element) -> Box:
    half = float(shape.get("stroke-width", 0)) / 2
    return box[0] - half, box[1] - half, box[2] + half, box[3] + half


@lru_cache(maxsize=4096)
def _path_box(d: str) -> Box:
    xs, ys = zip(*_path_points(d), strict=True)
    return min(xs), min(ys), max(xs), max(ys)


def _path_points(d: str) -> Iterator[tuple[float, float]]:
    """Points on a path: its corners, and eight on each curve."""
    tokens = _TOKEN.findall(d)
    x = y = start_x = start_y = 0.0
    control = (0.0, 0.0)
    command, place = "", 0
    while place < len(tokens):
        if tokens[place].isalpha():
            command, place = tokens[place], place + 1
        kind = command.lower()
        count = _ARGUMENTS[kind]
        values = [float(token) for token in tokens[place : place + count]]
        place += count
        away = (x, y) if command.islower() else (0.0, 0.0)
        if kind == "z":
            x, y = start_x, start_y
        elif kind == "h":
            x = values[0] + away[0]
        elif kind == "v":
            y = values[0] + away[1]
        else:
            points = [(a + away[0], b + away[1]) for a, b in zip(values[::2], values[1::2], strict=True)]
            if kind == "s":
                points = [control, *points]
            if kind in "cs":
                (ax, ay), (bx, by), (cx, cy) = points
                for t in _STEPS:
                    u = 1 - t
                    yield (
                        u**3 * x + 3 * u * u * t * ax + 3 * u * t * t * bx + t**3 * cx,
                        u**3 * y + 3 * u * u * t * ay + 3 * u * t * t * by + t**3 * cy,
                    )
            elif kind in "qt":
                yield from points
            previous = points[-2] if kind in "cs" else points[-1]
            x, y = points[-1]
            control = (2 * x - previous[0], 2 * y - previous[1])
            if kind == "m":
                start_x, start_y = x, y
                command = "l" if command == "m" else "L"
            yield x, y
            continue
        control = (x, y)
        yield x, y


def _text_box(text: ET.Element) -> Box | None:
    """The box of a text: as high as its letters, as wide as the font says."""
    runs = [(run.text, float((run.get("font-size") or "0px")[:-2])) for run in text.iter() if run.text]
    runs = [(string, size) for string, size in runs if string.strip() and size]
    if not runs:
        return None
    width = sum(_advance(string) * size for string, size in runs)
    height = max(size for _, size in runs)
    placed = next((run for run in text.iter() if run.get("x")), text)
    x, y = float(placed.get("x", 0)), float(placed.get("y", 0))
    anchor = {"middle": 0.5, "end": 1.0}.get(text.get("text-anchor", ""), 0.0)
    return x - anchor * width, y - 0.75 * height, x + (1 - anchor) * width, y + 0.22 * height


@lru_cache(maxsize=4096)
def _advance(text: str) -> float:
    """Width of a text in units of its font size; an average one where the font is not installed."""
    font = _font()
    return 0.6 * len(text) if font is None else font.getlength(text) / _FONT_SIZE


@lru_cache(maxsize=1)
def _font() -> ImageFont.FreeTypeFont | None:
    try:
        return ImageFont.truetype(_FONT_FILE, _FONT_SIZE)
    except OSError:
        return None
