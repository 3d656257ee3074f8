"""Easel's entry: reads the config, opens everything in order, and closes it in reverse."""

import argparse
import asyncio
import gc
import logging
import os
import signal
import sys
from collections.abc import AsyncGenerator, Callable, Coroutine, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING

import aiohttp
import discord
from yarl import URL

import providers
from check import check
from clients import Easel, Worker
from config import Config, ConfigError, misspelt, read_config, read_dotenv
from domain import Job
from logs import set_up_logging
from providers.http.transport import Transport
from providers.kit.base import Provider, title_of
from startup import STARTUP_ERRORS, default_of, exit_code, log_in, point_at, port_error, startup_sentence
from storage.dialects import is_shared
from storage.store import Store, open_store
from studio.lease import ignore_change
from studio.observers import Observers
from studio.studio import Studio
from studio.timing import Timing
from tracing import DiscordClock, watch
from views.delivery import DiscordDelivery
from views.requests import UPLOAD_HOSTS

if TYPE_CHECKING:
    from health import Meter

log = logging.getLogger("easel")

GRACE_SECONDS = 10.0
STUBBORN_SECONDS = 0.5
COLLECT = (2_000, 10, 1_000)
"""The garbage collector's thresholds: small steps often, and a look at everything, 100 ms with 2,000 jobs, seldom."""
OFFLINE = "No DISCORD_TOKEN is set, so this is the offline preview. The README tells how to set up a real bot."
NO_PREVIEW = "The preview needs its packages: pip install -r requirements-preview.txt"


@asynccontextmanager
async def opened(
    config: Config, on_change: Callable[[Job], None] = lambda _: None, on_shown: Callable[[Job], None] = lambda _: None
) -> AsyncGenerator[Easel]:
    """The bot with all that it stands on, not yet logged in; ConfigError, StoreError.

    on_change: called with each job that comes to an end. on_shown: when its progress has been shown.
    """
    clock = DiscordClock()
    async with _footing(config, clock, on_change, on_shown) as (store, studio, meter):
        bot = Easel(config, store, studio, _trace(meter, clock), _upload_hosts(config))
        async with _until_closed(bot, bot.studio), _watched(config, meter, bot, bot.studio, store):
            yield bot


@asynccontextmanager
async def opened_worker(config: Config) -> AsyncGenerator[Worker]:
    """One more process that only draws and delivers; ConfigError, StoreError."""
    if not is_shared(config.database_url.get_secret_value()):
        raise ConfigError("--worker needs a DATABASE_URL that processes can share: postgresql://…")
    clock = DiscordClock()
    async with _footing(config, clock, lambda _: None, lambda _: None) as (store, studio, meter):
        worker = Worker(studio, _trace(meter, clock))
        async with _until_closed(worker, worker.studio), _watched(config, meter, worker, worker.studio, store):
            yield worker


@asynccontextmanager
async def _footing(
    config: Config, clock: DiscordClock, on_change: Callable[[Job], None], on_shown: Callable[[Job], None]
) -> AsyncGenerator[tuple[Store, Callable[[discord.Client], Studio], "Meter | None"]]:
    """Providers and store, and how to make a studio on them for a client."""
    async with Transport() as transport:
        on = _providers(config, transport)
        default = default_of(config, on)
        url, meter = config.database_url.get_secret_value(), _meter(config)

        def changed(job: Job) -> None:
            if meter:
                meter.outcome(job)
            on_change(job)

        async with open_store(url, config.data_dir, config.spool) as store:

            def studio(client: discord.Client) -> Studio:
                return Studio(
                    on,
                    default,
                    store,
                    DiscordDelivery(client, partial(title_of, on), on_shown, clock.now),
                    limits=config.limits,
                    timing=Timing(now=clock.now),
                    observers=Observers(changed, meter.stage if meter else ignore_change),
                )

            try:
                yield store, studio, meter
            finally:
                for provider in on.values():
                    await provider.close()


@asynccontextmanager
async def _until_closed(client: discord.Client, studio: Studio) -> AsyncGenerator[None]:
    try:
        yield
    finally:
        await studio.close(GRACE_SECONDS)
        # Before its login, whatever its types say, it has no loop, and discord.py fails to close it.
        if isinstance(client.loop, asyncio.AbstractEventLoop):  # pyright: ignore[reportUnnecessaryIsInstance]
            await client.close()


@asynccontextmanager
async def _watched(
    config: Config, meter: "Meter | None", client: discord.Client, studio: Studio, store: Store
) -> AsyncGenerator[None]:
    if config.metrics_port is None or meter is None:
        yield
        return
    from health import Vitals, serve_health

    async with AsyncExitStack() as stack:
        try:
            await stack.enter_async_context(serve_health(*config.metrics_port, meter, Vitals(client, studio, store)))
        except OSError as error:
            raise port_error(*config.metrics_port, error) from None
        yield


def _meter(config: Config) -> "Meter | None":
    """Loaded where it is wanted: it takes some megabytes, and some time at each request."""
    if config.metrics_port is None:
        return None
    from health import Meter

    return Meter()


def _trace(meter: "Meter | None", clock: DiscordClock) -> aiohttp.TraceConfig:
    return watch(meter.trace() if meter else aiohttp.TraceConfig(), clock)


def _providers(config: Config, transport: Transport) -> Mapping[str, Provider]:
    on, off = providers.build(config.providers, transport)
    for provider in on.values():
        log.info("provider %s: on", provider.name)
    for each in off:
        log.log(logging.WARNING if each.is_wrong else logging.INFO, "provider %s: off, %s", each.name, each.why)
    return on


def _upload_hosts(config: Config) -> frozenset[str]:
    """Discord's own, and the host of a loopback Discord."""
    own = URL(config.discord_api_url or "").host
    return UPLOAD_HOSTS | {own} if own else UPLOAD_HOSTS


async def serve(config: Config) -> None:
    """Run on Discord until cancelled."""
    await point_at(config.discord_api_url)
    async with opened(config) as bot:
        await _stoppable(_log_in(bot, config))
        await bot.studio.start()
        await _stoppable(bot.connect())


async def work(config: Config) -> None:
    """Draw and deliver until cancelled."""
    await point_at(config.discord_api_url)
    async with opened_worker(config) as worker:
        await _stoppable(_log_in(worker, config))
        await worker.studio.start()
        log.info("working, without a gateway")
        await asyncio.get_running_loop().create_future()


async def _stoppable(work: Coroutine[None, None, None]) -> None:
    """Cancelled as often as it takes: asyncio.wait_for, which discord.py uses, may swallow a cancellation (3.11)."""
    task = asyncio.ensure_future(work)
    try:
        await asyncio.wait({task})
        await task
    finally:
        while not task.done():
            task.cancel()
            await asyncio.wait({task}, timeout=STUBBORN_SECONDS)


async def _log_in(client: discord.Client, config: Config) -> None:
    await log_in(client, config.discord_token.get_secret_value() if config.discord_token else "")


async def _until_signal(work: Coroutine[None, None, int | None]) -> int:
    """Do it; SIGINT and SIGTERM cancel it, and each `finally` on the way closes what it opened."""
    task = asyncio.ensure_future(work)
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    try:
        return await task or 0
    except asyncio.CancelledError:
        log.info("stopped")
        return 0


def _run_fast(task: Coroutine[None, None, None]) -> int:
    """On uvloop, where there is one."""
    gc.freeze()  # what is imported stays: the collector need not look at it again and again
    gc.set_threshold(*COLLECT)
    factory = None if sys.platform == "win32" else import_module("uvloop").new_event_loop
    with asyncio.Runner(loop_factory=factory) as runner:
        return runner.run(_until_signal(task))


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit code: 0; 1 where a check failed or starting again later may help; 2 where a setting is wrong."""
    parser = argparse.ArgumentParser(prog="bot.py", description="Easel: a Discord bot that makes pictures from words.")
    modes = parser.add_mutually_exclusive_group()
    modes.add_argument("--check", action="store_true", help="try the token and the providers, and print a table")
    modes.add_argument("--preview", action="store_true", help="open the offline preview in the browser")
    modes.add_argument("--worker", action="store_true", help="only draw and deliver, beside other processes")
    modes.add_argument("--has-token", action="store_true", help="exit with 0 if DISCORD_TOKEN is set, else with 1")
    asked = parser.parse_args(arguments)
    try:
        written, unread = read_dotenv()
        config = read_config({**written, **os.environ})
        mistakes = [*unread, *misspelt(written, config.known)]
        if asked.worker and config.discord_token is None:
            raise ConfigError("--worker needs DISCORD_TOKEN.")
        offline = asked.preview or config.discord_token is None
        level = "WARNING" if offline and config.log_level == "INFO" else config.log_level
        set_up_logging(level, config.secrets(), as_json=config.log_format == "json")
        if asked.has_token:
            return 0 if config.discord_token else 1
        if asked.check:
            _hush_discord()
            return asyncio.run(_until_signal(check(config, mistakes))) and 1
        for mistake in mistakes:
            log.warning("%s", mistake)
        if offline:
            return asyncio.run(_until_signal(_preview(config)))
        return _run_fast(work(config) if asked.worker else serve(config))
    except STARTUP_ERRORS as error:
        print(startup_sentence(error), file=sys.stderr)  # noqa: T201 - for whoever sits at the terminal
        return exit_code(error)


def _hush_discord() -> None:
    """It finds a client odd that is there to try a token, or that simcord has made."""
    logging.getLogger("discord").setLevel(logging.ERROR)


async def _preview(config: Config) -> None:
    _hush_discord()
    try:
        from preview import show
    except ModuleNotFoundError:
        raise ConfigError(NO_PREVIEW) from None
    print(OFFLINE if config.discord_token is None else "This is the offline preview.")  # noqa: T201
    await show(config, opened)


if __name__ == "__main__":
    sys.exit(main())
