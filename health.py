"""The pages for monitoring: Prometheus metrics at /metrics, and /healthz."""

import asyncio
import math
from collections import Counter as Count
from collections.abc import AsyncGenerator, Coroutine
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any, NamedTuple, TypeVar

import aiohttp
import discord
from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from domain import Job
from storage.store import Store
from studio.studio import Studio

Result = TypeVar("Result")

DATABASE_SECONDS = 2.0
"""Deadline for the database; a slower one counts as down."""
BUCKET_SECONDS = (0.01, 0.05, 0.25, 1, 2.5, 5, 10, 20, 40, 80, 160, 320, 640)


class Meter:
    """The metrics; docs/hosting.md lists their names."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._jobs = Counter(
            "easel_jobs", "Jobs that have ended, by outcome", ["provider", "outcome"], registry=self.registry
        )
        self._stages = Histogram(
            "easel_state_seconds",
            "How long jobs were in a state",
            ["provider", "state"],
            buckets=BUCKET_SECONDS,
            registry=self.registry,
        )
        self._errors = Counter(
            "easel_discord_errors", "Requests that Discord did not take", ["status"], registry=self.registry
        )
        self._depth = Gauge(
            "easel_unfinished_jobs",
            "Jobs of all processes that have no outcome yet",
            ["provider", "state"],
            registry=self.registry,
        )
        self._latency = Gauge(
            "easel_gateway_latency_seconds", "From a heartbeat to its answer", ["shard"], registry=self.registry
        )
        self._up = Gauge(
            "easel_provider_up",
            "1 where a provider is asked, 0 while it is left alone",
            ["provider"],
            registry=self.registry,
        )

    def outcome(self, job: Job) -> None:
        """Count a job's outcome, once: a job that is parked again has been counted."""
        if job.parked and job.refused and job.refused.times > 1:
            return
        self._jobs.labels(job.provider, "parked" if job.parked else job.state).inc()
        for tried in () if job.parked else job.tried:
            self._jobs.labels(tried.provider, "handed_on").inc()

    def stage(self, job: Job, time: timedelta) -> None:
        self._stages.labels(job.provider, job.state).observe(max(time.total_seconds(), 0))

    def trace(self) -> aiohttp.TraceConfig:
        """Trace hooks that count the errors of discord.py's HTTP client."""
        trace = aiohttp.TraceConfig()

        async def ended(_: Any, __: Any, request: aiohttp.TraceRequestEndParams) -> None:
            if request.response.status >= 400:
                self._errors.labels(str(request.response.status)).inc()

        async def broke(_: Any, __: Any, request: aiohttp.TraceRequestExceptionParams) -> None:
            self._errors.labels(type(request.exception).__name__).inc()

        trace.on_request_end.append(ended)
        trace.on_request_exception.append(broke)
        return trace

    async def collect(self, checks: "HealthChecks") -> bytes:
        self._depth.clear()
        for (provider, state), count in (await checks.depth()).items():
            self._depth.labels(provider, state).set(count)
        catalogue = checks.studio.catalogue
        for provider in catalogue.providers:
            self._up.labels(provider).set(1 if catalogue.is_up(provider) else 0)
        for shard, latency in checks.latencies():
            self._latency.labels(str(shard)).set(latency)
        return generate_latest(self.registry)


class HealthChecks(NamedTuple):
    """Reads the state of gateway, database and worker."""

    client: discord.Client
    studio: Studio
    store: Store

    async def results(self) -> dict[str, bool]:
        """Whether each part works, by name. A worker process has no gateway."""
        results = {"database": await self._database(), "worker": self.studio.is_alive()}
        if isinstance(self.client, discord.AutoShardedClient):
            results["gateway"] = self.client.is_ready() and all(math.isfinite(each) for _, each in self.latencies())
        return results

    def latencies(self) -> list[tuple[int, float]]:
        sharded = isinstance(self.client, discord.AutoShardedClient)
        return self.client.latencies if sharded else []  # type: ignore[union-attr]

    async def depth(self) -> Count[tuple[str, str]]:
        """Unfinished jobs by provider and state; empty if the database is down, so that other metrics are served."""
        rows = await _within_deadline(self.store.statistics.count_unfinished())
        return Count({(provider, state): n for provider, state, n in rows or ()})

    async def _database(self) -> bool:
        async def answers() -> bool:
            await self.store.meta.ping()
            return True

        return await _within_deadline(answers()) is True


async def _within_deadline(work: Coroutine[None, None, Result]) -> Result | None:
    """The result, or None after the deadline or an error; not cancelled, as a running statement cannot be."""
    task = asyncio.create_task(work)
    await asyncio.wait({task}, timeout=DATABASE_SECONDS)
    return task.result() if task.done() and not task.cancelled() and not task.exception() else None


@asynccontextmanager
async def serve_health(host: str, port: int, meter: Meter, checks: HealthChecks) -> AsyncGenerator[None]:
    """Serve both pages; OSError if the port is in use."""

    async def metrics(_: web.Request) -> web.Response:
        return web.Response(body=await meter.collect(checks), headers={"Content-Type": CONTENT_TYPE_LATEST})

    async def healthz(_: web.Request) -> web.Response:
        results = await checks.results()
        return web.json_response(results, status=200 if all(results.values()) else 503)

    app = web.Application()
    app.add_routes([web.get("/metrics", metrics), web.get("/healthz", healthz)])
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
        yield
    finally:
        await runner.cleanup()
