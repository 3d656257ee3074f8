# pyright: basic
"""What is on offer as you type: names of any length, without doubles and blanks, and how they are found again."""

import pytest

from cogs.imagine import _matching_choices, _name_choices
from domain import Capabilities, Model, find_model
from domain.choices import choice_value, named_by
from views.wording.models import model_choices

LONG, LONGER = "sampler " * 20, "sampler " * 20 + "b"


@pytest.mark.parametrize("name", ["euler", "x" * 100, LONG, LONGER, "\U0001f469" * 150])
def test_a_name_is_found_by_its_choice(name):
    value = choice_value(name)
    assert len(value) <= 100
    assert named_by(value, ["other", LONG, LONGER, "x" * 101, name]) == name
    assert find_model([Model(id="other", title=""), Model(id=name, title="")], value) == Model(id=name, title="")


def test_names_over_100_characters_are_listed():
    listed = _matching_choices("samp", _name_choices([LONG, LONGER, "euler"]))
    assert [each.value for each in listed] == [choice_value(LONG), choice_value(LONGER)]
    assert all(0 < len(each.name) <= 100 for each in listed)


def test_doubles_and_blanks_are_not_listed():
    names = ["euler", "", " ", "\u3164", "\u200b", "euler", "heun"]
    assert [each.value for each in _matching_choices("", _name_choices(names))] == ["euler", "heun"]


def test_models_of_one_name_are_told_apart_and_one_without_a_name_has_its_id():
    models = [("a/x", "X"), ("b/x", "X"), ("c", " "), ("", "Nobody"), ("d", "D"), ("d", "D")]
    listed = model_choices([Model(id=id, title=title) for id, title in models])
    assert listed == [("X (a/x)", "a/x"), ("X (b/x)", "b/x"), ("c", "c"), ("D", "d")]


def test_a_seed_is_taken_up_to_the_models_largest():
    assert Capabilities().max_seed == 2**31 - 1
