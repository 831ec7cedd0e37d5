"""End-to-end tests of the web page in Chromium; skipped if it is not installed."""

import base64
import os
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cv2
import httpx
import numpy as np
import pytest
from pdfs import picture_pdf
from served import read as read_by
from served import served

sync_api = pytest.importorskip("playwright.sync_api")
axe_api = pytest.importorskip("axe_playwright_python.sync_playwright")

from playwright.sync_api import Browser, Page, Request, expect  # noqa: E402

from focal_omr.formats.one_voice_files import load_one_voice  # noqa: E402
from focal_omr.score.records import Note, Score  # noqa: E402

pytestmark = pytest.mark.slow

BROWSERS = ("/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome")
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
STATIC = Path(__file__).parents[2] / "focal_omr" / "web" / "static"
TUNES = STATIC / "samples" / "tune-book.jpg"  # some of its symbols are doubtful, one bar does not add up
STAFF = STATIC / "samples" / "ode-to-joy.png"
FIRST_VIEW_BYTES = 300_000
DESK = {"viewport": {"width": 1440, "height": 900}}
PHONE = {"viewport": {"width": 360, "height": 740}, "has_touch": True, "is_mobile": True}
# Drops a file on the page.
DROP = """([text, name]) => {
    const bytes = Uint8Array.from(atob(text), letter => letter.charCodeAt(0));
    const carried = new DataTransfer();
    carried.items.add(new File([bytes], name, { type: "image/jpeg" }));
    for (const kind of ["dragenter", "dragover", "drop"])
        document.body.dispatchEvent(
            new DragEvent(kind, { dataTransfer: carried, bubbles: true, cancelable: true }));
}"""


def chromium() -> str | None:
    """Path of an installed browser."""
    return next((path for path in (os.environ.get("CHROMIUM", ""), *BROWSERS) if shutil.which(path)), None)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    path = chromium()
    if path is None:
        pytest.skip("no Chromium: install it, or name it in CHROMIUM")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(ARGUMENTS))
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, browser: Browser) -> Iterator[httpx.Client]:
    with served(tmp_path_factory.mktemp("page")) as client:
        yield client


@pytest.fixture(scope="module")
def read(server: httpx.Client) -> str:
    """Id of a document that has been read; tests that edit make their own."""
    return upload(server)


@pytest.fixture(scope="module")
def staff(server: httpx.Client, browser: Browser) -> str:
    """Likewise, of a single clean staff."""
    return upload(server, STAFF)


def upload(server: httpx.Client, path: Path = TUNES) -> str:
    return str(read_by(server, path.read_bytes(), path.name)["id"])


@pytest.fixture
def opened(browser: Browser, server: httpx.Client) -> Iterator[Callable[..., SimpleNamespace]]:
    """Opens a path of the page; errors in the browser's console fail the test."""
    contexts, troubles = [], []
    allowed: list[str] = []

    def open_(path: str = "/", **options: Any) -> SimpleNamespace:
        context = browser.new_context(**(options or DESK))
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(15_000)
        requests: list[Request] = []
        page.on("request", lambda request: requests.append(request))
        page.on("console", lambda message: troubles.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: troubles.append(str(error)))
        page.goto(f"{server.base_url}{path.lstrip('/')}")
        return SimpleNamespace(page=page, requests=requests, allowed=allowed)

    yield open_
    for context in contexts:
        context.close()
    assert [text for text in troubles if not any(part in text for part in allowed)] == []


def is_done(page: Page) -> None:
    page.wait_for_selector('html[data-state="done"]')
    expect(page.locator("#symbols [role=option]").first).to_be_attached()


def chosen(page: Page) -> str:
    return page.locator("#read").inner_text()


def notes(score: Score) -> list[Note]:
    return [
        event
        for part in score.parts
        for bar in part.measures
        for event in bar.events
        if isinstance(event, Note)
    ]


def violations(page: Page) -> list[str]:
    """Serious and critical violations found by axe-core."""
    found = axe_api.Axe().run(page).response["violations"]
    return [
        f"{each['id']}: {each['nodes'][0]['html'][:200]}"
        for each in found
        if each["impact"] in ("serious", "critical")
    ]


# User journeys ---------------------------------------------------------------------------


def test_drop_read_edit_and_download(opened: Callable[..., SimpleNamespace], tmp_path: Path) -> None:
    page = opened().page
    page.evaluate(DROP, [base64.b64encode(TUNES.read_bytes()).decode(), "tune-book.jpg"])
    page.wait_for_selector('html[data-state="reading"]')
    expect(page.locator("#reading-title")).to_have_text("Reading tune-book.jpg")
    is_done(page)
    assert "#/job/" in page.url
    assert page.locator("#symbols .symbol").count() > 150
    assert page.locator("#engraving .linked").count() > 120
    expect(page.locator("#odd-list button")).to_have_count(1)

    page.click("#next-doubt")
    assert chosen(page) == "D5 eighth"
    expect(page.locator(".symbol.here")).to_have_count(1)
    expect(page.locator("#engraving .here")).to_have_count(1)
    expect(page.locator("#next-doubt")).to_contain_text("(4)")

    page.keyboard.press("ArrowUp")
    expect(page.locator("#read")).to_have_text("E5 eighth")
    expect(page.locator("#next-doubt")).to_contain_text("(3)")
    expect(page.locator("#live")).to_contain_text("now E5 eighth, bar 2")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("g")
    expect(page.locator("#read")).to_have_text("G5 dotted eighth")
    page.keyboard.press("5")
    expect(page.locator("#read")).to_have_text("G5 quarter")
    expect(page.locator("#odd-list button")).to_have_count(2)
    page.keyboard.press("Control+z")
    expect(page.locator("#read")).to_have_text("G5 dotted eighth")
    expect(page.locator("#odd-list button")).to_have_count(1)
    page.keyboard.press("Control+Shift+z")
    expect(page.locator("#read")).to_have_text("G5 quarter")
    page.click("#undo")
    expect(page.locator("#read")).to_have_text("G5 dotted eighth")

    page.click("#download")
    with page.expect_download() as waiting:
        page.click('[data-format="score.musicxml"]')
    waiting.value.save_as(tmp_path / "mended.musicxml")
    assert waiting.value.suggested_filename == "tune-book.musicxml"
    mended = notes(load_one_voice(tmp_path / "mended.musicxml"))
    spelled = [f"{note.pitch.step}{note.pitch.octave}" for note in mended[:5]]
    assert spelled == ["A4", "C5", "E5", "G5", "F5"]


def test_playback_starts_when_its_notes_arrive_late(
    opened: Callable[..., SimpleNamespace], read: str
) -> None:
    page = opened("/").page
    page.route("**/playback?*", lambda route: (page.wait_for_timeout(700), route.continue_()))
    page.goto(f"{page.url}#/job/{read}")
    is_done(page)
    page.click("#play")
    expect(page.locator("html")).to_have_attribute("data-audio", "running")
    expect(page.locator("#play")).to_have_attribute("aria-pressed", "true")


def test_playback_moves_the_cursor(opened: Callable[..., SimpleNamespace], read: str) -> None:
    page = opened(f"/#/job/{read}").page
    is_done(page)
    page.click("#play")
    expect(page.locator("html")).to_have_attribute("data-audio", "running")
    line = page.locator("#scan-cursor")
    expect(line).to_have_attribute("visibility", "visible")
    places = set()
    for _ in range(4):
        page.wait_for_timeout(250)
        box = page.locator("#score-cursor").bounding_box()
        assert box is not None
        places.add((line.get_attribute("x1"), round(box["x"])))
    assert len(places) == 4
    expect(page.locator("#engraving .sounding")).to_have_count(1)
    page.keyboard.press("Space")  # the focused button is pressed, once
    expect(page.locator("#play")).to_have_attribute("aria-pressed", "false")
    expect(line).to_have_attribute("visibility", "hidden")


def test_playback_from_the_selection_loops_its_bar(opened: Callable[..., SimpleNamespace], read: str) -> None:
    page = opened(f"/#/job/{read}").page
    is_done(page)
    page.keyboard.press("o")
    page.locator("#tempo").fill("240")
    page.select_option("#loop", "bars")
    page.locator("#symbols").focus()
    page.keyboard.press("Space")
    bars = set()
    for _ in range(16):
        page.wait_for_timeout(150)
        label = page.locator(".symbol.sounding").first.get_attribute("aria-label") or ""
        bars.add(label.split(", ")[1])
    assert bars == {"bar 12"}


def test_keyboard_only_and_screen_reader(opened: Callable[..., SimpleNamespace], read: str) -> None:
    page = opened(f"/#/job/{read}").page
    is_done(page)
    symbols = page.locator("#symbols")
    expect(symbols).to_be_focused()
    page.keyboard.press("n")
    active = symbols.get_attribute("aria-activedescendant")
    option = page.locator(f"#{active}")
    expect(option).to_have_attribute(
        "aria-label", re.compile(r"D5 eighth, bar 2, \d\d % confident, doubtful")
    )
    assert option.get_attribute("aria-selected") == "true"
    page.keyboard.press("End")
    page.keyboard.press("ArrowLeft")
    assert page.locator(".symbol.here").get_attribute("aria-label").startswith("B♭2 dotted half")  # type: ignore[union-attr]
    page.keyboard.press("?")
    expect(page.locator("#help")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#help")).to_be_hidden()


def test_engraved_notes_are_linked_to_the_scan(opened: Callable[..., SimpleNamespace], read: str) -> None:
    page = opened(f"/#/job/{read}").page
    is_done(page)
    page.locator("#p1m5e1").hover()
    expect(page.locator(".symbol.hovered")).to_have_count(1)
    expect(page.locator("#tip")).to_be_visible()
    page.locator("#p1m5e1").click()
    expect(page.locator(".symbol.here")).to_have_count(1)
    expect(page.locator("#engraving .here")).to_have_id("p1m5e1")


def test_edits_of_another_window_are_not_lost(
    opened: Callable[..., SimpleNamespace], server: httpx.Client
) -> None:
    job = upload(server, STAFF)
    view = opened(f"/#/job/{job}")
    view.allowed.append("409")
    is_done(view.page)
    change = {"revision": 0, "page": 1, "staff": 0, "symbol": 3, "change": {"do": "step", "step": "B"}}
    assert server.post(f"/api/jobs/{job}/changes", json=change).status_code == 200
    view.page.keyboard.press("End")
    view.page.keyboard.press("ArrowLeft")
    view.page.keyboard.press("ArrowUp")
    expect(view.page.locator(".toast")).to_contain_text("changed in another window")
    expect(view.page.locator("#s-0-3")).to_have_attribute("aria-label", re.compile("^B4 quarter, .*edited"))
    assert chosen(view.page) == "D4 half"


def test_pages_turn_by_key_and_during_playback(
    opened: Callable[..., SimpleNamespace], server: httpx.Client
) -> None:
    staff = np.asarray(cv2.imread(str(STAFF), cv2.IMREAD_GRAYSCALE), np.uint8)
    data = picture_pdf([staff, staff])
    job = read_by(server, data, "two.pdf")["id"]
    page = opened(f"/#/job/{job}").page
    is_done(page)
    page.keyboard.press("PageDown")
    expect(page.locator("#page-choice")).to_have_value("2")
    expect(page.locator("#symbols")).to_have_attribute("aria-label", "Symbols of page 2")
    page.keyboard.press("Home")
    page.keyboard.press("ArrowLeft")  # over the edge of the page
    expect(page.locator("#page-choice")).to_have_value("1")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("Space")
    expect(page.locator("#page-choice")).to_have_value("2")
    expect(page.locator("#scan-cursor")).to_have_attribute("visibility", "visible")


# Requests and messages --------------------------------------------------------------------


def test_the_first_view_is_small_and_loads_from_this_host(
    opened: Callable[..., SimpleNamespace], server: httpx.Client
) -> None:
    view = opened()
    view.page.wait_for_load_state("networkidle")
    hosts = {httpx.URL(request.url).netloc for request in view.requests}
    assert hosts == {server.base_url.netloc}
    sizes = [request.sizes() for request in view.requests]
    total = sum(size["responseBodySize"] + size["responseHeadersSize"] for size in sizes)
    assert 20_000 < total <= FIRST_VIEW_BYTES
    expect(view.page.locator(".promise")).to_contain_text("Nothing leaves this machine")


@pytest.mark.parametrize(
    ("name", "data", "says"),
    [
        ("notes.txt", b"no picture", "is not an image"),
        ("notes.png", b"no picture", "neither an image"),
        ("empty.png", b"", "is empty"),
    ],
)
def test_files_that_are_no_images_are_rejected(
    opened: Callable[..., SimpleNamespace], name: str, data: bytes, says: str
) -> None:
    view = opened()
    view.allowed.append("415")
    view.page.set_input_files("#file", {"name": name, "mimeType": "", "buffer": data})
    view.page.wait_for_selector('html[data-state="failed"]')
    expect(view.page.locator("#failed-text")).to_contain_text(says)


def test_expired_document_and_lost_server(opened: Callable[..., SimpleNamespace], read: str) -> None:
    view = opened("/#/job/nosuchjobnosuchjob")
    view.allowed += ["404", "ERR_INTERNET_DISCONNECTED"]
    view.page.wait_for_selector('html[data-state="failed"]')
    expect(view.page.locator("#failed-text")).to_contain_text("no longer on the server")
    view.page.goto(view.page.url.replace("nosuchjobnosuchjob", read))
    is_done(view.page)
    view.page.context.set_offline(True)
    view.page.keyboard.press("n")
    view.page.keyboard.press("ArrowUp")
    expect(view.page.locator(".toast")).to_contain_text("The server does not answer")


@pytest.mark.parametrize(("screen", "scheme"), [(DESK, "light"), (PHONE, "dark")], ids=["desk", "phone"])
def test_no_serious_accessibility_violations(
    opened: Callable[..., SimpleNamespace], staff: str, screen: dict[str, Any], scheme: str
) -> None:
    page = opened("/", color_scheme=scheme, **screen).page
    assert violations(page) == []
    page.goto(f"{page.url}#/job/{staff}")
    is_done(page)
    page.keyboard.press("End")
    if screen is PHONE:
        page.tap("#edit-open")
        expect(page.locator("#side")).to_be_visible()
    assert violations(page) == []
    page.click("#download")
    assert violations(page) == []
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    assert violations(page) == []


def test_a_phone(opened: Callable[..., SimpleNamespace], staff: str) -> None:
    page = opened(f"/#/job/{staff}", **PHONE).page
    is_done(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    for button in page.locator(".tools button:visible, .top button:visible").all():
        box = button.bounding_box()
        assert box is not None
        assert min(box["width"], box["height"]) >= 44
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 360
    page.tap("#s-0-4")
    expect(page.locator("#now")).to_contain_text("F♯4 quarter")
    page.tap("#edit-open")
    page.locator('#palette [data-act="up"]').tap()
    expect(page.locator("#read")).to_have_text("G4 quarter")
    page.tap("#undo")
    expect(page.locator("#read")).to_have_text("F♯4 quarter")
