# pyright: basic
"""A retired model is not offered, even if the host's settings name it."""

import pytest
from pydantic import SecretStr

from providers.kit.facts_files import built_in
from providers.kit.once import warn_once
from providers.kit.settings import ProviderSettings
from providers.openai import OpenAICompatible
from providers.openai.profiles import PROFILES
from tests.replay.gemini import ENDED, NEWEST
from tests.replay.openai import FREE, MINI

KEY = SecretStr("test-key")
XAIS = "grok-imagine-image-quality"
LAST_DAY, AFTER = "2026-11-30", "2026-12-01"


def is_retired(id: str) -> bool:
    return any(built_in(name).has_ended(id) for name in ("openai", "xai", "gemini"))


@pytest.fixture(autouse=True)
def _untold():
    warn_once.cache_clear()


@pytest.fixture
async def openai(bench_for):
    return await bench_for("openai")


@pytest.fixture
async def gemini(bench_for):
    return await bench_for("gemini")


async def offered(provider) -> list[str]:
    return [model.id for model in await provider.models()]


async def test_a_listed_model_is_dropped_on_its_day_without_a_restart(openai, day):
    day(LAST_DAY)
    provider = openai.provider()
    assert MINI in await offered(provider)
    day(AFTER)
    assert MINI not in await offered(provider)
    assert FREE in await offered(provider)


async def test_a_retired_model_of_the_hosts_is_dropped_and_logged_once(openai, day, caplog):
    day(LAST_DAY)
    provider = openai.provider(models=((MINI, "Cheap"), (FREE, "Two")))
    assert await offered(provider) == [MINI, FREE]
    day(AFTER)
    assert await offered(provider) == await offered(provider) == [FREE]
    (record,) = caplog.records
    assert MINI in record.getMessage() and "_MODELS" in record.getMessage()


@pytest.mark.parametrize("name", ["openai", "gemini"])
async def test_when_all_of_the_hosts_models_are_retired_the_defaults_are_offered(bench_for, day, name):
    day(AFTER)
    bench = await bench_for(name)
    only = {"openai": MINI, "gemini": ENDED}[name]
    models = await offered(bench.provider(models=((only, "Old"),)))
    assert models and not any(map(is_retired, models))


async def test_the_newest_gemini_is_the_default_and_a_retired_one_is_not_offered(gemini):
    models = await offered(gemini.provider())
    assert models[0] == NEWEST
    assert ENDED not in models
    assert (await gemini.draw(model=NEWEST)).sizes == [(512, 512)]


@pytest.mark.parametrize(("name", "ended"), [("openai", MINI), ("gemini", ENDED)])
async def test_a_retired_listed_model_is_dropped_silently(bench_for, day, caplog, name, ended):
    """The host has not named it, so no log line is needed."""
    day(AFTER)
    bench = await bench_for(name)
    assert ended not in await offered(bench.provider())
    assert bench.server.calls
    assert ended not in caplog.text


async def test_xais_models_retire_too(openai, transport, day):
    day("2026-11-02")
    settings = ProviderSettings(base_url=openai.server.url, models=((XAIS, "Ours"), ("grok-imagine-image", "Two")))
    assert await offered(OpenAICompatible(settings, transport, "xai", PROFILES["xai"])) == ["grok-imagine-image"]


async def test_a_retired_model_is_not_offered_even_if_listed(gemini, day):
    day(AFTER)
    models = await offered(gemini.provider("F01"))
    assert models and not any(map(is_retired, models))


def test_no_fallback_model_has_an_end():
    assert not [id for profile in PROFILES.values() for id, _ in profile.models if built_in(profile.facts).end_of(id)]
    assert not [each.id for each in built_in("gemini").entries if each.id and each.ends]


@pytest.mark.parametrize(
    ("id", "ended"),
    [
        ("gpt-image-1.5", True),
        ("gpt-image-1.5-2025-12-16", True),
        ("openai/GPT-Image-1.5", True),
        ("gpt-image-1.50", False),
        ("gpt-image-2", False),
        ("grok-imagine-image-quality", True),
        ("grok-imagine-image", False),
        ("gemini-3.1-flash-lite-image", False),
    ],
)
def test_these_models_are_retired(day, id, ended):
    day(AFTER)
    assert is_retired(id) is ended


async def test_retirement_dates_do_not_apply_to_self_hosted_servers(openai, transport, day):
    """The dates apply to the makers' own models only."""
    day(AFTER)
    for models in (((MINI, "Ours"),), ()):
        settings = ProviderSettings(base_url=openai.server.url, models=models, api_key=KEY)
        own = OpenAICompatible(settings, transport, "own")
        assert MINI in await offered(own)
        await own.close()
