# pyright: basic
"""The page of providers says what the code can do."""

from pathlib import Path

import pytest
from pydantic import SecretStr

from domain import Access
from providers import REGISTRY, build
from tests.conftest import ROOT
from tests.replay import REPLAYS
from tools.features import BEGIN, END, PAGE, table, written


async def test_the_table_in_the_docs_is_the_codes():
    page = PAGE.read_text(encoding="utf-8")
    assert BEGIN in page and END in page
    assert written(page, await table()) == page, "run: make features"


def test_each_provider_has_its_replay_server_and_sketch_needs_none():
    assert [kind.name for kind in REGISTRY if kind.name not in {server.name for server in REPLAYS}] == ["sketch"]
    assert REGISTRY[-1].name == "sketch"


def test_each_provider_has_its_words_in_the_docs():
    page, readme = PAGE.read_text(encoding="utf-8"), (ROOT / "README.md").read_text(encoding="utf-8")
    assert [kind.name for kind in REGISTRY if f"`{kind.name}`" not in page or f"`{kind.name}`" not in readme] == []
    assert [kind.title for kind in REGISTRY if f"**{kind.title}**" not in page] == []


async def test_who_is_not_named_is_off(transport):
    on, off = build({"sketch": Access()}, transport)
    assert list(on) == ["sketch"]
    assert {each.name for each in off} == {kind.name for kind in REGISTRY} - {"sketch"}
    assert [each.name for each in off if each.is_wrong] == []


@pytest.mark.parametrize(
    ("access", "wrong"),
    [
        ({"comfyui": Access(workflow=Path("mine.json"))}, ["comfyui"]),
        ({"openai": Access(base_url="http://127.0.0.1:9/v1")}, ["openai"]),
        ({"home": Access(profile="localai")}, ["home"]),
        ({"openai": Access(), "comfyui": Access()}, []),
        ({"aihorde": Access(enabled=False, key=SecretStr("mine"))}, []),
    ],
)
async def test_what_is_set_in_vain_is_told(transport, access, wrong):
    _, off = build(access, transport)
    assert [each.name for each in off if each.is_wrong] == wrong


async def test_who_is_wrongly_set_is_told_apart_from_who_is_not_set(transport):
    _, off = build({"automatic1111": Access(base_url="http://127.0.0.1:7860", key=SecretStr("x"))}, transport)
    assert [each.name for each in off if each.is_wrong] == ["automatic1111"]
