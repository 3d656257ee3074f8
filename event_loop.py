"""Runs the bot on an event loop until it is done or a signal ends it."""

import asyncio
import gc
import logging
import signal
import sys
from collections.abc import Callable, Coroutine
from importlib import import_module

log = logging.getLogger("easel")

CANCEL_RETRY_SECONDS = 0.5
GC_THRESHOLDS = (2_000, 10, 1_000)
"""The garbage collector's: a full collection takes 100 ms with 2,000 jobs, so it is rare."""


async def cancellable(work: Coroutine[None, None, None]) -> None:
    """Cancels until done: on Python 3.11 asyncio.wait_for, used by discord.py, may swallow a cancellation."""
    task = asyncio.ensure_future(work)
    try:
        await asyncio.wait({task})
        await task
    finally:
        while not task.done():
            task.cancel()
            await asyncio.wait({task}, timeout=CANCEL_RETRY_SECONDS)


async def run_until_signal(work: Coroutine[None, None, int | None]) -> int:
    """Run until done; SIGINT and SIGTERM cancel it, so that each `finally` closes its resources."""
    task = asyncio.ensure_future(work)
    for number in (signal.SIGINT, signal.SIGTERM):
        _on_signal(number, task.cancel)
    try:
        return await task or 0
    except asyncio.CancelledError:
        log.info("stopped")
        return 0


def _on_signal(number: signal.Signals, act: Callable[[], object]) -> None:
    """Call `act` in the running loop when the signal arrives."""
    loop = asyncio.get_running_loop()
    try:
        loop.add_signal_handler(number, act)
    except NotImplementedError:  # on Windows

        def arrived(*_: object) -> None:
            if not loop.is_closed():
                loop.call_soon_threadsafe(act)

        signal.signal(number, arrived)


def run_on_uvloop(task: Coroutine[None, None, None]) -> int:
    """Run on uvloop, which Windows does not have."""
    gc.freeze()  # keeps imported objects out of collections
    gc.set_threshold(*GC_THRESHOLDS)
    factory = None if sys.platform == "win32" else import_module("uvloop").new_event_loop
    with asyncio.Runner(loop_factory=factory) as runner:
        return runner.run(run_until_signal(task))
