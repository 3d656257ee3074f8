"""Drives the preview in headless Chromium as a new user would, and saves screenshots in artifacts/.

Run by `make browser`: it needs Chromium, from CHROMIUM or the usual places.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from playwright.sync_api import Locator, Page, ViewportSize, expect, sync_playwright
from playwright.sync_api import TimeoutError as PlaywrightTimeoutError

from views.settings.drawing import DRAWING_SECTION
from views.settings.sections import SECTIONS

ROOT = Path(__file__).parent.parent
ARTIFACTS = ROOT / "artifacts"
PROMPT = "a lighthouse at dusk, oil painting"
TIMEOUT_MS = 60_000
MENU_TRIES = 6
DESKTOP: ViewportSize = {"width": 1100, "height": 900}
PHONE: ViewportSize = {"width": 390, "height": 844}
FLAGS = ("--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-sync")


@contextmanager
def preview() -> Generator[str]:
    """Run the preview as a process; yields its URL."""
    kept = {name: value for name, value in os.environ.items() if name not in ("DISCORD_TOKEN", "DISPLAY")}
    environment = kept | {"AIHORDE_BASE_URL": "http://127.0.0.1:9"}  # where nothing answers
    command = [sys.executable, "bot.py", "--preview"]
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield _url(process.stdout)
        finally:
            process.terminate()
            assert process.wait(30) == 0, "the preview did not end cleanly"


def _url(lines: IO[str] | None) -> str:
    for line in lines or ():
        if match := re.search(r"http://127\.0\.0\.1:\d+/#\S+", line):
            return match[0]
    raise AssertionError("the preview did not say where it is")


def begin(page: Page, command: str) -> None:
    leave = page.get_by_role("button", name="Exit command mode")
    if leave.count():  # simcord keeps a command whose handling took longer than it waits, as on a busy machine
        leave.last.click()
    composer(page).click()
    page.keyboard.type(f"/{command}", delay=10)
    page.get_by_role("option").filter(has_text=f"/{command}").first.wait_for()
    page.keyboard.press("Enter")


def composer(page: Page) -> Locator:
    return page.get_by_role("textbox", name=re.compile("Message")).last


def pick(page: Page, option: str, typed: str, chosen: str) -> None:
    """Add an option to the command, type into it, and choose from what the bot offers."""
    page.get_by_text(re.compile(r"\+\d+ more")).click()
    page.get_by_role("option").filter(has_text=re.compile(f"^{option}")).first.click()
    page.keyboard.type(typed, delay=30)
    page.get_by_role("option").filter(has_text=chosen).first.click()


def choose(page: Page, menu: str, option: str) -> None:
    """Choose from a message's menu; one that a redraw of the page has closed is opened again, as a member would."""
    trigger = page.get_by_role("combobox", name=menu).last
    for _ in range(MENU_TRIES):
        if trigger.get_attribute("aria-expanded") != "true":
            trigger.click()
        try:
            page.get_by_role("option", name=option).last.click(timeout=TIMEOUT_MS / MENU_TRIES)
        except PlaywrightTimeoutError:
            continue
        return
    raise AssertionError(f"the menu {menu!r} did not offer {option!r}")


def said(page: Page, text: str) -> Locator:
    """A message in the conversation, not its line in the sidebar."""
    return page.locator("article", has_text=text)


def pictures(page: Page) -> Locator:
    return page.locator("img[alt^='A picture drawn by']")


def keep(page: Page, name: str) -> None:
    page.screenshot(path=ARTIFACTS / f"{name}.png", animations="disabled")


def keep_narrow(page: Page, name: str) -> None:
    """As a phone shows it."""
    page.set_viewport_size(PHONE)
    expect(page.get_by_text("Viewport updated")).to_be_visible()
    said(page, "Settings of this server").get_by_role("button", name=re.compile("pictures…|settings")).last.hover()
    keep(page, f"{name}-phone")
    page.set_viewport_size(DESKTOP)


def greeting(page: Page) -> None:
    """The page opens with a message, whose buttons draw; the new picture comes into view."""
    expect(said(page, "Welcome to Easel")).to_be_visible()
    keep(page, "greeting")
    page.set_viewport_size(PHONE)
    expect(page.get_by_text("Viewport updated")).to_be_visible()
    keep(page, "greeting-phone")
    page.set_viewport_size(DESKTOP)
    page.get_by_role("button", name="a lighthouse at dusk").click()
    expect(pictures(page)).to_have_count(1)
    expect(pictures(page)).to_be_in_viewport()
    keep(page, "greeting-picture")


def imagine(page: Page) -> None:
    """A member draws with a model and a size from the menus, and draws again."""
    begin(page, "imagine")
    page.keyboard.type(PROMPT, delay=5)
    pick(page, "model", "o", "Oil painting")
    pick(page, "size", "wide", "wide 16:9")
    keep(page, "imagine-options")
    page.get_by_role("button", name="Send").click()
    expect(pictures(page)).to_have_count(2)
    expect(said(page, "1024x576").first).to_be_visible()
    expect(pictures(page).last).to_have_js_property("naturalWidth", 1024)
    keep(page, "imagine-picture")
    page.get_by_role("button", name="Again").last.click()
    expect(pictures(page)).to_have_count(3)


def without_network(page: Page) -> None:
    """A provider that needs the network can be chosen, and says so if it cannot be reached."""
    begin(page, "imagine")
    page.keyboard.type("a quiet harbour", delay=5)
    pick(page, "provider", "AI", "AI Horde")
    page.get_by_role("button", name="Send").click()
    expect(said(page, "AI Horde is not working just now.")).to_be_visible()
    keep(page, "without-network")


def settings(page: Page) -> None:
    """An admin goes through the sections and chooses a default model; a guest is not offered the command."""
    begin(page, "settings")
    page.get_by_role("button", name="Send").click()
    expect(said(page, "Settings of this server")).to_be_visible()
    keep(page, "settings-start")
    keep_narrow(page, "settings-start")
    for section in SECTIONS:
        page.get_by_role("button", name=f"{section.title}…").click()
        expect(said(page, f"Settings of this server · {section.title}")).to_be_visible()
        if section is DRAWING_SECTION:
            choose(page, "Default model", "Watercolour")
            expect(said(page, "Model: Watercolour · chosen by this server")).to_be_visible()
            # The choice of a model also chooses its provider: menus and text agree.
            expect(page.get_by_role("combobox", name="Default provider").last).to_have_text(re.compile("^Sketch"))
        keep(page, f"settings-{section.name}")
        keep_narrow(page, f"settings-{section.name}")
        page.get_by_role("button", name="all settings").click()
    expect(said(page, "Model: Watercolour · chosen by this server")).to_be_visible()
    page.get_by_label("Viewing as").select_option(label="guest")
    expect(said(page, "Settings of this server")).to_have_count(0)
    composer(page).click()
    page.keyboard.type("/s", delay=10)
    expect(page.get_by_role("option").filter(has_text="/settings")).to_have_count(0)
    keep(page, "guest")


def main() -> None:
    ARTIFACTS.mkdir(exist_ok=True)
    expect.set_options(timeout=TIMEOUT_MS)
    chromium = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    with preview() as url, sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium, args=list(FLAGS))
        page = browser.new_page(viewport=DESKTOP)
        page.goto(url)
        for scene in (greeting, imagine, without_network, settings):
            try:
                scene(page)
            except BaseException:
                keep(page, f"{scene.__name__}-failed")
                print(page.locator("body").aria_snapshot())
                raise
            print(f"{scene.__name__}: passed")
        browser.close()


if __name__ == "__main__":
    main()
