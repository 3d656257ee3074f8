# pyright: basic
"""/metrics and /healthz of a bot on the test server."""

import asyncio
import random
import socket
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import aiohttp
import discord
import pytest
from prometheus_client.parser import text_string_to_metric_families

from domain import DeliveryRefusal, FailedDelivery, State, Tried
from health import HealthChecks, Meter
from storage.outages import Outage
from storage.store import open_store
from studio.studio import Studio
from tests.conftest import PATIENCE_SECONDS, make_job
from tests.discord_server import fails, is_callback
from tests.faults.world import World, healthy, prompt_of, world_in
from tests.studio.conftest import FakeDelivery, FakeProvider, paint

LABELS = ("provider", "outcome", "state", "status", "shard")


@pytest.fixture
def port() -> int:
    """A port outside the range that the system assigns to servers of other tests."""
    while True:
        with socket.socket() as free, suppress(OSError):
            free.bind(("127.0.0.1", random.randrange(20_000, 30_000)))
            return free.getsockname()[1]


@pytest.fixture
async def world(tmp_path, port):
    async with world_in(tmp_path) as world:
        await world.start(METRICS_PORT=str(port), LOG_FORMAT="json")
        await world.logged("on Discord as")
        yield world
        healthy(world)


async def get(port: int, path: str) -> tuple[int, str]:
    async with aiohttp.ClientSession() as session, session.get(f"http://127.0.0.1:{port}{path}") as answer:
        return answer.status, await answer.text()


async def metrics(port: int) -> dict[str, float]:
    _, text = await get(port, "/metrics")
    samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    return {
        " ".join([each.name, *(each.labels[name] for name in LABELS if name in each.labels)]): each.value
        for each in samples
    }


async def test_a_job_is_counted_from_the_queue_to_its_outcome(world: World, port: int):
    gate = world.hold(prompt_of)
    world.discord.fault(is_callback, fails(500))
    token = await world.imagine("a boat")
    await world.discord.until(lambda: gate.reached)
    assert (await metrics(port))["easel_unfinished_jobs popcord sending"] == 1
    gate.open.set()
    await world.end(token)
    refused = await world.imagine("case:F04")
    await world.end(refused)
    found = await metrics(port)
    assert found["easel_jobs_total popcord delivered"] == 1
    assert found["easel_jobs_total popcord failed"] == 1
    assert (found["easel_provider_up popcord"], found["easel_provider_up sketch"]) == (1, 1)
    for state in ("queued", "sending", "drawn"):
        assert found[f"easel_state_seconds_count popcord {state}"] == 2
    assert found["easel_discord_errors_total 500"] >= 1
    assert not [name for name in found if name.startswith("easel_unfinished_jobs ")]
    assert 0 <= found["easel_gateway_latency_seconds 0"] < 10
    id = world.discord.interactions[token].id
    assert sum(f"job {id}: delivered, popcord" in line for line in world.log) == 1


async def test_a_provider_that_handed_a_job_on_is_counted_once_the_job_has_ended():
    meter, tried = Meter(), (Tried(provider="first", kind="Unavailable"),)
    meter.outcome(make_job(provider="second", state=State.DRAWN, parked=True, tried=tried))
    again = FailedDelivery(kind=DeliveryRefusal.EXPLICIT, times=2)
    meter.outcome(make_job(provider="second", state=State.DRAWN, parked=True, refused=again, tried=tried))
    meter.outcome(make_job(provider="second", state=State.DELIVERED, tried=tried))
    counted = {
        (sample.labels["provider"], sample.labels["outcome"]): sample.value
        for family in meter.registry.collect()
        for sample in family.samples
        if sample.name == "easel_jobs_total"
    }
    assert counted == {("second", "parked"): 1, ("first", "handed_on"): 1, ("second", "delivered"): 1}


async def test_a_provider_whose_probe_is_due_counts_as_up(tmp_path):
    now = datetime.now(UTC)
    async with open_store(f"sqlite:///{tmp_path / 'easel.db'}", tmp_path) as store:
        names = {"ready": now - timedelta(hours=1), "shut": now + timedelta(hours=1)}
        for name, until in names.items():
            await store.outages.write(Outage(name, "RateLimited", now - timedelta(hours=2), until, 0.0))
        studio = Studio({name: FakeProvider(paint) for name in names}, "ready", store, FakeDelivery())
        await studio._breakers.refresh()
        page = await Meter().collect(HealthChecks(discord.Client(intents=discord.Intents.none()), studio, store))
    assert b'easel_provider_up{provider="ready"} 1.0' in page
    assert b'easel_provider_up{provider="shut"} 0.0' in page


async def test_health_covers_gateway_database_and_worker(world: World, port: int):
    status, text = await get(port, "/healthz")
    assert (status, text) == (200, '{"database": true, "worker": true, "gateway": true}')
    world.discord.gateway.is_away = True
    world.discord.gateway.cut()
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            status, text = await get(port, "/healthz")
            if status == 503:
                break
    assert '"gateway": false' in text
    assert (await get(port, "/"))[0] == 404


async def test_a_port_in_use_is_reported(tmp_path, port):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", port))
        taken.listen()
        async with world_in(tmp_path) as world:
            await world.launch(METRICS_PORT=str(port))
            assert await world.ended() == 1
            assert world.log[-1] == f"METRICS_PORT is in use: 127.0.0.1:{port}."
            assert not any("Traceback" in line for line in world.log)
