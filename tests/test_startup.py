# pyright: basic
"""Exit codes and sentences for startup errors."""

import errno
from types import SimpleNamespace

import aiohttp
import discord
import pytest

from config import ConfigError
from startup import exit_code, port_error, startup_sentence
from storage.store import StoreError, StoreUnavailableError
from views.discord_errors import retry_after


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
def test_errors_that_the_host_has_to_mend_exit_with_2(error):
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
def test_transient_errors_exit_with_1(error):
    assert exit_code(error) == 1
    assert "canary" not in startup_sentence(error)


def test_retry_after_is_read_from_discords_errors():
    wanted = [http_error(429, **{"Retry-After": text}) for text in ("7", "0.5", "soon", "")]
    assert [retry_after(error) for error in wanted] == [7, 0.5, 0, 0]
    assert retry_after(discord.RateLimited(60.0)) == 60
    assert retry_after(aiohttp.ClientConnectionError()) == 0
