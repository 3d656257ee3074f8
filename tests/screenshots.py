"""Takes docs/preview.png, the conversation at the top of the README, from the preview in headless Chromium.

Run by `make screenshots`.
"""

import os
import shutil
from io import BytesIO

from PIL import Image
from playwright.sync_api import Page, ViewportSize, expect, sync_playwright

from tests.browser import FLAGS, ROOT, TIMEOUT_MS, begin, pick, pictures, preview, said

CONVERSATION = ROOT / "docs" / "preview.png"
PROMPT = "a lighthouse on a cliff at dusk, sailing boats, oil painting"
WINDOW: ViewportSize = {"width": 1100, "height": 890}
COLOURS = 256


def conversation(page: Page) -> None:
    """The greeting, and a guest's picture below it."""
    expect(said(page, "Welcome to Easel")).to_be_visible()
    page.get_by_label("Viewing as").select_option(label="guest")
    begin(page, "imagine")
    page.keyboard.type(PROMPT, delay=5)
    pick(page, "size", "wide", "wide 16:9")
    page.get_by_role("button", name="Send").click()
    expect(pictures(page)).to_have_count(1)
    expect(pictures(page)).to_have_js_property("naturalWidth", 1024)


def main() -> None:
    expect.set_options(timeout=TIMEOUT_MS)
    chromium = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    with preview() as url, sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium, args=list(FLAGS))
        page = browser.new_page(viewport=WINDOW)
        page.goto(url)
        conversation(page)
        shot = Image.open(BytesIO(page.get_by_role("main").screenshot(animations="disabled")))
        shot.convert("RGB").quantize(COLOURS).save(CONVERSATION, optimize=True)
        browser.close()


if __name__ == "__main__":
    main()
