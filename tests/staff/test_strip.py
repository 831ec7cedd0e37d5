"""Picture files, the staff in a picture, and its strip, all on pictures drawn here."""

import contextlib
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from shared_data import SHARED

from focal_omr.errors import ImageError, NoStaffError
from focal_omr.staff import strip as image
from focal_omr.staff.strip import Staff

LINE_ROWS = (32, 40, 48, 56, 64)
REAL_STAVES = SHARED / "data" / "staves"

Gray = NDArray[np.uint8]


# --- drawing ---------------------------------------------------------------------------------------------


def draw_staff(
    space_px: float,
    length_spaces: float = 40,
    *,
    lines: int = 5,
    angle_deg: float = 0,
    curl_spaces: float = 0,
    margins: tuple[float, float, float, float] = (3, 5, 3, 5),
    line_spaces: float = 0.12,
    notes: bool = True,
) -> tuple[Gray, Staff]:
    """Draw a staff at four times the size; return the picture and where the staff really lies.

    margins: left, top, right, bottom, in spaces.
    """
    fine = 4 if space_px < 20 else 2
    space = space_px * fine
    left, top, right, bottom = margins
    rise = length_spaces * np.tan(np.radians(angle_deg))
    height = round((4 + top + bottom + abs(rise) + 2 * curl_spaces) * space)
    width = round((left + length_spaces + right) * space)
    x = np.arange(width)
    start, end = left * space, (left + length_spaces) * space
    part = (x - start) / (end - start)
    middle = (top + 2 + abs(rise) / 2 + curl_spaces) * space
    ys = middle + ((part - 0.5) * rise + curl_spaces * np.sin(np.pi * 2 * part)) * space
    picture = np.full((height, width), 255, np.uint8)
    inside = (x >= start) & (x <= end)
    rows = np.arange(height)[:, None]
    for k in np.arange(lines) - (lines - 1) / 2:
        picture[(abs(rows - ys - k * space) <= line_spaces * space / 2) & inside] = 20
    if notes:
        _draw_notes(picture, ys, start, length_spaces, space)
    size = (round(width / fine), round(height / fine))
    small = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    shift = 0.5 / fine - 0.5
    true_xs, true_ys = x[inside] / fine + shift, ys[inside] / fine + shift
    return small, Staff(true_xs.astype(np.float32), true_ys.astype(np.float32), space_px)


def _draw_notes(picture: Gray, ys: NDArray[np.float64], start: float, length: float, space: float) -> None:
    """Heads on all heights with stems, ledger lines, beams, bar lines and slurs, always the same."""
    rng = np.random.default_rng(1)
    thin = max(1, round(0.12 * space))
    for place in np.arange(3, length - 4, 3.0):
        x = round(start + place * space)
        height = int(rng.integers(-6, 7))
        y = round(ys[x] + height * space / 2)
        cv2.ellipse(picture, (x, y), (round(0.6 * space), round(0.4 * space)), -20, 0, 360, 20, -1)
        tip = y - round(np.sign(height + 0.5) * 3.5 * space)
        cv2.line(picture, (x, y), (x, tip), 20, thin)
        for ledger in range(3, abs(height) // 2 + 1):
            at = round(ys[x] + np.sign(height) * ledger * space)
            cv2.line(picture, (x - round(space), at), (x + round(space), at), 20, thin)
        kind = int(rng.integers(0, 6))
        if kind == 0:
            cv2.line(picture, (x, tip), (x + round(3 * space), tip), 20, round(0.5 * space))
        elif kind == 1:
            x += round(1.5 * space)
            cv2.line(picture, (x, round(ys[x] - 2 * space)), (x, round(ys[x] + 2 * space)), 20, thin)
        elif kind == 2:
            cv2.ellipse(picture, (x, y), (round(3 * space), round(space)), 0, 0, 180, 20, thin)


def degrade(picture: Gray, *, blur_px: float, noise: float, shade: float, jpeg: int) -> Gray:
    """Blur, uneven light, grain and a JPEG file in between."""
    values = cv2.GaussianBlur(picture.astype(np.float32), (0, 0), blur_px)
    values *= 1 - shade * np.linspace(0, 1, picture.shape[1], dtype=np.float32)
    values += np.random.default_rng(2).normal(0, noise, picture.shape)
    data = cv2.imencode(".jpg", np.clip(values, 0, 255).astype(np.uint8), [cv2.IMWRITE_JPEG_QUALITY, jpeg])[1]
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_GRAYSCALE), np.uint8)


def line_error_spaces(found: Staff, truth: Staff) -> float:
    """Distance of a found line from the drawn one, in staff spaces, exceeded along 2 % of the staff."""
    x = np.linspace(max(found.xs[0], truth.xs[0]), min(found.xs[-1], truth.xs[-1]), 200)
    off = np.interp(x, found.xs, found.middle_ys) - np.interp(x, truth.xs, truth.middle_ys)
    spaces = found.spaces_px if found.spaces_px is not None else np.full(found.xs.shape, found.space_px)
    wider = np.interp(x, found.xs, spaces) - truth.space_px
    worst = np.max([np.abs(off + k * wider) for k in (-2, 0, 2)], axis=0)
    return float(np.quantile(worst, 0.98) / truth.space_px)


def encode(picture: NDArray[np.generic], ending: str = ".png", *options: int) -> bytes:
    done, data = cv2.imencode(ending, picture, list(options))
    assert done
    return data.tobytes()


def png_chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def palette_png(indices: Gray, palette: list[tuple[int, int, int]], alphas: list[int] | None = None) -> bytes:
    height, width = indices.shape
    rows = b"".join(b"\0" + row.tobytes() for row in indices)
    chunks = [png_chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0))]
    chunks.append(png_chunk(b"PLTE", bytes(value for colour in palette for value in colour)))
    if alphas is not None:
        chunks.append(png_chunk(b"tRNS", bytes(alphas)))
    chunks += [png_chunk(b"IDAT", zlib.compress(rows)), png_chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def with_orientation(jpeg: bytes, orientation: int) -> bytes:
    """A JPEG file with an EXIF segment that holds this orientation."""
    tiff = b"MM\0*\0\0\0\x08" + struct.pack(">HHHIHHI", 1, 0x0112, 3, 1, orientation, 0, 0)
    body = b"Exif\0\0" + tiff
    return jpeg[:2] + b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body + jpeg[2:]


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """OpenCV's threads make small pictures slower, tenfold when the machine is busy."""
    before = cv2.getNumThreads()
    cv2.setNumThreads(1)
    yield
    cv2.setNumThreads(before)


@pytest.fixture(scope="module")
def drawn() -> Gray:
    return draw_staff(10)[0]


# --- files -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ending", [".png", ".bmp", ".tiff", ".webp"])
def test_lossless_files_decode_to_the_same_gray(drawn: Gray, ending: str, tmp_path: Path) -> None:
    file = tmp_path / f"staff{ending}"
    file.write_bytes(encode(drawn, ending, *([cv2.IMWRITE_WEBP_QUALITY, 101] if ending == ".webp" else [])))
    gray = image.load_gray(file)
    assert gray.dtype == np.uint8
    assert np.abs(gray.astype(int) - drawn).max() <= 1  # WebP goes through colour


def test_jpeg_decodes(drawn: Gray) -> None:
    assert np.abs(image.decode_gray(encode(drawn, ".jpg"), name="a").astype(int) - drawn).mean() < 3


def test_one_bit_png(drawn: Gray) -> None:
    black_and_white = np.where(drawn < 128, 0, 255).astype(np.uint8)
    data = encode(black_and_white, ".png", cv2.IMWRITE_PNG_BILEVEL, 1)
    assert data[24] == 1  # bit depth
    assert np.array_equal(image.decode_gray(data, name="a"), black_and_white)


@pytest.mark.parametrize("ending", [".png", ".tiff"])
def test_sixteen_bit(drawn: Gray, ending: str) -> None:
    gray = image.decode_gray(encode(drawn.astype(np.uint16) * 257, ending), name="a")
    assert np.abs(gray.astype(int) - drawn).max() <= 1


def test_floating_point_tiff(drawn: Gray) -> None:
    gray = image.decode_gray(encode(drawn.astype(np.float32) / 255, ".tiff"), name="a")
    assert np.abs(gray.astype(int) - drawn).max() <= 1


def test_palette_png(drawn: Gray) -> None:
    data = palette_png((drawn < 128).astype(np.uint8), [(255, 255, 255), (50, 50, 50)])
    gray = image.decode_gray(data, name="a")
    assert np.array_equal(gray < 128, drawn < 128)
    assert int(gray.min()) == 50


@pytest.mark.parametrize("paper", [(0, 0, 0), (255, 255, 255)])
def test_transparent_palette_is_white_paper(drawn: Gray, paper: tuple[int, int, int]) -> None:
    data = palette_png((drawn < 128).astype(np.uint8), [paper, (0, 0, 0)], alphas=[0, 255])
    assert np.array_equal(image.decode_gray(data, name="a"), np.where(drawn < 128, 0, 255))


def test_transparent_black_png_is_black_on_white(drawn: Gray) -> None:
    rgba = np.zeros((*drawn.shape, 4), np.uint8)
    rgba[:, :, 3] = 255 - drawn
    assert np.abs(image.decode_gray(encode(rgba), name="a").astype(int) - drawn).max() <= 1


def test_exif_rotation_is_applied(drawn: Gray) -> None:
    upright = image.decode_gray(encode(drawn, ".jpg"), name="a")
    # Orientation 6: the file has to be turned clockwise to be seen upright.
    lying = np.ascontiguousarray(np.rot90(drawn))
    gray = image.decode_gray(with_orientation(encode(lying, ".jpg"), 6), name="a")
    assert gray.shape == drawn.shape
    assert np.abs(gray.astype(int) - upright).mean() < 3


def test_first_page_of_a_tiff(drawn: Gray, tmp_path: Path) -> None:
    file = str(tmp_path / "pages.tiff")
    assert cv2.imwritemulti(file, [drawn, np.full_like(drawn, 255)])
    assert np.array_equal(image.load_gray(file), drawn)


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match=r"nothing\.png: no such file"):
        image.load_gray(tmp_path / "nothing.png")


def test_folder(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="is a folder"):
        image.load_gray(tmp_path)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "a.png: the file is empty"),
        (b"not a picture at all\n" * 20, "a.png: not an image"),
        (b"\x89PNG\r\n\x1a\n", "cut off after 8 bytes"),
        (b"\xff\xd8\xff\xe0", "the JPEG file is damaged or cut off"),
        (b"RIFF\xff\xff\0\0WEBPVP8 ", "cut off after 16 bytes"),
        (encode(np.zeros((1, 1), np.uint8)), "1 x 1 pixels, a staff needs at least 16 x 16"),
        (encode(np.zeros((8, 900), np.uint8)), "900 x 8 pixels"),
    ],
)
def test_unusable_bytes(data: bytes, reason: str) -> None:
    with pytest.raises(ImageError, match=reason) as caught:
        image.decode_gray(data, name="a.png")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("ending", [".png", ".jpg", ".webp"])
@pytest.mark.parametrize("share", [0.3, 0.7, 0.99])
def test_truncated_files_are_refused(drawn: Gray, ending: str, share: float) -> None:
    data = encode(drawn, ending)
    with pytest.raises(ImageError, match="cut off"):
        image.decode_gray(data[: int(len(data) * share)], name="a")


def test_truncated_jpeg_with_a_thumbnail_is_refused(drawn: Gray) -> None:
    data = encode(drawn, ".jpg")
    thumbnail = encode(drawn[::4, ::4].copy(), ".jpg")  # holds an end marker of its own
    segment = b"\xff\xe1" + struct.pack(">H", len(thumbnail) + 2) + thumbnail
    whole = data[:2] + segment + data[2:]
    assert image.decode_gray(whole, name="a").shape == drawn.shape
    with pytest.raises(ImageError, match="cut off"):
        image.decode_gray(whole[:-200], name="a")


def test_damaged_png_is_refused(drawn: Gray) -> None:
    data = bytearray(encode(drawn))
    data[len(data) // 2] ^= 0xFF
    with pytest.raises(ImageError, match="damaged"):
        image.decode_gray(bytes(data), name="a")


@pytest.mark.parametrize("kind", ["png", "jpg", "bmp"])
def test_too_many_pixels_are_refused_by_the_header(kind: str) -> None:
    tiny = np.full((16, 16), 255, np.uint8)
    if kind == "png":
        body = struct.pack(">IIBBBBB", 20_000, 20_000, 8, 0, 0, 0, 0)
        data = b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", body) + png_chunk(b"IEND", b"")
    elif kind == "jpg":
        data = encode(tiny, ".jpg")
        at = data.index(b"\xff\xc0") + 5
        data = data[:at] + struct.pack(">HH", 20_000, 20_000) + data[at + 4 :]
    else:
        data = encode(tiny, ".bmp")
        data = data[:18] + struct.pack("<ii", 20_000, -20_000) + data[26:]
    with pytest.raises(ImageError, match="20000 x 20000 pixels, at most 100 million"):
        image.decode_gray(data, name="a")


@settings(max_examples=60, deadline=None)
@given(
    data=st.binary(max_size=200), head=st.sampled_from([b"", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"BM"])
)
def test_any_bytes_give_a_picture_or_an_image_error(data: bytes, head: bytes) -> None:
    with contextlib.suppress(ImageError):
        assert image.decode_gray(head + data, name="a").dtype == np.uint8


def test_inverted_pictures_are_turned_and_photographs_are_not(drawn: Gray) -> None:
    assert np.array_equal(image.decode_gray(encode(255 - drawn), name="a"), drawn)
    desk = np.full((drawn.shape[0] * 3, drawn.shape[1] * 2), 15, np.uint8)
    desk[drawn.shape[0] : 2 * drawn.shape[0], : drawn.shape[1]] = drawn
    assert np.array_equal(image.decode_gray(encode(desk), name="a"), desk)


# --- finding ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("space_px", [4, 5.5, 8, 13.3, 18, 27, 43, 60, 131])
def test_staff_spaces_from_tiny_to_huge(space_px: float) -> None:
    picture, truth = draw_staff(space_px, 30 if space_px > 30 else 50)
    found = image.find_staff(picture)
    assert abs(found.space_px / space_px - 1) < 0.01
    assert line_error_spaces(found, truth) < 0.15
    assert abs(found.xs[0] - truth.xs[0]) < 0.6 * space_px
    assert abs(found.xs[-1] - truth.xs[-1]) < 0.6 * space_px


@pytest.mark.parametrize("angle_deg", [-5, -2, 0.5, 5])
@pytest.mark.parametrize("space_px", [7, 20])
def test_skew(angle_deg: float, space_px: float) -> None:
    picture, truth = draw_staff(space_px, angle_deg=angle_deg)
    assert line_error_spaces(image.find_staff(picture), truth) < 0.13


@pytest.mark.parametrize("space_px", [7, 20])
def test_curl(space_px: float) -> None:
    picture, truth = draw_staff(space_px, 60, curl_spaces=0.8, angle_deg=-1)
    assert line_error_spaces(image.find_staff(picture), truth) < 0.13


@pytest.mark.parametrize("space_px", [5, 9, 24])
def test_degraded(space_px: float) -> None:
    picture, truth = draw_staff(space_px, angle_deg=1.5, curl_spaces=0.3)
    bad = degrade(picture, blur_px=0.1 * space_px, noise=12, shade=0.5, jpeg=50)
    assert line_error_spaces(image.find_staff(bad), truth) < 0.15


def test_thin_faint_lines() -> None:
    picture, truth = draw_staff(6, line_spaces=0.06)
    faint = (255 - (255 - picture.astype(int)) * 0.4).astype(np.uint8)
    assert line_error_spaces(image.find_staff(faint), truth) < 0.2  # the drawn line is rounded to a row


def test_tight_crop_without_any_margin() -> None:
    picture, truth = draw_staff(18, margins=(0, 0.1, 0, 0.1), notes=False)
    found = image.find_staff(picture)
    assert line_error_spaces(found, truth) < 0.05
    assert found.xs[0] == pytest.approx(-0.5, abs=0.5)
    assert found.xs[-1] == pytest.approx(picture.shape[1] - 0.5, abs=0.5)


def test_ends_are_those_of_the_lines_not_of_the_text() -> None:
    picture, truth = draw_staff(10, margins=(12, 5, 25, 5))
    cv2.putText(picture, "Violin", (5, 75), cv2.FONT_HERSHEY_COMPLEX, 0.8, 20, 2)
    found = image.find_staff(picture)
    assert abs(found.xs[0] - truth.xs[0]) < 6
    assert abs(found.xs[-1] - truth.xs[-1]) < 6


@pytest.mark.parametrize("top", [0.4, 0.7, 0.95])
def test_the_complete_staff_nearest_the_centre(top: float) -> None:
    one = draw_staff(9, margins=(3, 4, 3, 4))[0]
    height = one.shape[0]
    first = round(top * height)  # cuts the first staff, or leaves it out, or shows nearly all of it
    crop = np.vstack([one, one, one])[first : first + round(1.9 * height)]
    assert float(image.find_staff(crop).middle_ys.mean()) == pytest.approx(1.5 * height - first, abs=2)


def test_light_lines_on_dark_ground() -> None:
    picture, truth = draw_staff(10)
    assert line_error_spaces(image.find_staff(255 - picture), truth) < 0.13
    same = np.abs(image.staff_strip(255 - picture).ink - image.staff_strip(picture).ink).mean()
    assert same < 0.01


@pytest.mark.parametrize("lines", [1, 2, 3, 4, 6, 7])
@pytest.mark.parametrize("notes", [True, False])
def test_other_numbers_of_lines_are_no_staff(lines: int, notes: bool) -> None:
    picture = draw_staff(12, 50, lines=lines, margins=(3, 8, 3, 8), notes=notes)[0]
    with pytest.raises(NoStaffError, match="no staff of five lines") as caught:
        image.find_staff(picture, name="drum.png")
    assert str(caught.value).startswith("drum.png: ")
    if lines >= 4:
        assert f" {lines} parallel lines" in str(caught.value)


@pytest.mark.parametrize("level", [0, 128, 255])
def test_blank(level: int) -> None:
    with pytest.raises(NoStaffError, match="the image is blank"):
        image.find_staff(np.full((150, 900), level, np.uint8))


@pytest.mark.parametrize("grain_px", [0, 2, 6])
def test_noise_is_no_staff(grain_px: int) -> None:
    for seed in range(3):
        noise = np.random.default_rng(seed).normal(0, 1, (300, 900)).astype(np.float32)
        if grain_px:
            noise = cv2.GaussianBlur(noise, (0, 0), sigmaX=4 * grain_px, sigmaY=grain_px)
        gray = np.asarray(cv2.normalize(noise, None, 0, 255, cv2.NORM_MINMAX), np.uint8)
        with pytest.raises(NoStaffError, match="no staff of five lines"):
            image.find_staff(gray)


def test_text_is_no_staff() -> None:
    page = np.full((500, 900), 255, np.uint8)
    for row, y in enumerate(range(30, 500, 30)):
        cv2.putText(page, "the quick brown fox jumps over it"[row % 5 :], (10, y), 0, 1.4, 0, 2)
    with pytest.raises(NoStaffError, match="no staff of five lines"):
        image.find_staff(page)


def test_ruled_paper_is_no_staff() -> None:
    page = np.full((400, 900), 255, np.uint8)
    page[::20] = 0
    with pytest.raises(NoStaffError, match=r"at least [789] parallel lines"):
        image.find_staff(page)


@pytest.mark.parametrize("shape", [(1, 1), (1, 900), (900, 1), (16, 16), (17, 300)])
def test_pictures_too_small_for_a_staff(shape: tuple[int, int]) -> None:
    gray = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    with pytest.raises(NoStaffError):
        image.find_staff(gray)


# --- the strip -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("space_px", [5, 8, 13.3, 18, 29, 45, 71])
@pytest.mark.parametrize("angle_deg", [0, 3])
def test_lines_lie_at_the_fixed_rows(space_px: float, angle_deg: float) -> None:
    picture, truth = draw_staff(space_px, 30, angle_deg=angle_deg, notes=False)
    strip = image.staff_strip(picture)
    assert strip.ink.shape[0] == image.STRIP_HEIGHT_PX
    assert strip.ink.dtype == np.float32
    inside = strip.ink[:, 12:-12]
    profile = inside.mean(axis=1)
    for row in LINE_ROWS:
        near = profile[row - 3 : row + 4]
        assert float((near * np.arange(-3, 4)).sum() / near.sum()) == pytest.approx(0, abs=0.25)
        assert float(inside[row - 1 : row + 2].max(axis=0).min()) > 0.3  # thin lines do not vanish
    assert float(profile[:26].max()) < 0.02
    length = np.hypot(truth.xs[-1] - truth.xs[0], truth.middle_ys[-1] - truth.middle_ys[0])
    across = space_px * np.cos(np.radians(angle_deg))  # truth.space_px is measured along y
    assert strip.ink.shape[1] == pytest.approx(17 + 8 * length / across, rel=0.03)


def test_margins_outside_the_picture_are_paper() -> None:
    picture = draw_staff(18, margins=(0, 0.5, 0, 0.5), notes=False)[0]
    ink = image.staff_strip(np.minimum(picture, 190)).ink
    assert float(ink[:, :7].max()) < 0.05
    assert float(ink[:, -7:].max()) < 0.05
    assert float(ink[:26].max()) < 0.05


def test_a_dot_is_found_where_to_page_says() -> None:
    picture, _ = draw_staff(16, 30, angle_deg=4, notes=False)
    found = image.find_staff(picture)
    x, y = 250.0, float(np.interp(250, found.xs, found.middle_ys)) - 3.5 * found.space_px
    cv2.circle(picture, (round(x), round(y)), 6, 0, -1)
    strip = image.extract_strip(picture, found)
    ink = np.where(np.arange(96)[:, None] < 27, strip.ink, 0)
    rows, columns = np.mgrid[0:96, 0 : ink.shape[1]]
    place = image.to_page(strip.staff, (columns * ink).sum() / ink.sum(), (rows * ink).sum() / ink.sum())
    assert place == pytest.approx((round(x), round(y)), abs=1)


@settings(max_examples=50, deadline=None)
@given(
    seed=st.integers(0, 1000),
    angle_deg=st.floats(-6, 6),
    space_px=st.floats(4, 60),
    vary=st.booleans(),
)
def test_to_strip_inverts_to_page(seed: int, angle_deg: float, space_px: float, vary: bool) -> None:
    rng = np.random.default_rng(seed)
    xs = np.linspace(20, 20 + 60 * space_px, 15).astype(np.float32)
    ys = (300 + np.tan(np.radians(angle_deg)) * xs + 0.2 * space_px * rng.normal(size=15)).astype(np.float32)
    spaces = (space_px * (1 + 0.03 * rng.normal(size=15))).astype(np.float32)
    staff = Staff(xs, ys, space_px, spaces if vary else None)
    u, v = rng.uniform(0, 490, 100), rng.uniform(0, 95, 100)
    back_u, back_v = image.to_strip(staff, *image.to_page(staff, u, v))
    np.testing.assert_allclose(back_u, u, atol=1e-3)
    np.testing.assert_allclose(back_v, v, atol=1e-3)
    assert image.to_page(staff, 8, 48) == pytest.approx((xs[0], ys[0]), abs=1e-2)
    assert all(isinstance(value, float) for value in image.to_page(staff, 3, 4))


def test_a_staff_too_long_for_a_strip() -> None:
    picture = np.full((100, 30_000), 255, np.uint8)
    picture[20:81:15] = 0
    with pytest.raises(ImageError, match=r"\d+ staff spaces long.* at most 8000"):
        image.staff_strip(picture)


def test_a_long_staff_fits() -> None:
    picture, truth = draw_staff(6, 900, notes=False)
    assert line_error_spaces(image.find_staff(picture), truth) < 0.1
    assert image.staff_strip(picture).ink.shape[1] == pytest.approx(7217, abs=20)


# --- ink -------------------------------------------------------------------------------------------------


def test_ink_is_full_and_paper_is_none() -> None:
    picture, _ = draw_staff(8)
    ink = image.normalise_ink(picture)
    assert ink.shape == picture.shape
    assert ink.dtype == np.float32
    assert float(ink.min()) == 0
    assert float(ink.max()) == 1
    assert float(np.median(ink)) == 0


def test_ink_does_not_depend_on_the_type_or_the_light() -> None:
    picture, _ = draw_staff(8)
    ink = image.normalise_ink(picture)
    np.testing.assert_array_equal(ink, image.normalise_ink(picture.astype(np.float32)))
    light = np.linspace(1, 0.4, picture.shape[1], dtype=np.float32)
    assert float(np.abs(image.normalise_ink(picture * light) - ink).mean()) < 0.01


@pytest.mark.parametrize("sigma", [2, 8, 16])
def test_grain_of_empty_paper_is_not_amplified(sigma: float) -> None:
    gray = np.clip(np.random.default_rng(0).normal(190, sigma, (96, 700)), 0, 255).astype(np.uint8)
    assert float(image.normalise_ink(gray).mean()) < 0.02


def test_paper_between_beams_stays_paper() -> None:
    gray = np.full((96, 400), 220, np.uint8)
    for y in (30, 36, 42, 48):
        gray[y : y + 4, 100:300] = 30
    ink = image.normalise_ink(gray)
    assert float(ink[34:36, 110:290].max()) < 0.1
    assert float(ink[31:33, 110:290].min()) > 0.95
    assert float(ink[60:].max()) < 0.05


@pytest.mark.parametrize("shape", [(96, 1), (1, 96), (3, 3), (96, 17)])
def test_ink_of_odd_shapes(shape: tuple[int, int]) -> None:
    assert image.normalise_ink(np.full(shape, 200, np.uint8)).shape == shape
    assert np.isfinite(image.normalise_ink(np.zeros(shape, np.uint8))).all()


# --- real pictures, where they are -----------------------------------------------------------------------


@pytest.mark.skipif(not REAL_STAVES.is_dir(), reason="the pictures are not beside the repository")
@pytest.mark.parametrize("kind", ["primus_clean", "camera_staff"])
def test_lines_of_real_staves(kind: str) -> None:
    files = sorted(file for file in (REAL_STAVES / kind).glob("*/*") if file.suffix in (".png", ".jpg"))
    assert files
    for file in files:
        ink = image.staff_strip(image.load_gray(file), name=file.name).ink
        errors = _row_errors(ink)
        # Slurs and beams beside a line mislead this measure in 5 % of the places, in the densest staff.
        assert float(np.quantile(np.abs(errors), 0.9)) < 0.7, file.name
        assert errors.size > 0.8 * 5 * (ink.shape[1] // 24 - 1), file.name


def _row_errors(ink: NDArray[np.float32]) -> NDArray[np.float64]:
    """How far lines lie from their rows, in pixels, in windows of three spaces; independent of find_staff."""
    errors = []
    for at in range(8, ink.shape[1] - 32, 24):
        constant = np.quantile(ink[:, at : at + 24], 0.3, axis=1)  # lines go on, notes do not
        for row in LINE_ROWS:
            near = constant[row - 3 : row + 4] - constant[row - 3 : row + 4].min()
            near[near < 0.4 * near.max()] = 0
            if near.max() > 0.15 and (near > 0).sum() <= 3:
                errors.append(float((near * np.arange(-3, 4)).sum() / near.sum()))
    return np.array(errors)


@pytest.mark.parametrize("values", [(111, 113), (100, 140), (112, 112)])
def test_a_picture_whose_middle_values_are_light_together_is_left_as_it_is(values: tuple[int, int]) -> None:
    rows = np.array(
        [0, 0, 2, 0, 0, 1, 0, 0, 2, 0, 0, 1, 0, 2, 0, 1, 1, 2, 1, 1]
    )  # ten of 0, light strokes of 2
    gray = np.array([*values, 255], np.uint8)[rows][:, None].repeat(20, axis=1)
    assert np.median(gray) >= 112
    assert image.as_dark_on_light(gray) is gray


def test_six_spaces_around_the_staff_are_the_same_strip_with_more_rows() -> None:
    gray = np.full((400, 700), 255, np.uint8)
    for line in range(5):
        gray[160 + 20 * line : 163 + 20 * line, 40:660] = 0
    cv2.ellipse(gray, (300, 60), (13, 9), 0, 0, 360, 0, -1)  # five spaces above the staff
    cv2.ellipse(gray, (400, 210), (13, 9), 0, 0, 360, 0, -1)
    staff = image.find_staff(gray)
    four, six = image.extract_strip(gray, staff), image.extract_strip(gray, staff, spaces=6)
    assert four.ink.shape[0] == image.strip_height(4) == 96
    assert six.ink.shape == (image.strip_height(6), four.ink.shape[1]) == (128, four.ink.shape[1])
    np.testing.assert_allclose(six.ink[16:112], four.ink, atol=0.05)
    assert six.ink[:16].max() > 0.9
