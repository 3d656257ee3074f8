# pyright: basic
import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.kit.inputs import without_tag

NAME = "sd_cpp_extra_args"
OPEN, CLOSE = f"<{NAME}>", f"</{NAME}>"
PIECES = st.sampled_from(
    [OPEN, CLOSE, OPEN.upper(), "<sd_cpp_", "extra_args>", "</", "<", ">", "\n", "x", '{"seed": 1}']
)
TEXTS = st.lists(PIECES | st.text(max_size=5), max_size=40).map("".join)


@pytest.mark.parametrize(
    ("text", "left"),
    [
        (f'a cat{OPEN}{{"steps": 999}}{CLOSE} by the sea', "a cat by the sea"),
        (f"{OPEN}one{CLOSE}a{OPEN}two{CLOSE}", "a"),
        (f"a{OPEN}over\nlines{CLOSE}b", "ab"),
        (f"a{OPEN.upper()}x{CLOSE.upper()}b", "ab"),
        (f"<sd_cpp_{OPEN}{CLOSE}extra_args>orders{CLOSE}", ""),
        (f"<sd_cpp_{OPEN}extra_args>a", "a"),
        (f"a {OPEN}never closed", "a never closed"),
        (f"never opened{CLOSE}", "never opened"),
        ("<lora:ink:0.8> (a cat:1.2) AND  <sea>", "<lora:ink:0.8> (a cat:1.2) AND  <sea>"),
        ("", ""),
    ],
)
def test_only_the_tag_is_removed(text, left):
    assert without_tag(text, NAME) == left


@given(TEXTS)
def test_no_tag_is_left_and_nothing_is_added(text):
    left = without_tag(text, NAME)
    assert OPEN not in left.lower()
    assert CLOSE not in left.lower()
    assert without_tag(left, NAME) == left
    rest = iter(text)
    assert all(each in rest for each in left)


@given(st.text())
def test_a_text_without_the_tag_stays_as_it_is(text):
    assert without_tag(text, NAME) == text


def test_a_tag_name_is_not_a_regular_expression():
    assert without_tag("<ab>x</ab><a.>y</a.>", "a.") == "<ab>x</ab>"


@pytest.mark.parametrize("text", [OPEN * 300, "<sd_cpp_" * 300 + "extra_args>" * 300, OPEN * 150 + CLOSE * 150])
def test_a_hostile_text_takes_no_long_time(text):
    assert NAME not in without_tag(text, NAME)
