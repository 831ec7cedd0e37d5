"""What files say of themselves: resolution, frames, which way is up; and odd kinds of samples."""

import contextlib
import io
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from focal_omr.errors import ImageError
from focal_omr.images.header import Header, believable_dpi, is_tiff, read_header, read_tiff_pages
from focal_omr.images.load import decode_gray


def staff() -> Image.Image:
    """A picture that no turn leaves as it is."""
    gray = np.full((60, 100), 255, np.uint8)
    gray[10:31:5, 8:92] = 0
    gray[40:52, 70:90] = 90
    return Image.fromarray(gray)


def exif(orientation: int = 1, dpi: float | None = None) -> Image.Exif:
    tags = Image.Exif()
    tags[274] = orientation
    if dpi is not None:
        tags[282] = tags[283] = dpi
        tags[296] = 2
    return tags


def saved(picture: Image.Image, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, kind, **options)
    return buffer.getvalue()


def difference(gray: NDArray[np.uint8], wanted: Image.Image) -> int:
    assert gray.shape == wanted.size[::-1]
    return int(np.abs(gray.astype(int) - np.asarray(wanted)).max())


# --- samples ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["JPEG", "TIFF"])
def test_cmyk(kind: str) -> None:
    data = saved(staff().convert("RGB").convert("CMYK"), kind, quality=100)
    assert (b"Adobe" in data) == (kind == "JPEG")  # whose CMYK is stored inverted
    assert difference(decode_gray(data, name="a"), staff()) <= 8


@pytest.mark.parametrize("mode", ["L", "P", "RGB", "RGBA", "LA", "CMYK", "YCbCr", "F", "I;16"])
@pytest.mark.parametrize("compression", [None, "tiff_lzw", "tiff_adobe_deflate", "packbits"])
def test_kinds_of_tiff(mode: str, compression: str | None) -> None:
    if mode == "I;16":
        picture = Image.fromarray(np.asarray(staff()).astype(np.uint16) * 257)
    elif mode == "F":
        picture = Image.fromarray(np.asarray(staff()).astype(np.float32) / 255)
    else:
        picture = staff().convert("RGB").convert(mode) if mode in ("CMYK", "YCbCr") else staff().convert(mode)
    data = saved(picture, "TIFF", compression=compression)
    assert difference(decode_gray(data, name="a"), staff()) <= 1


@pytest.mark.parametrize("compression", ["group3", "group4", "tiff_lzw"])
@pytest.mark.parametrize("zero_is_white", [False, True])
def test_one_bit_tiff(compression: str, zero_is_white: bool) -> None:
    picture = staff().point(lambda value: 255 * (value > 128), "1")
    stored = Image.fromarray(~np.asarray(picture)) if zero_is_white else picture
    data = saved(stored, "TIFF", compression=compression, tiffinfo={262: 0 if zero_is_white else 1})
    assert difference(decode_gray(data, name="a"), picture.convert("L")) == 0


@pytest.mark.parametrize("kind", ["PNG", "GIF", "BMP"])
@pytest.mark.parametrize("mode", ["1", "P"])
def test_one_bit_and_palette(kind: str, mode: str) -> None:
    picture = staff().point(lambda value: 255 * (value > 128), "1").convert(mode)
    assert difference(decode_gray(saved(picture, kind), name="a"), picture.convert("L")) == 0


def test_transparent_gif() -> None:
    indices = (np.asarray(staff()) < 128).astype(np.uint8)
    picture = Image.frombytes("P", (100, 60), indices.tobytes())
    picture.putpalette([0, 0, 0, 0, 0, 0])
    gray = decode_gray(saved(picture, "GIF", transparency=0), name="a")
    assert np.array_equal(gray, np.where(indices, 0, 255))


@pytest.mark.parametrize(
    ("kind", "transparent"),
    [("JPEG", False), *((kind, clear) for kind in ("PNG", "WebP", "TIFF") for clear in (False, True))],
)
@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_orientation(kind: str, transparent: bool, orientation: int) -> None:
    picture = staff()
    if transparent:
        clear = Image.new("L", picture.size, 0)
        picture = Image.merge("LA", (clear, picture.point(lambda value: 255 - value)))
        picture = picture.convert("RGBA")
    back = {6: 8, 8: 6}.get(orientation, orientation)  # the others undo themselves
    lying = _turned(picture, back)
    options: dict[str, object] = {"exif": exif(orientation)}
    options |= {"WebP": {"lossless": True, "exact": True}, "JPEG": {"quality": 100}}.get(kind, {})
    if kind == "TIFF":
        options = {"tiffinfo": {274: orientation}}
    data = saved(lying, kind, **options)
    assert read_header(data, name="a").orientation == orientation
    assert difference(decode_gray(data, name="a"), staff()) <= (8 if kind == "JPEG" else 1)


def _turned(picture: Image.Image, orientation: int) -> Image.Image:
    """What Pillow makes of a picture with this orientation."""
    way = Image.Transpose
    turn = {
        2: way.FLIP_LEFT_RIGHT,
        3: way.ROTATE_180,
        4: way.FLIP_TOP_BOTTOM,
        5: way.TRANSPOSE,
        6: way.ROTATE_270,
        7: way.TRANSVERSE,
        8: way.ROTATE_90,
    }.get(orientation)
    return picture if turn is None else picture.transpose(turn)


# --- resolution ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF", "BMP"])
@pytest.mark.parametrize(("dpi", "found"), [(300, 300), (600, 600), (72, None), (96, None), (1, None)])
def test_resolution(kind: str, dpi: int, found: float | None) -> None:
    data = saved(staff(), kind, dpi=(dpi, dpi))
    assert read_header(data, name="a").dpi == (found and pytest.approx(found, abs=0.05))


@pytest.mark.parametrize("kind", ["JPEG", "WebP", "PNG"])
def test_resolution_in_exif(kind: str) -> None:
    assert read_header(saved(staff(), kind, exif=exif(dpi=240)), name="a").dpi == 240


def test_resolution_in_centimetres() -> None:
    data = saved(staff(), "TIFF", tiffinfo={282: 118.11, 283: 118.11, 296: 3})
    assert read_header(data, name="a").dpi == pytest.approx(300, abs=0.1)
    jfif = bytearray(saved(staff(), "JPEG", dpi=(118, 118)))
    jfif[13] = 2
    assert read_header(jfif, name="a").dpi == pytest.approx(299.7, abs=0.1)
    without_unit = saved(staff(), "TIFF", tiffinfo={282: 300.0, 283: 300.0, 296: 1})
    assert read_header(without_unit, name="a").dpi is None


def test_oblong_pixels_have_no_resolution() -> None:
    assert believable_dpi(204, 98) is None
    assert believable_dpi(300, 299.9) == 300
    assert believable_dpi(float("nan"), 300) is None


# --- animations ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["GIF", "WebP", "PNG"])
def test_frames_are_counted(kind: str) -> None:
    turned = staff().transpose(Image.Transpose.ROTATE_180)
    assert read_header(saved(staff(), kind), name="a").frames == 1
    data = saved(staff(), kind, save_all=True, append_images=[turned, staff()])
    assert read_header(data, name="a").frames == 3
    with pytest.raises(ImageError, match=r"^a: an animation of 3 frames, a still image is needed$"):
        decode_gray(data, name="a")


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_a_gif_that_is_cut_off(share: float) -> None:
    data = saved(staff(), "GIF")
    with pytest.raises(ImageError, match="cut off"):
        decode_gray(data[: int(share * len(data))], name="a")


# --- sizes before decoding -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("PNG", {}),
        ("JPEG", {}),
        ("BMP", {}),
        ("GIF", {}),
        ("TIFF", {}),
        ("TIFF", {"big_tiff": True}),
        ("WebP", {}),
        ("WebP", {"lossless": True}),
        ("WebP", {"exif": exif(2)}),
    ],
)
def test_sizes(kind: str, options: dict[str, object]) -> None:
    header = read_header(saved(staff(), kind, **options), name="a")
    assert (header.kind, header.size) == (kind, (100, 60))


@pytest.mark.parametrize("order", ["<", ">"])
def test_tiff_of_too_many_pixels(order: str) -> None:
    sides = struct.pack(order + "HHIIHHII", 256, 4, 1, 40_000, 257, 4, 1, 40_000)
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "IH", 8, 2)
    with pytest.raises(ImageError, match="40000 x 40000 pixels, at most 100 million"):
        decode_gray(head + sides + bytes(4), name="a")


def test_webp_of_too_many_pixels() -> None:
    """Pillow refuses it by itself, since it would allocate the canvas."""
    side = (16_383).to_bytes(3, "little")
    chunk = b"VP8X" + struct.pack("<I", 10) + bytes(4) + side + side
    data = b"RIFF" + struct.pack("<I", 4 + len(chunk)) + b"WEBP" + chunk
    with pytest.raises(ImageError, match=r"^a: too many pixels, at most 100 million are read$"):
        decode_gray(data, name="a")


# --- damage ----------------------------------------------------------------------------------------------


def test_damaged_exif_costs_the_picture_nothing() -> None:
    data = saved(staff(), "JPEG", quality=100, exif=exif(6))
    at = data.index(b"Exif\0\0") + 10
    damaged = data[:at] + b"\xff\xff\xff\xff" + data[at + 4 :]
    header = read_header(damaged, name="a")
    assert (header.orientation, header.dpi, header.size) == (1, None, (100, 60))


def test_a_damaged_name_of_a_chunk_stays_on_one_line() -> None:
    data = saved(staff(), "PNG").replace(b"IDAT", b"ID\nT")
    with pytest.raises(
        ImageError,
        match=r"^a: the PNG file is damaged \(checksum of chunk 'ID\\nT' at byte 33\)$",
    ):
        read_header(data, name="a")


@given(tail=st.binary(max_size=60), head=st.sampled_from([b"II*\0", b"MM\0*", b"II+\0\x08\0\0\0"]))
def test_any_directories_are_read_or_refused(tail: bytes, head: bytes) -> None:
    assert is_tiff(head)
    with contextlib.suppress(ImageError):
        assert all(page.offset > 0 for page in read_tiff_pages(head + tail, name="a"))


@given(
    tail=st.binary(max_size=120),
    head=st.sampled_from(
        [
            b"GIF89a",
            b"RIFF\x10\0\0\0WEBPVP8X",
            b"RIFF\0\0\0\0WEBPVP8L",
            b"BM",
            b"\xff\xd8\xff\xe1\0\x20Exif\0\0II*\0",
        ]
    ),
)
def test_any_header_is_read_or_refused(tail: bytes, head: bytes) -> None:
    with contextlib.suppress(ImageError):
        assert isinstance(read_header(head + tail, name="a"), Header)
