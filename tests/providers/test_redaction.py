# pyright: basic
"""Secrets in texts from outside, in any spelling."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.http.answers import Answer, one_line
from providers.http.redaction import LONG_TEXT, REDACTED, Redactor
from tests.spellings import PASSWORD, SECRET, SPELLINGS, shows

REDACTOR = Redactor([SECRET])


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_a_secret_is_struck_in_every_spelling(spelling):
    spelled = SPELLINGS[spelling](SECRET)
    for text in (f"before {spelled} after", json.loads(f'"before {spelled} after"')):
        struck = REDACTOR.strike(text)
        assert not shows(struck)
        assert REDACTED in struck
        assert struck.startswith("before ")
        assert struck.endswith(" after")


@given(st.text())
def test_other_text_stays(text):
    assert REDACTOR.strike(text) == text
    assert REDACTOR.strike_json({text: [text, 1, None]}) == {text: [text, 1, None]}


@pytest.mark.parametrize("part", [SECRET[:-1], PASSWORD[1:], "easel", SECRET.replace("5", "6")])
def test_a_text_like_a_secret_stays(part):
    assert REDACTOR.strike(f"before {part} after") == f"before {part} after"


@pytest.mark.parametrize(
    ("text", "struck"),
    [
        ("the key none.", "the key ***."),
        ("NONE of the nonets", "*** of the nonets"),
        ("nonetheless none-such a/none", "nonetheless none-such a/none"),
        ("%6Eone", "***"),
    ],
)
def test_a_short_password_is_struck_as_a_whole_word_alone(text, struck):
    assert Redactor(["user:none", "user:abc", "nonets", ""]).strike(text) == struck


def test_umlauts_and_blanks_are_struck_too():
    redactor = Redactor(["Bär:süß und geheim"])
    for text in (
        "s%C3%BC%C3%9F+und+geheim",
        "s\\u00fc\\u00df und geheim",
        "s&uuml;&szlig; und geheim",
        "s%FC%DF%20und%20geheim",
    ):
        assert redactor.strike(f"a {text} b") == "a *** b"


def test_names_and_nested_texts_of_json_are_struck():
    value = {"a": [{SECRET: 1}, f"x{SECRET}"], "b": {"c": [[SECRET.upper()]]}}
    assert REDACTOR.strike_json(value) == {"a": [{"***": 1}, "x***"], "b": {"c": [["***"]]}}


def test_the_beginning_of_a_long_text_is_searched():
    long = f"wrong: {SPELLINGS['HTML, decimal'](SECRET)} " + "A" * LONG_TEXT
    struck = Answer(400, {}, json.dumps({"error": long}).encode(), redactor=REDACTOR).error_text()
    assert struck.startswith("wrong: *** AAA")


@pytest.mark.parametrize("text", ["&#" + "1" * 5000, "&#x" + "f" * 5000, "&#" + "0" * 5000 + "65;"])
def test_endless_numbers_in_html_are_no_error(text):
    assert len(one_line(text)) <= 300
    assert REDACTOR.strike(text) == text


def test_a_password_from_a_url_is_struck_decoded_too():
    assert Redactor(["p%40ssw%C3%B6rd"]).strike("not p@sswörd, not p%40ssw%c3%b6rd") == "not ***, not ***"
