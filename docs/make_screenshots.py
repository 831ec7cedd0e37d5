"""Makes the screenshots of the web page in docs/images with a real server, Chromium and the page's sample.

    .venv/bin/pip install -c constraints.txt -e '.[web,dev]'
    .venv/bin/python docs/make_screenshots.py

Chromium is expected at Debian's path, or at the path in the environment variable CHROMIUM.
"""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import cv2
import numpy as np
from playwright.sync_api import Browser, Page, sync_playwright

from focal_omr.runtime.atomic_files import write_atomic

HERE = Path(__file__).parent
IMAGES = HERE / "images"
CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
MOST_BYTES = 250_000
DESK = {"viewport": {"width": 1440, "height": 900}}
PHONE = {
    "viewport": {"width": 390, "height": 844},
    "has_touch": True,
    "is_mobile": True,
    "device_scale_factor": 1.5,
}


def main() -> None:
    """Write web-start, web-desk, web-dark and web-phone."""
    with served() as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        start = browser.new_page(**DESK)  # type: ignore[arg-type]
        start.goto(address)
        start.wait_for_load_state("networkidle")
        write(start, "web-start")
        write(playing(browser, address, **DESK), "web-desk")
        write(playing(browser, address, color_scheme="dark", **DESK), "web-dark")
        write(editing(browser, address), "web-phone")
        browser.close()


@contextmanager
def served() -> Iterator[str]:
    """Start a server and yield its address; stop it afterwards."""
    with TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "focal_omr", "serve", "--port", "0", "--data", folder]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        try:
            found = re.search(r"http://\S+", process.stdout.readline())
            assert found, "the server prints its address"
            yield found[0]
        finally:
            process.terminate()
            process.wait()


def opened(browser: Browser, address: str, **options: object) -> Page:
    """The page with the sample recognized, at its first low-confidence symbol."""
    page = browser.new_page(**options)  # type: ignore[arg-type]
    page.goto(address)
    page.click('[data-sample="tune-book.jpg"]')
    page.wait_for_selector('html[data-state="done"]', timeout=60_000)
    page.wait_for_load_state("networkidle")
    page.keyboard.press("n")
    return page


def playing(browser: Browser, address: str, **options: object) -> Page:
    """The page during playback, with two notes corrected to quarters, as printed."""
    page = opened(browser, address, **options)
    for key in ("n", "5", "ArrowLeft", "5"):
        page.keyboard.press(key)
        page.wait_for_timeout(600)
    page.wait_for_selector(".symbol.here.edited")
    page.click("#play")
    page.wait_for_selector(".symbol.sounding")
    page.wait_for_timeout(1500)
    return page


def editing(browser: Browser, address: str) -> Page:
    """The page on a phone, with the edit buttons of a note."""
    page = opened(browser, address, **PHONE)
    page.tap("#edit-open")
    page.wait_for_timeout(600)
    return page


def write(page: Page, name: str) -> None:
    """Write a screenshot, with reduced colours if it is too large."""
    data = page.screenshot()
    if len(data) > MOST_BYTES:
        data = with_fewer_colours(data)
    write_atomic(IMAGES / f"{name}.png", data)


def with_fewer_colours(data: bytes) -> bytes:
    """The image with six bits per channel."""
    picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    assert picture is not None
    coarse = np.minimum((picture.astype(np.uint16) + 2) // 4 * 4, 255).astype(np.uint8)
    return bytes(cv2.imencode(".png", coarse, [cv2.IMWRITE_PNG_COMPRESSION, 9])[1])


if __name__ == "__main__":
    main()
