# pyright: basic, reportOptionalMemberAccess=false
import pytest

from domain import BadResponse, InvalidRequest, Size, Unavailable, find_model
from providers.kit import discovery
from providers.popcord import MODELS, SIZES
from tests.replay.pictures import draw


async def test_models_and_sizes_are_listed(popcord):
    models = await popcord.provider().models()
    assert [model.id for model in models] == list(MODELS)
    assert [str(size) for size in models[0].capabilities.sizes] == list(SIZES)
    assert popcord.server.calls == ["GET /models", "GET /sizes"]


async def test_lists_are_kept_for_a_while(popcord):
    provider = popcord.provider()
    assert await provider.models() == await provider.models()
    assert popcord.server.count("GET") == 2


async def test_poli_is_offered_square_only(popcord):
    poli = find_model(await popcord.provider().models(), "poli")
    assert poli
    assert poli.capabilities.sizes == (Size(1024, 1024),)


async def test_poli_in_another_size(popcord):
    error = await popcord.fail(model="poli")
    assert isinstance(error, InvalidRequest)
    assert "1024x1024" in str(error)


async def test_generate(popcord):
    progress = await popcord.draw(model="sdxl-turbo", size=Size(1024, 576))
    assert progress.sizes == [(1024, 576)]
    assert popcord.sent() == {"model": "sdxl-turbo", "prompt": "a quiet harbour", "size": "1024x576"}
    assert progress.remembered["url"].startswith(popcord.server.url)


async def test_a_null_beside_the_link_is_ignored(popcord):
    assert (await popcord.draw("nulls")).sizes == [(512, 512)]


async def test_without_a_size_no_field_is_sent(popcord):
    await popcord.draw(size=None)
    assert "size" not in popcord.sent()


async def test_an_odd_size_is_sent_as_it_is_listed(popcord):
    capabilities = (await popcord.provider().models())[0].capabilities
    nearest = capabilities.nearest_size(Size(768, 1024))
    await popcord.draw(size=nearest)
    assert popcord.sent()["size"] == "786x1024"


async def test_a_size_that_cannot_be_sent_exactly_as_listed_is_not_offered(popcord):
    models = await popcord.provider("lists-odd").models()
    assert models[0].capabilities.sizes == (Size(640, 960),)


async def test_new_models_and_sizes_are_offered_and_sent(popcord):
    models = await popcord.provider("lists-grown").models()
    assert find_model(models, "nova")
    assert Size(640, 960) in models[0].capabilities.sizes
    await popcord.draw("lists-grown", model="nova", size=Size(640, 960))
    assert popcord.sent() == {"model": "nova", "prompt": "a quiet harbour", "size": "640x960"}


@pytest.mark.parametrize("case", ["lists-503", "lists-false", "F01", "F04", "F05", "F07", "F10", "F11", "F12", "F14"])
async def test_the_documented_lists_are_the_fallback(popcord, case):
    models = await popcord.provider(case).models()
    assert [model.id for model in models] == list(MODELS)


async def test_the_log_names_the_provider_whose_list_failed(popcord, caplog):
    await popcord.provider("lists-503").models()
    assert caplog.messages[-1].startswith("popcord: the list of models could not be read")


async def test_slow_lists_do_not_delay_models(popcord, monkeypatch):
    monkeypatch.setattr(discovery, "MAX_WAIT_SECONDS", 0.05)
    assert [model.id for model in await popcord.provider("F15").models()] == list(MODELS)


@pytest.mark.parametrize(
    ("case", "error", "detail"),
    [
        ("inner-500", Unavailable, "500: The machine is out of breath"),
        ("inner-nulls", Unavailable, "500: The machine is out of breath"),
        ("upstream", Unavailable, "500: Upstream failed"),
        ("detail-list", InvalidRequest, "422: prompt: field required"),
        ("url-empty", BadResponse, "no image_url"),
        ("url-relative", BadResponse, "no image_url"),
    ],
)
async def test_failures(popcord, case, error, detail):
    raised = await popcord.fail(case)
    assert type(raised) is error
    assert detail in str(raised)
    assert popcord.server.count("POST") == 1
    assert popcord.progress.remembered is None


async def test_the_field_at_fault_is_named(popcord):
    assert (await popcord.fail("detail-list")).option == "prompt"


async def test_a_slow_success(popcord):
    popcord.server.slow_seconds = 0.1
    assert (await popcord.draw("slow")).sizes == [(512, 512)]


async def test_a_remembered_link_is_not_drawn_again(popcord):
    url = (await popcord.draw()).remembered
    popcord.server.requests.clear()
    progress = await popcord.draw(remembered=url)
    assert progress.sizes == [(512, 512)]
    assert popcord.server.count("POST") == 0


async def test_other_prompts_other_pictures():
    assert draw("a cat") == draw("a cat") != draw("a dog")


async def test_check(popcord):
    health = await popcord.provider().check()
    assert (health.reachable, health.models) == (True, 4)
