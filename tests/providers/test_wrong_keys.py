# pyright: basic
"""Keys that servers refuse with a 400, and LiteLLM's models that do not draw."""

import pytest
from aiohttp import web

import providers
from check.keys import check_providers
from config import read_config
from providers.http.transport import Transport

NO_DB = {"error": {"message": "No connected db.", "type": "no_db_connection", "param": "None", "code": "400"}}
XAI = {"code": "Client specified an invalid argument", "error": "Incorrect API key provided: ca***ry. You can obtain…"}
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


@pytest.mark.parametrize(("name", "body"), [("litellm", NO_DB), ("xai", XAI)])
async def test_a_key_that_is_refused_with_400(serve, name, body):
    url = await serve({"/v1/models": (400, body)})
    assert (await rows(name, url))[0].startswith(f"{name:14} fails    the key is not accepted")


@pytest.mark.parametrize("status", [200, 403])
async def test_litellms_models_that_do_not_draw_are_not_offered(serve, status):
    described = [{"model_name": name, "model_info": {"mode": mode}} for name, mode in MODES.items()]
    described += [{"model_name": "both", "model_info": {"mode": mode}} for mode in ("chat", "image_generation")]
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
