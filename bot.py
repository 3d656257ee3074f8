"""Easel's entry point: reads the config, opens all parts in order, and closes them in reverse."""

import argparse
import asyncio
import io
import logging
import os
import sys
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, TextIO

import aiohttp
import discord
from yarl import URL

import providers
from check import check
from clients import Easel, Worker
from config import Config, ConfigError, Remark, log_lines, read_settings
from domain import Job
from event_loop import cancellable, run_on_uvloop, run_until_signal
from logs import set_up_logging
from providers.http.transport import Transport
from providers.kit.base import Provider, title_of
from startup import (
    STARTUP_ERRORS,
    default_provider_name,
    exit_code,
    log_in,
    models_that_end,
    port_error,
    refuse_root_in_foreign_folder,
    set_api_url,
    startup_sentence,
    version_line,
)
from storage.dialects import is_shared
from storage.store import Store, open_store
from studio.lease import ignore_change
from studio.studio import Observers, Studio
from studio.timing import Timing
from tracing import DiscordClock, add_hooks
from views.delivery import DiscordDelivery
from views.requests import UPLOAD_HOSTS

if TYPE_CHECKING:
    from health import Meter

log = logging.getLogger("easel")

LIBRARIES = ("aiohttp", "alembic", "asyncio", "discord", "sqlalchemy")
"""Names of loggers."""
GRACE_SECONDS = 10.0
"""For running jobs, when the process stops."""
OFFLINE_NOTICE = "No DISCORD_TOKEN is set, so this is the offline preview. The README tells how to set up a real bot."
NO_PREVIEW = "The preview needs its packages: pip install -r requirements-preview.txt"


@asynccontextmanager
async def open_bot(
    config: Config, on_change: Callable[[Job], None] = lambda _: None, on_shown: Callable[[Job], None] = lambda _: None
) -> AsyncGenerator[Easel]:
    """The bot with providers, store and studio, not yet logged in; ConfigError, StoreError.

    on_change: called with each finished job. on_shown: called with a job whose progress has been shown.
    """
    clock = DiscordClock()
    async with _open_parts(config, clock, on_change, on_shown) as (store, studio, meter):
        bot = Easel(config, store, studio, _discord_trace(meter, clock), _upload_hosts(config))
        async with _closing(bot, bot.studio), _serving_health(config, meter, bot, bot.studio, store):
            yield bot


@asynccontextmanager
async def open_worker(config: Config) -> AsyncGenerator[Worker]:
    """A worker: a client that only draws and delivers; ConfigError, StoreError."""
    if not is_shared(config.database_url.get_secret_value()):
        raise ConfigError("--worker needs a DATABASE_URL that processes can share: postgresql://…")
    clock = DiscordClock()
    async with _open_parts(config, clock, lambda _: None, lambda _: None) as (store, studio, meter):
        worker = Worker(studio, _discord_trace(meter, clock))
        async with _closing(worker, worker.studio), _serving_health(config, meter, worker, worker.studio, store):
            yield worker


@asynccontextmanager
async def _open_parts(
    config: Config, clock: DiscordClock, on_change: Callable[[Job], None], on_shown: Callable[[Job], None]
) -> AsyncGenerator[tuple[Store, Callable[[discord.Client], Studio], "Meter | None"]]:
    """The store, a factory that makes the studio for a client, and the meter if metrics are on."""
    async with Transport(network=config.network) as transport:
        enabled = _providers(config, transport)
        default = default_provider_name(config, enabled)
        url, meter = config.database_url.get_secret_value(), _meter(config)
        async with open_store(url, config.data_dir, config.spool) as store:

            def studio(client: discord.Client) -> Studio:
                return Studio(
                    enabled,
                    default,
                    store,
                    DiscordDelivery(client, partial(title_of, enabled), on_shown, clock.now),
                    limits=config.limits,
                    timing=Timing(now=clock.now),
                    observers=_observers(meter, on_change),
                )

            try:
                yield store, studio, meter
            finally:
                for provider in enabled.values():
                    await provider.close()


def _observers(meter: "Meter | None", on_change: Callable[[Job], None]) -> Observers:
    def changed(job: Job) -> None:
        if meter:
            meter.outcome(job)
        on_change(job)

    return Observers(changed, meter.stage if meter else ignore_change)


@asynccontextmanager
async def _closing(client: discord.Client, studio: Studio) -> AsyncGenerator[None]:
    try:
        yield
    finally:
        await studio.close(GRACE_SECONDS)
        # Before login a client has no loop, whatever its type says, and discord.py fails to close it.
        if isinstance(client.loop, asyncio.AbstractEventLoop):  # pyright: ignore[reportUnnecessaryIsInstance]
            await client.close()


@asynccontextmanager
async def _serving_health(
    config: Config, meter: "Meter | None", client: discord.Client, studio: Studio, store: Store
) -> AsyncGenerator[None]:
    if config.metrics_port is None or meter is None:
        yield
        return
    from health import HealthChecks, serve_health

    async with AsyncExitStack() as stack:
        try:
            await stack.enter_async_context(
                serve_health(*config.metrics_port, meter, HealthChecks(client, studio, store))
            )
        except OSError as error:
            raise port_error(*config.metrics_port, error) from None
        yield


def _meter(config: Config) -> "Meter | None":
    """The meter, if metrics are on; imported only then, as it costs memory and time."""
    if config.metrics_port is None:
        return None
    from health import Meter

    return Meter()


def _discord_trace(meter: "Meter | None", clock: DiscordClock) -> aiohttp.TraceConfig:
    return add_hooks(meter.trace() if meter else aiohttp.TraceConfig(), clock)


def _providers(config: Config, transport: Transport) -> Mapping[str, Provider]:
    enabled, disabled = providers.build(config.providers, transport)
    for provider in enabled.values():
        log.info("provider %s: on", provider.name)
        for sentence in models_that_end(provider):
            log.warning("provider %s: %s", provider.name, sentence)
    for each in disabled:
        log.log(
            logging.WARNING if each.is_misconfigured else logging.INFO, "provider %s: off, %s", each.name, each.reason
        )
    return enabled


def _upload_hosts(config: Config) -> frozenset[str]:
    """Discord's hosts of uploads, and that of DISCORD_API_URL."""
    own = URL(config.discord_api_url or "").host
    return UPLOAD_HOSTS | {own} if own else UPLOAD_HOSTS


async def serve(config: Config) -> None:
    """Run on Discord until cancelled."""
    await set_api_url(config.discord_api_url, config.network)
    async with open_bot(config) as bot:
        await cancellable(_log_in(bot, config))
        await bot.studio.start()
        await cancellable(bot.connect())


async def work(config: Config) -> None:
    """Draw and deliver until cancelled."""
    await set_api_url(config.discord_api_url, config.network)
    async with open_worker(config) as worker:
        await cancellable(_log_in(worker, config))
        await worker.studio.start()
        log.info("worker: started, without a gateway connection")
        await asyncio.get_running_loop().create_future()


async def _log_in(client: discord.Client, config: Config) -> None:
    await log_in(client, config.discord_token.get_secret_value() if config.discord_token else "", config.network)


def make_lenient(stream: TextIO) -> None:
    """Show `?` in place of a character that a console cannot show, such as an emoji, which would raise."""
    if isinstance(stream, io.TextIOWrapper):
        stream.reconfigure(errors="replace")


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bot.py", description="Easel: a Discord bot that makes pictures from words.")
    modes = parser.add_mutually_exclusive_group()
    modes.add_argument("--check", action="store_true", help="try the token and the providers, and print a table")
    modes.add_argument("--preview", action="store_true", help="open the offline preview in the browser")
    modes.add_argument("--worker", action="store_true", help="only draw and deliver, beside other processes")
    modes.add_argument("--version", action="store_true", help="print the versions of Easel and of what it runs on")
    modes.add_argument("--has-token", action="store_true", help="exit with 0 if DISCORD_TOKEN is set, else with 1")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit code: 0; 1 if a check failed or a later start may succeed; 2 if a setting is wrong."""
    asked = _parse(arguments)
    if asked.version:
        print(version_line())  # noqa: T201 - what was asked for
        return 0
    for stream in (sys.stdout, sys.stderr):
        make_lenient(stream)
    try:
        config, remarks = read_settings(os.environ)
        if asked.worker and config.discord_token is None:
            raise ConfigError("--worker needs DISCORD_TOKEN.")
        offline = asked.preview or config.discord_token is None
        level = "WARNING" if offline and config.log_level == "INFO" else config.log_level
        set_up_logging(level, config.secrets(), as_json=config.log_format == "json")
        if asked.has_token:
            return 0 if config.discord_token else 1
        if asked.check:
            _quiet_libraries()
            return asyncio.run(run_until_signal(check(config, remarks))) and 1
        for is_mistake, text in log_lines(remarks):
            log.log(logging.WARNING if is_mistake else logging.INFO, "%s", text)
        if offline:
            missing = NO_PREVIEW if asked.preview else _no_token(remarks)
            return asyncio.run(run_until_signal(_preview(config, remarks, missing)))
        refuse_root_in_foreign_folder(config.data_dir)
        return run_on_uvloop(work(config) if asked.worker else serve(config))
    except STARTUP_ERRORS as error:
        print(startup_sentence(error), file=sys.stderr)  # noqa: T201 - the host reads it in the terminal
        return exit_code(error)


def _quiet_discord_log() -> None:
    """Hide its warnings about clients that only test a token, or that simcord makes."""
    logging.getLogger("discord").setLevel(logging.ERROR)


def _quiet_libraries() -> None:
    """For `--check`, whose table has the causes in plain words."""
    for name in LIBRARIES:
        logging.getLogger(name).setLevel(logging.CRITICAL)


def _no_token(remarks: Sequence[Remark]) -> str:
    """Says where the token was looked for."""
    file = next((remark.text for remark in remarks if remark.source == ".env"), "")
    return f"DISCORD_TOKEN is not set: it is neither in the environment nor in .env ({file})."


async def _preview(config: Config, remarks: Sequence[Remark], missing: str) -> None:
    """missing: what to say where the preview's packages are not there."""
    _quiet_discord_log()
    try:
        from preview import show
    except ModuleNotFoundError:
        raise ConfigError(missing) from None
    print(OFFLINE_NOTICE if config.discord_token is None else "This is the offline preview.")  # noqa: T201
    for remark in remarks:
        if remark.source == ".env" and remark.state == "note":
            print(f"There is {remark.text}")  # noqa: T201 - a token may be in the other file
    await show(config, open_bot)


if __name__ == "__main__":
    sys.exit(main())
