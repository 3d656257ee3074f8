# pyright: basic
"""Limits on lists from APIs of any length."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from providers.http.answers import Answer
from providers.kit.model_lists import MAX_LIST_ENTRIES, MAX_NAME_LENGTH, MAX_OFFERED, cap_names
from providers.kit.once import warn_once

MANY = [f"image-{number}" for number in range(MAX_LIST_ENTRIES + MAX_OFFERED)]
SIZES = [f"{side}x512" for side in range(64, 64 + 2 * MAX_OFFERED)]
LISTS: dict[str, Mapping[str, Any]] = {
    "popcord": {"models": {"models": MANY}, "sizes": {"sizes": SIZES}},
    "nebulablock": {"models": {"data": {"models": [{"model_name": id, "model_type": "Image"} for id in MANY]}}},
    "openai": {"models": {"data": [{"id": f"flux-{id}"} for id in MANY]}},
    "gemini": {"pageSize=1000": {"models": [{"name": f"models/gemini-{id}"} for id in MANY]}},
    "pollinations": {"models": MANY},
    "aihorde": {"known": [{"name": id, "count": 1} for id in MANY]},
    "comfyui": {
        "checkpoints": MANY,
        "KSampler": {
            "KSampler": {"input": {"required": {"sampler_name": [MANY[:300]], "scheduler": [MANY[:300]]}}},
        },
    },
    "automatic1111": {
        "sd-models": [{"title": id, "model_name": id} for id in MANY],
        "samplers": [{"name": id} for id in MANY[:300]],
        "schedulers": [{"label": id} for id in MANY[:300]],
        "prompt-styles": [{"name": id} for id in MANY],
    },
}
"""Responses of a server with far too many entries, by the end of the path."""


@pytest.fixture(params=LISTS)
async def crowded(request, bench_for, monkeypatch):
    """A provider whose API lists far too many entries."""
    warn_once.cache_clear()
    bench = await bench_for(request.param)
    answers = LISTS[request.param]

    async def call(method, url, **_) -> Answer:
        found = next((value for end, value in answers.items() if url.endswith(end)), None)
        return Answer(404, {}, b"") if found is None else Answer(200, {}, json.dumps(found).encode())

    monkeypatch.setattr(bench.transport, "call", call)
    return bench


async def test_at_most_max_offered_models_are_offered(crowded, caplog):
    models = await crowded.provider().models()
    assert 1 < len(models) <= MAX_OFFERED
    for takes in (model.capabilities for model in (models[0], models[-1])):
        assert max(map(len, (takes.sizes, takes.schedulers, takes.styles))) <= MAX_OFFERED
    assert sum(f"{len(MANY):,}" in record.getMessage() for record in caplog.records) <= 1


async def test_the_list_is_built_once(crowded):
    provider = crowded.provider()
    assert await provider.models() is await provider.models()


async def test_the_hosts_models_are_offered_beyond_the_limit(crowded):
    known = (await crowded.provider().models())[1].id
    models = await crowded.provider(models=(("own", "Mine"), (known, "Known"))).models()
    assert [(model.id, model.title) for model in models] == [("own", "Mine"), (known, "Known")]


def test_the_warning_is_logged_once(caplog):
    warn_once.cache_clear()
    for _ in range(3):
        cap_names(MANY)
    assert len(caplog.records) == 1


def test_names_too_long_for_a_menu_are_left_out():
    assert cap_names(["a", "b" * (MAX_NAME_LENGTH + 1), "a", "c"]) == ("a", "c")
    assert len(cap_names(MANY)) == MAX_OFFERED
