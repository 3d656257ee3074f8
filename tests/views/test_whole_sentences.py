# pyright: basic
"""Sentences can be translated: `say` fills them; none is put together from words and values."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FILES = [path for room in ("views", "cogs") for path in sorted((ROOT / room).rglob("*.py"))]
VALUE = "\0"
ENGLISH_ENDINGS = {"s", "es", "ies", "y"}


def f_strings(path: Path) -> list[str]:
    """The f-strings of a file, with a mark in place of each value."""
    found = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.JoinedStr)]
    return [
        "".join(str(each.value) if isinstance(each, ast.Constant) else VALUE for each in node.values) for node in found
    ]


def one_line_strings(path: Path) -> list[str]:
    """All but docstrings of several lines."""
    constants = [node.value for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Constant)]
    return [each for each in constants if isinstance(each, str) and "\n" not in each]


def mixes_words_with_values(text: str) -> bool:
    """Custom ids, file names and time stamps have letters, but no spaces and no letter behind a value."""
    return bool((re.search(r"[A-Za-z]", text) and re.search(r"\s", text)) or re.search(rf"{VALUE}[A-Za-z]", text))


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_f_string_mixes_words_with_values(path):
    assert [text for text in f_strings(path) if mixes_words_with_values(text)] == []


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_plural_is_made_by_an_ending(path):
    assert ENGLISH_ENDINGS.isdisjoint(one_line_strings(path))


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_fragment_begins_or_ends_with_a_space(path):
    words = [each for each in one_line_strings(path) if re.search("[A-Za-z]", each)]
    assert [each for each in words if each != each.strip(" ")] == []
