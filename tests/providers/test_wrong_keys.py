# pyright: basic
"""Keys that servers refuse with a 400, and LiteLLM's models that do not draw."""

import pytest
from aiohttp import web

import providers
from check.keys import check_providers
from config import read_config
from providers.http.transport import Transport

NO_DB = {"error": {"message": "No connected db.", "type": "no_db_connection", "param": None, "code": "400"}}
OLDER_NO_DB = {"error": {**NO_DB["error"], "param": "None"}}
XAI = {"code": "invalid-argument", "error": "Incorrect API key provided. You can obtain…"}
OLDER_XAI = {"code": "Client specified an invalid argument", "error": "Incorrect API key provided: ca***ry. You can…"}
DATABASE_AWAY = {"error": {**NO_DB["error"], "message": "The database cannot be reached.", "code": "503"}}
MODES = {"draws": "image_generation", "edits": "image_edit", "chats": "chat", "unknown": None, "embeds": "embedding"}


@pytest.fixture
async def serve():
    """Starts a server with these answers by path; its URL."""
    runners = []

    async def start(answers: dict[str, tuple[int, dict]]) -> str:
        async def answer(request: web.Request) -> web.Response:
            status, body = answers.get(request.path, (404, {}))
            return web.json_response(body, status=status)

        application = web.Application()
        application.router.add_route("*", "/{path:.*}", answer)
        runners.append(runner := web.AppRunner(application))
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        return f"http://127.0.0.1:{runner.addresses[0][1]}"

    yield start
    for runner in runners:
        await runner.cleanup()


async def rows(name: str, url: str) -> list[str]:
    values = {"OPENAI_COMPATIBLE": name, f"{name.upper()}_BASE_URL": url, f"{name.upper()}_API_KEY": "sk-canary-key"}
    async with Transport() as transport:
        enabled, _ = providers.build(read_config(values).providers, transport)
        return [str(row) for row in await check_providers({name: enabled[name]})]


@pytest.mark.parametrize(
    ("name", "body"), [("litellm", NO_DB), ("litellm", OLDER_NO_DB), ("xai", XAI), ("xai", OLDER_XAI)]
)
async def test_a_key_that_is_refused_with_400(serve, name, body):
    url = await serve({"/v1/models": (400, body)})
    assert (await rows(name, url))[0].startswith(f"{name:14} fails    the key is not accepted")


async def test_litellms_database_that_is_away_is_no_wrong_key(serve):
    url = await serve({"/v1/models": (503, DATABASE_AWAY)})
    assert (await rows("litellm", url))[0].startswith("litellm        fails    cannot be reached")


@pytest.mark.parametrize("status", [200, 403])
async def test_litellms_models_that_do_not_draw_are_not_offered(serve, status):
    modes = [*MODES.items(), ("both", "chat"), ("both", "image_generation")]
    described = [
        {"model_name": name, "litellm_params": {"model": f"openai/{name}"}, "model_info": {"id": name, "mode": mode}}
        for name, mode in modes
    ]
    described.append({"model_name": "undescribed", "litellm_params": {}, "model_info": {"db_model": False}})
    names = [*MODES, "both", "undescribed"]
    url = await serve(
        {
            "/v1/models": (200, {"data": [{"id": name} for name in names]}),
            "/v1/model/info": (status, {"data": described}),
        }
    )
    values = {"OPENAI_COMPATIBLE": "litellm", "LITELLM_BASE_URL": url, "LITELLM_API_KEY": "sk-1"}
    async with Transport() as transport:
        enabled, _ = providers.build(read_config(values).providers, transport)
        offered = [model.id for model in await enabled["litellm"].models()]
        await enabled["litellm"].close()
    assert sorted(offered) == sorted(names if status == 403 else ["draws", "edits", "unknown", "both", "undescribed"])


async def test_litellm_with_a_single_model_describes_it_in_place_of_a_list(serve):
    """As `litellm --model` does."""
    described = {"data": {"model_name": "*", "model_info": {"mode": "chat"}}}
    url = await serve({"/v1/models": (200, {"data": [{"id": "only"}]}), "/v1/model/info": (200, described)})
    assert (await rows("litellm", url))[0] == "litellm        works    reachable, 1 models, key: not refused"
