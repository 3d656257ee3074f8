# pyright: basic
"""What a host is told, and whether starting again may help."""

import errno
from types import SimpleNamespace

import aiohttp
import discord
import pytest

from config import ConfigError
from startup import exit_code, pause_wanted, port_error, startup_sentence
from storage.store import StoreError, StoreUnavailableError


def http_error(status: int, **headers: str) -> discord.HTTPException:
    return discord.HTTPException(SimpleNamespace(status=status, reason="x", headers=headers), "canary")  # type: ignore


def closed(code: int) -> discord.ConnectionClosed:
    return discord.ConnectionClosed(SimpleNamespace(close_code=code), shard_id=0, code=code)  # type: ignore


@pytest.mark.parametrize(
    "error",
    [
        *(ConfigError("x"), StoreError("x"), discord.LoginFailure("x"), closed(4004), closed(4014)),
        port_error("127.0.0.1", 80, PermissionError(errno.EACCES, "x")),
    ],
)
def test_what_the_host_has_to_change_is_not_started_again(error):
    assert exit_code(error) == 2


@pytest.mark.parametrize(
    "error",
    [
        StoreUnavailableError("x"),
        port_error("127.0.0.1", 9090, OSError(errno.EADDRINUSE, "x")),
        *(http_error(status) for status in (400, 403, 404, 429, 500, 503)),
        discord.RateLimited(3.0),
        discord.GatewayNotFound(),
        closed(4000),
        closed(4008),
        aiohttp.ClientConnectionError(),
        TimeoutError(),
    ],
)
def test_what_may_pass_may_be_started_again(error):
    assert exit_code(error) == 1
    assert "canary" not in startup_sentence(error)


def test_how_long_discord_wants_to_be_left_alone():
    wanted = [http_error(429, **{"Retry-After": text}) for text in ("7", "0.5", "soon", "")]
    assert [pause_wanted(error) for error in wanted] == [7, 0.5, 0, 0]
    assert pause_wanted(discord.RateLimited(60.0)) == 60
    assert pause_wanted(aiohttp.ClientConnectionError()) == 0
