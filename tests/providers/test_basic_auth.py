# pyright: basic
"""User and password of servers of the host's own, in the address or as a key."""

import base64

import pytest
from aiohttp import web

import providers
from config import ConfigError, read_config
from domain import ImageRequest, Size, Sources
from providers.http.transport import Transport
from tests.providers.conftest import FakeProgress
from tests.replay.pictures import draw

USER, PASSWORD = "Jörg M", "p@ss wörd:canary"
IN_ADDRESS = "Jörg M:p%40ss wörd:canary@"
COMPATIBLE = {"OPENAI_COMPATIBLE": "gpu"}


@pytest.fixture
async def seen():
    """The Authorization of each request, by path, and the server's host and port."""
    found: dict[str, set[str]] = {}

    async def answer(request: web.Request) -> web.Response:
        found.setdefault(request.path, set()).add(request.headers.get("Authorization", ""))
        if request.path == "/v1/images/generations":
            return web.json_response({"data": [{"url": f"http://{request.host}/files/1.png"}]})
        if request.path.startswith("/files"):
            return web.Response(body=draw("a boat"))
        return web.json_response({"data": [{"id": "one"}]})

    application = web.Application()
    application.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield found, f"127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


def told(account: str) -> set[str]:
    return {base64.b64decode(each.removeprefix("Basic ")).decode() for each in [account]}


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("comfyui", {"COMFYUI_BASE_URL": "http://{account}{host}"}),
        ("automatic1111", {"AUTOMATIC1111_BASE_URL": "http://{account}{host}"}),
        ("automatic1111", {"AUTOMATIC1111_BASE_URL": "http://{host}", "AUTOMATIC1111_API_KEY": f"{USER}:{PASSWORD}"}),
        ("gpu", {"GPU_BASE_URL": "http://{account}{host}", **COMPATIBLE}),
    ],
)
async def test_user_and_password_are_sent(seen, name, values):
    requests, host = seen
    given = {key: value.format(account=IN_ADDRESS, host=host) for key, value in values.items()}
    config = read_config(given)
    assert any("canary" in secret for secret in config.secrets())
    assert "canary" not in f"{config!r} {config.model_dump_json()} {config.providers!r}"
    async with Transport() as transport:
        enabled, _ = providers.build(config.providers, transport)
        await enabled[name]._api.get("asked")
    assert [told(*found) for path, found in requests.items() if path.endswith("/asked")] == [{f"{USER}:{PASSWORD}"}]


async def test_pictures_of_that_server_are_asked_for_with_the_password(seen):
    requests, host = seen
    config = read_config({"GPU_BASE_URL": f"http://{IN_ADDRESS}{host}", **COMPATIBLE})
    progress = FakeProgress()
    async with Transport() as transport:
        enabled, _ = providers.build(config.providers, transport)
        request = ImageRequest(prompt="a boat", model="one", size=Size(64, 64))
        await enabled["gpu"].generate(request, Sources(), progress)
    assert [told(each) for each in requests["/files/1.png"]] == [{f"{USER}:{PASSWORD}"}]
    assert len(progress.kept) == 1


@pytest.mark.parametrize("name", ["COMFYUI", "AUTOMATIC1111", "GPU"])
async def test_two_logins_are_refused(name):
    values = {f"{name}_BASE_URL": "http://me:canary@127.0.0.1:9", f"{name}_API_KEY": "me:canary", **COMPATIBLE}
    async with Transport() as transport:
        enabled, disabled = providers.build(read_config(values).providers, transport)
    assert name.lower() not in enabled
    (reason,) = (each.reason for each in disabled if each.name == name.lower())
    assert reason == f"{name}_API_KEY and the user in {name}_BASE_URL: only one can be sent"


@pytest.mark.parametrize(
    "address", ["ftp://me:canary@h", "http://me:canary@", "http://me:canary@h/?x", "http://me:canary@[h"]
)
def test_an_address_that_is_none_is_refused_without_its_password(address):
    with pytest.raises(ConfigError, match=r"^COMFYUI_BASE_URL is no URL such as [^@]*$") as caught:
        read_config({"COMFYUI_BASE_URL": address})
    assert "canary" not in str(caught.value)
