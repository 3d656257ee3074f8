# pyright: basic
"""Characters that show nothing: what stays of them, and what counts as blank."""

import pytest

from domain.characters import is_blank, without_controls
from views.wording.text import code_span

ASTRONAUT = "\U0001f469\u200d\U0001f680"
SCOTLAND = "\U0001f3f4\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f"
WHOLE = [
    ASTRONAUT,
    SCOTLAND,
    "\U0001f1eb\U0001f1f7",
    "\u2764\ufe0f\u200d\U0001f525",
    "\U0001f3f3\ufe0f\u200d\U0001f308",
    "\U0001f468\U0001f3fd\u200d\U0001f33e",
    "1\ufe0f\u20e3",
    "\u0d28\u0d4d\u200d",
]
"""A woman astronaut, flags, a burning heart, a farmer, a key cap, and a letter of Malayalam."""


@pytest.mark.parametrize("emoji", WHOLE[:-1])
def test_an_emoji_stays_whole(emoji):
    assert without_controls(f"a {emoji}\n{emoji}") == f"a {emoji} {emoji}"
    assert code_span(f"a {emoji} b") == f"`a {emoji} b`"


@pytest.mark.parametrize(
    "hidden",
    [
        *("\u202e", "\u2066", "\u200b", "\u200c", "\u200e", "\ufeff", "\u00ad", "\x00", "\x1b", "\u2028", "\ud800"),
        *("\u200d", "\U000e0041", "\U000e0067\U000e0062\U000e007f", "\U000e0001"),
    ],
    ids=ascii,
)
def test_other_format_characters_do_not(hidden):
    assert without_controls(f"ab{hidden}cd").split() == ["ab", "cd"]
    assert code_span(f"{hidden}ab{hidden}") == "`ab`"


@pytest.mark.parametrize("text", [f"\U0001f3f4{SCOTLAND[1:-1]}", f"\U0001f3f4{SCOTLAND[1] * 40}{SCOTLAND[-1]}"])
def test_tags_stay_in_a_whole_flag_only(text):
    assert "\U000e0067" not in without_controls(text)


@pytest.mark.parametrize(
    "text", ["", " \n", "\u3164", "\u2800\u2800", "\u200b\u200d", "\ufe0f", "\u00a0\u3000\uffa0"], ids=ascii
)
def test_a_text_is_blank_if_nothing_of_it_can_be_seen(text):
    assert is_blank(text)


@pytest.mark.parametrize("text", ["a", ".", "\u3164a", ASTRONAUT, SCOTLAND, "\u00e9", "\U0001fffd"], ids=ascii)
def test_whatever_can_be_seen_is_not_blank(text):
    assert not is_blank(text)
