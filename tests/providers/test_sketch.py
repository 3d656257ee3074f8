# pyright: basic
import asyncio
import io
import subprocess
import sys
import tracemalloc
from collections.abc import Mapping
from typing import Any, cast

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from domain import ImageRequest, Picture, Size, Sources
from providers.kit.base import Progress
from providers.sketch import Sketch, SketchSettings
from providers.sketch.painting import paint
from providers.sketch.scene import parse_scene
from providers.sketch.things import ART
from providers.sketch.vocabulary import MEANINGS
from tests.providers.conftest import sources_of

SMALL = Size(96, 64)
STYLES = ["paint", "watercolour", "ink", "pixel"]


class Log(Progress):
    def __init__(self):
        self.pictures: list[Picture] = []
        self.fractions: list[float] = []

    @property
    def remembered(self) -> Mapping[str, Any] | None:
        return None

    async def remember(self, ref):
        raise AssertionError("there is nothing to remember")

    async def keep(self, picture):
        self.pictures.append(picture)

    def skip(self):
        raise AssertionError("nothing fails")

    def seconds_left(self) -> float:
        raise AssertionError("it does not take long")

    async def report(self, fraction=None, position=None, eta=None):
        assert fraction is not None
        self.fractions.append(fraction)


def sketch(settings: SketchSettings = SketchSettings()) -> Sketch:  # noqa: B008 - frozen
    return Sketch(settings, cast("Any", None))


async def drawn(prompt: str = "a red boat on a lake", sources: Sources | None = None, **options: Any) -> Log:
    log = Log()
    request = ImageRequest(prompt=prompt, **{"size": SMALL, "seed": 1, **options})
    await sketch().generate(request, sources or Sources(), log)
    return log


def pixels(picture: Picture) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(picture.data)).convert("RGB")).astype(int)


def png(array: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(array.astype(np.uint8)).save(file, "PNG")
    return file.getvalue()


@pytest.fixture
def photo() -> np.ndarray:
    ramp = np.mgrid[0:64, 0:96]
    return np.stack((ramp[0] * 3, ramp[1] * 2, 255 - ramp[0] * 3), -1)


async def test_offers_its_styles_and_can_be_switched_off():
    assert (Sketch.name, Sketch.is_paid, Sketch.uses_ai) == ("sketch", False, False)
    models = await sketch().models()
    assert [model.id for model in models] == STYLES
    takes = models[0].capabilities
    assert takes.sizes[0] == Size(1024, 1024)
    assert takes.takes_size(SMALL) and not takes.takes_size(Size(97, 64))
    assert takes.text_to_image and takes.image_to_image and takes.inpainting and takes.per_call == 1
    assert Sketch.missing_setting(SketchSettings()) is None
    assert "SKETCH" in (Sketch.missing_setting(SketchSettings(enabled=False)) or "")
    assert await sketch().check() == (True, 4, "needs none")


@pytest.mark.parametrize("model", STYLES)
async def test_is_deterministic_at_any_size(model):
    for size in (SMALL, Size(64, 64), Size(64, 256)):
        first, again, other = [(await drawn(model=model, seed=seed, size=size)).pictures[0] for seed in (5, 5, 6)]
        assert first.data == again.data != other.data
        assert (first.seed, other.seed) == (5, 6)
        assert Image.open(io.BytesIO(first.data)).size == size


async def test_models_and_options_change_the_picture():
    options: list[dict[str, Any]] = [
        {}, {"model": "watercolour"}, {"model": "ink"}, {"model": "pixel"}, {"steps": 50}, {"guidance_scale": 20.0},
        {"scheduler": "tidy"}, {"quality": "draft"}, {"style": "warm"}, {"style": "cold"}, {"style": "faded"},
        {"transparent": True}, {"prompt": "a red boat on a lake, zyzzyva"}, {"negative_prompt": "boats"},
    ]  # fmt: skip
    assert len({(await drawn(**option)).pictures[0].data for option in options}) == len(options)


async def test_reports_and_counts():
    log = await drawn(count=2)
    assert [picture.seed for picture in log.pictures] == [1, 2]
    assert len(log.fractions) >= 8
    assert log.fractions == sorted(log.fractions)
    assert 0 <= log.fractions[0] < log.fractions[-1] == 1


async def test_transparent_background():
    """Only the sky becomes transparent."""
    picture = Image.open(io.BytesIO((await drawn(transparent=True)).pictures[0].data))
    alpha = np.asarray(picture.getchannel("A"))
    assert alpha[0].max() < 20
    assert alpha[-1].min() > 235


@pytest.mark.parametrize("seed", [None, -3, 0, 2**64 - 1])
async def test_any_seed(seed):
    picture = (await drawn(seed=seed)).pictures[0]
    assert picture.seed is not None
    assert seed in (None, picture.seed)
    assert (await drawn(seed=picture.seed)).pictures[0].data == picture.data


async def test_strength(photo):
    shots = [pixels((await drawn(sources=sources_of(png(photo)), strength=s)).pictures[0]) for s in (0, 0.3, 0.6, 1)]
    changes = [np.abs(shot - photo).mean() for shot in shots]
    assert changes[0] == 0
    assert changes == sorted(changes)
    assert (shots[-1] == pixels((await drawn()).pictures[0])).all()


async def test_the_image_covers_the_size(photo):
    wide = np.concatenate((np.zeros_like(photo), photo, np.zeros_like(photo)), 1)
    kept = pixels((await drawn(sources=sources_of(png(wide)), strength=0.0)).pictures[0])
    assert (kept == photo).all()


@pytest.mark.parametrize("model", STYLES)
async def test_only_the_white_part_is_repainted(photo, model):
    mask = np.zeros((64, 96))
    mask[20:50, 30:80] = 255
    alpha = np.dstack((photo, np.full((64, 96), 255)))
    log = await drawn(sources=sources_of(png(alpha), mask=png(mask)), model=model)
    shot = pixels(log.pictures[0])
    assert (shot[mask == 0] == photo[mask == 0]).all()
    assert np.abs(shot - photo)[28:42, 40:70].mean() > 5


def test_a_prompt_is_parsed_into_a_scene():
    scene = parse_scene("A RED boat — and white birds, on a mountain lake at Dusk; in the rain! Water-colour")
    assert (scene.time, scene.weather, scene.place, scene.water) == ("dusk", "rain", "mountains", True)
    assert list(scene.things) == ["boat", "bird"]
    assert scene.tints == {"boat": MEANINGS["red"][1], "bird": MEANINGS["white"][1]}
    assert scene.style == "watercolour"
    assert parse_scene("a cat, pixel art", style="ink").style == "ink"
    assert parse_scene("a house painted blue under a purple sky").tints == {
        "house": MEANINGS["blue"][1],
        "sky": MEANINGS["purple"][1],
    }
    assert parse_scene("everything in teal").tints == {"mood": MEANINGS["teal"][1]}
    assert "tree" not in parse_scene("a boat and a tree", "trees, fog").things
    assert set(ART) == {value for part, value in MEANINGS.values() if part == "thing"}


@settings(max_examples=60, deadline=None)
@given(st.one_of(st.text(max_size=500), st.lists(st.sampled_from([*MEANINGS]), max_size=12).map(" ".join)))
def test_any_text_gives_a_picture(prompt):
    *_, data = paint(ImageRequest(prompt=prompt, negative_prompt=prompt[::-1], size=Size(64, 64)), Sources(), 1)
    assert isinstance(data, bytes)
    assert Image.open(io.BytesIO(data)).size == (64, 64)


FOUR_AT_ONCE = """
import asyncio
from pathlib import Path
from domain import ImageRequest, Size, Sources
from providers.sketch import Sketch, SketchSettings

class Nothing:
    async def keep(self, picture): pass
    async def report(self, **told): pass

async def draw(sketch, model):
    request = ImageRequest(prompt="boats and castles on a lake in rain", model=model, size=Size(1536, 1536))
    await sketch.generate(request, Sources(), Nothing())

async def main():
    sketch = Sketch(SketchSettings(), None)
    await asyncio.gather(*(draw(sketch, model.id) for model in await sketch.models()))

asyncio.run(main())
print(Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0])
"""


def test_four_large_pictures_at_once_stay_below_500_mib():
    told = subprocess.run([sys.executable, "-c", FOUR_AT_ONCE], capture_output=True, text=True, check=True)
    assert int(told.stdout) / 1024 < 500


@pytest.mark.parametrize("model", STYLES)
def test_the_memory_of_painting_is_limited(model):
    """With whole planes it took 136 to 203 MiB at this size."""
    request = ImageRequest(prompt="a red boat on a lake in rain, mountains, birds", model=model, size=Size(1024, 1024))
    list(paint(request.model_copy(update={"size": SMALL}), Sources(), 1))  # imports are not counted
    tracemalloc.start()
    try:
        list(paint(request, Sources(), 1))
        assert tracemalloc.get_traced_memory()[1] < 85 * 2**20
    finally:
        tracemalloc.stop()


async def test_pictures_are_painted_one_after_another(monkeypatch):
    painting = most = 0

    def fake(*_):
        nonlocal painting, most
        painting += 1
        most = max(most, painting)
        yield 0.5
        painting -= 1
        yield b"picture"

    monkeypatch.setattr("providers.sketch._paint", fake)
    log, provider = Log(), sketch()
    request = ImageRequest(prompt="a boat", size=SMALL)
    await asyncio.gather(*(provider.generate(request, Sources(), log) for _ in range(4)))
    assert (most, len(log.pictures)) == (1, 4)
