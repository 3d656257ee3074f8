# pyright: basic
"""docs/providers.md matches the code."""

from pathlib import Path

import pytest
from pydantic import SecretStr

from providers import REGISTRY, build
from providers.aihorde import AIHordeSettings
from providers.automatic1111 import Automatic1111Settings
from providers.comfyui.settings import ComfyUISettings
from providers.kit.settings import ProviderSettings
from providers.openai import CompatibleSettings
from providers.sketch import SketchSettings
from tests.conftest import ROOT
from tests.replay import REPLAYS
from tools.features import FEATURES_PAGE, table
from tools.pages import marks, replace_part


async def test_the_table_in_the_docs_is_up_to_date():
    page = FEATURES_PAGE.read_text(encoding="utf-8")
    assert all(mark in page for mark in marks("features"))
    assert replace_part(page, "features", await table()) == page, "run: make features"


def test_each_provider_has_its_replay_server_and_sketch_needs_none():
    assert [kind.name for kind in REGISTRY if kind.name not in {server.name for server in REPLAYS}] == ["sketch"]
    assert REGISTRY[-1].name == "sketch"


def test_each_provider_has_its_section_in_the_docs():
    page, readme = FEATURES_PAGE.read_text(encoding="utf-8"), (ROOT / "README.md").read_text(encoding="utf-8")
    assert [kind.name for kind in REGISTRY if f"`{kind.name}`" not in page or f"`{kind.name}`" not in readme] == []
    assert [kind.title for kind in REGISTRY if f"**{kind.title}**" not in page] == []


async def test_a_provider_without_settings_is_disabled(transport):
    on, off = build({"sketch": SketchSettings()}, transport)
    assert list(on) == ["sketch"]
    assert {each.name for each in off} == {kind.name for kind in REGISTRY} - {"sketch"}
    assert [each.name for each in off if each.is_misconfigured] == []


@pytest.mark.parametrize(
    ("settings", "wrong"),
    [
        ({"comfyui": ComfyUISettings(workflow=Path("mine.json"))}, ["comfyui"]),
        ({"openai": ProviderSettings(base_url="http://127.0.0.1:9/v1")}, ["openai"]),
        ({"home": CompatibleSettings(profile="localai")}, ["home"]),
        ({"openai": ProviderSettings(), "comfyui": ComfyUISettings()}, []),
        ({"aihorde": AIHordeSettings(enabled=False, api_key=SecretStr("mine"))}, []),
    ],
)
async def test_settings_without_effect_are_reported(transport, settings, wrong):
    _, off = build(settings, transport)
    assert [each.name for each in off if each.is_misconfigured] == wrong


async def test_invalid_settings_are_distinguished_from_missing_ones(transport):
    settings = Automatic1111Settings(base_url="http://127.0.0.1:7860", api_key=SecretStr("x"))
    _, off = build({"automatic1111": settings}, transport)
    assert [each.name for each in off if each.is_misconfigured] == ["automatic1111"]
