# pyright: basic
"""`python -m conformance.record FILE`: writes down what each provider sends to its replay server."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

from pydantic import SecretStr

from conformance.recording import Sent, write
from conformance.scenarios import Scenario, scenarios
from domain import EaselError, Origin, Settings
from providers import REGISTRY, Provider, Transport
from providers.openai import CompatibleServer, CompatibleSettings
from studio.intake.planning import Planner, call_request
from tests.providers.conftest import FakeProgress
from tests.replay import KEY, REPLAYS, Call, OpenAIReplay, Replay
from tests.replay.forms import fields_of
from tests.replay.openai_dialects import KEYLESS

KINDS = {kind.name: kind for kind in REGISTRY}
NOT_RECORDED = {"picture-"}
"""Downloads are no calls of an API."""
COMPATIBLE = ("sdcpp", "localai", "litellm")
"""Profiles of OpenAI-compatible servers; each is recorded as a provider of that name."""
ORIGIN = Origin(
    id="1",
    application_id=1,
    guild_id=None,
    channel_id=None,
    user_id=1,
    reply_token=None,
    reply_deadline=datetime.now(UTC),
    file_limit=10 * 2**20,
)


async def recorded() -> AsyncIterator[Sent]:
    for server in REPLAYS:
        async with server() as replay, Transport(seconds=20, sleep=_no_pause) as transport:
            async for each in _recorded(replay, _provider(replay, transport)):
                yield each
    for profile in COMPATIBLE:
        async with OpenAIReplay() as replay, Transport(seconds=20, sleep=_no_pause) as transport:
            async for each in _recorded(replay, _compatible(replay, profile, transport)):
                yield each


async def _recorded(replay: Replay, provider: Provider[Any]) -> AsyncIterator[Sent]:
    for model in await provider.models():
        for scenario in scenarios(model):
            for call in await _calls(replay, provider, scenario):
                yield _sent(call, provider.name, model.id, scenario.name)
    await provider.close()


def _provider(replay: Replay, transport: Transport) -> Provider[Any]:
    kind = KINDS[replay.name]
    key = SecretStr(KEY) if replay.needs_key else None
    return kind(kind.settings_type(base_url=replay.url, api_key=key), transport)


def _compatible(replay: OpenAIReplay, profile: str, transport: Transport) -> Provider[Any]:
    replay.dialect = profile
    key = None if profile in KEYLESS else SecretStr(KEY)
    return CompatibleServer(profile)(CompatibleSettings(base_url=replay.url, api_key=key), transport)


async def _calls(replay: Replay, provider: Provider[Any], scenario: Scenario) -> list[Call]:
    """What one request makes the provider send. How it ends does not matter: what was sent is judged elsewhere."""
    before = len(replay.requests)
    job = await Planner({provider.name: provider}, provider.name).plan(scenario.request, Settings(), ORIGIN)
    try:
        await provider.generate(call_request(job), scenario.sources, FakeProgress())
    except EaselError as error:
        print(f"{provider.name} {job.model} ({scenario.name}): {error}", file=sys.stderr)
    return [call for call in replay.requests[before:] if call.moment not in NOT_RECORDED]


def _sent(call: Call, provider: str, model: str, scenario: str) -> Sent:
    return Sent(
        provider=provider,
        model=model,
        scenario=scenario,
        method=call.method,
        path=call.path,
        query=dict(parse_qsl(call.query, keep_blank_values=True)),
        headers=dict(call.headers),
        body=_body(call),
        size=len(call.body),
    )


def _body(call: Call) -> Any:
    kind = call.headers.get("content-type", "")
    if kind.startswith("multipart/form-data"):
        return _form(call)
    return json.loads(call.body) if kind == "application/json" else None


def _form(call: Call) -> dict[str, Any]:
    """Text that is a number is one in a form's schema, too; a file is named by its type."""
    form: dict[str, list[Any]] = {}
    for field in fields_of(call):
        form.setdefault(field.name, []).append(f"<{field.kind}>" if field.filename else _text(field.text))
    return {name: values if len(values) > 1 else values[0] for name, values in form.items()}


def _text(text: str) -> Any:
    try:
        value = json.loads(text)
    except ValueError:
        return text
    return value if isinstance(value, (int, float)) else text


async def _no_pause(_: float) -> None:
    await asyncio.sleep(0)


async def main(file: Path) -> None:
    requests = [each async for each in recorded()]
    write(requests, file)
    print(f"{len(requests)} requests of {len({each.provider for each in requests})} providers")


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
