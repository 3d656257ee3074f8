# pyright: basic
"""The help and privacy pages, with all providers and with few."""

import pytest
from pydantic import SecretStr

from domain import Capabilities, Model
from providers import REGISTRY, build, settings_types
from providers.http.transport import Transport
from views.pages import help_page, privacy_page

PLAIN = Model(id="one", title="One")
BY_LINK = Model(id="two", title="Two", capabilities=Capabilities(image_to_image=True, image_by_link=True))
HOST = {"base_url": "http://127.0.0.1:1", "api_key": SecretStr("user:password")}


@pytest.fixture
async def everybody():
    """All registered providers, and an OPENAI_COMPATIBLE server."""
    async with Transport() as transport:
        on, _ = build({name: kind(**HOST) for name, kind in settings_types(["together"]).items()}, transport)
        yield on


async def test_help_is_one_message_with_any_providers(everybody):
    assert len(help_page(list(everybody.values()))) <= 2000


async def test_privacy_is_one_message_with_any_providers(everybody):
    assert len(everybody) == len(REGISTRY) + 1
    page = privacy_page([(each, [PLAIN, BY_LINK]) for each in everybody.values()], "x" * 200)
    assert len(page) <= 2000
    assert all(page.count(each.title) >= 2 for each in everybody.values() if each.is_external)


async def test_privacy_describes_the_enabled_providers(everybody):
    listed = [(everybody[name], [PLAIN]) for name in ("popcord", "aihorde")]
    page = privacy_page([*listed, (everybody["together"], [PLAIN, BY_LINK])], "host")
    assert "(here: PopCord, AI Horde and Together)" in page
    assert "except for models of Together, which fetch your original file themselves" in page
    assert "The pictures of AI Horde are drawn on the machines of volunteers" in page
    assert "whoever is held back after a refusal by AI Horde (10 minutes) stays so" in page


async def test_privacy_leaves_out_disabled_providers(everybody):
    page = privacy_page([(everybody["sketch"], [PLAIN])], "host")
    assert "(here: nobody outside this bot). Images are stripped of place and camera data before that. When" in page
    assert not any(kind.title in page for kind in REGISTRY)
    assert not any(word in page for word in ("volunteers", "held back", "themselves"))
