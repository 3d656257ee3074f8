# pyright: basic
"""Every provider offers the models and qualities that the host has set."""

import logging

import pytest

from providers.appypie import TEXT
from providers.imagepipeline import DOCUMENTED_MODEL

FIXED = ("appypie",)
"""Each of their models has its own path, so the host cannot add ids."""


async def offered(bench, **settings) -> list[tuple[str, str]]:
    return [(model.id, model.title) for model in await bench.provider(**settings).models()]


async def test_the_host_chooses_the_models(bench):
    known, _ = (await offered(bench))[-1]
    own = () if bench.server.name in FIXED else (("own/model", "Mine"),)
    assert await offered(bench, models=(("own/model", "Mine"), (known, "Known"))) == [*own, (known, "Known")]


async def test_the_host_caps_the_quality_of_every_model(bench):
    takes = [model.capabilities for model in await bench.provider(quality="a word that none knows").models()]
    assert all(each.qualities == (each.usual_quality,) for each in takes if each.qualities)


@pytest.mark.parametrize(
    ("name", "known", "settings"),
    [("appypie", TEXT, {}), ("imagepipeline", DOCUMENTED_MODEL[0], {"generation": 3})],
)
async def test_a_model_that_an_api_does_not_have_is_left_out_and_logged(bench_for, caplog, name, known, settings):
    bench = await bench_for(name)
    models = (("own", "Mine"), (known, "Known"))
    assert await offered(bench, models=models, **settings) == [(known, "Known")]
    assert [(record.levelno, "own" in record.getMessage()) for record in caplog.records] == [(logging.WARNING, True)]
    assert await offered(bench, models=models[:1], **settings) == await offered(bench, **settings)


async def test_models_of_the_hosts_own_take_what_the_server_lists(bench_for):
    popcord = await bench_for("popcord")
    (model,) = await popcord.provider("lists-grown", models=(("own", "Mine"),)).models()
    assert "640x960" in map(str, model.capabilities.sizes)
