"""Runs the bot on an event loop that has no signal handlers, as on Windows."""

import asyncio
import sys

import uvloop

import bot


def add_signal_handler(*_: object) -> None:
    raise NotImplementedError


if __name__ == "__main__":
    uvloop.new_event_loop = asyncio.SelectorEventLoop
    asyncio.SelectorEventLoop.add_signal_handler = add_signal_handler  # pyright: ignore[reportAttributeAccessIssue]
    sys.exit(bot.main())
