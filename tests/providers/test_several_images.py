# pyright: basic
"""A second image is sent, or refused before the call; it is never dropped silently."""

import pytest
from pydantic_core import to_json

from domain import Capabilities, ImageRequest, Model, Size, Sources, TooManyImages
from providers.http.encoding import encode_base64
from providers.sketch import Sketch, SketchSettings
from tests.providers.conftest import KINDS, FakeProgress, sources_of
from tests.replay.pictures import draw

WORDS_ALONE = {"imagepipeline", "popcord"}
"""Providers without image input."""
UNLISTED = {"huggingface": [Model(id="black-forest-labs/FLUX.1-Kontext-dev", title="Kontext")]}
LINK = "https://cdn.example/dog.png"
TWO = sources_of(draw("one"), draw("two"), url=LINK)


def takes_several(provider: str, model: str) -> bool:
    return provider == "gemini" or "/edit" in model


def draws_from_images(takes: Capabilities) -> bool:
    return takes.image_to_image or takes.inpainting or takes.upscale


def test_only_image_refuses_a_second_one():
    assert (Sources().only_image(), Sources().only_link()) == (None, None)
    one = sources_of(b"png", url=LINK)
    assert (one.only_image(), one.only_link()) == (b"png", LINK)
    for only in (TWO.only_image, TWO.only_link):
        with pytest.raises(TooManyImages):
            only()


async def test_a_model_without_image_input_refuses_images(bench):
    listed = await bench.provider().models()
    models = [*filter(lambda each: draws_from_images(each.capabilities), listed), *UNLISTED.get(bench.server.name, [])]
    assert bool(models) is (bench.server.name not in WORDS_ALONE)


@pytest.mark.parametrize("name", sorted(KINDS.keys() - WORDS_ALONE))
async def test_two_images_are_sent_or_refused(bench_for, name):
    bench = await bench_for(name)
    for model in (*await bench.provider().models(), *UNLISTED.get(name, [])):
        takes = model.capabilities
        if not draws_from_images(takes) and name not in UNLISTED:
            continue
        size = takes.sizes[0] if takes.sizes else None
        options = {"model": model.id, "size": size, "upscale": takes.upscale and not takes.image_to_image}
        if takes_several(name, model.id):
            await bench.draw(sources=TWO, **options)
            sent = to_json(bench.sent(-1)).decode()
            assert all(encode_base64(each.data) in sent for each in TWO.images)
        else:
            before = bench.server.count("POST")
            raised = await bench.fail(sources=TWO, **options)
            assert raised == TooManyImages(given=2, limit=1)
            assert bench.server.count("POST") == before


async def test_the_offline_provider_refuses_a_second_image(transport):
    request = ImageRequest(prompt="a boat", model="ink", size=Size(64, 64), seed=1)
    progress = FakeProgress()
    with pytest.raises(TooManyImages):
        await Sketch(SketchSettings(), transport).generate(request, TWO, progress)
    assert progress.kept == []
