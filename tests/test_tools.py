# pyright: basic
"""The generated parts of pages are up to date."""

import pytest

from config import Config
from tools.env_example import HEADINGS
from tools.pages import marks
from tools.settings import SETTINGS_PAGES, all_written

WRITTEN = all_written()


@pytest.mark.parametrize("name", SETTINGS_PAGES)
def test_the_settings_in_a_page_are_up_to_date(name):
    assert SETTINGS_PAGES[name].read_text(encoding="utf-8") == WRITTEN[SETTINGS_PAGES[name]], "run: make settings"


@pytest.mark.parametrize("name", [name for name in SETTINGS_PAGES if name.endswith(".md")])
def test_a_page_has_the_marks_of_its_generated_part(name):
    page = SETTINGS_PAGES[name].read_text(encoding="utf-8")
    assert [page.count(mark) for mark in marks("settings")] == [1, 1]


def test_each_heading_is_above_a_field():
    assert HEADINGS.keys() <= Config.model_fields.keys()
