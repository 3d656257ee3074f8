# pyright: basic
"""Whether this process or another has acknowledged, after each kind of failed attempt."""

import socket
from collections.abc import AsyncGenerator, Callable
from typing import NamedTuple

import aiohttp
import discord
import pytest
from aiohttp.abc import AbstractResolver
from discord.http import Route

from studio.intake.pending import AnsweredElsewhere
from tests.discord_server import Answer, DiscordServer, breaks, busy, cut, is_callback
from tracing import DiscordClock, add_hooks
from views.interactions import ATTEMPTS, Attempts, defer

TOKEN = "canary-token.aaaaaa.bbbbbbbbbbbbbbbbbbbbbbbbbbbb"


class Names(AbstractResolver):
    """Resolves every host to this machine; with a step set, the first resolution runs it and then fails."""

    def __init__(self) -> None:
        self.first: Callable[[], object] | None = None

    async def resolve(self, host, port=0, family=socket.AF_INET):
        first, self.first = self.first, None
        if first:
            first()
            raise OSError("no such host")
        return [{"hostname": host, "host": "127.0.0.1", "port": port, "family": family, "proto": 0, "flags": 0}]

    async def close(self) -> None:
        pass


class Asked(NamedTuple):
    """An interaction that has not been answered."""

    server: DiscordServer
    names: Names
    interaction: discord.Interaction

    def answer_elsewhere(self) -> None:
        self.server.answer_elsewhere(self.interaction.token)

    @property
    def statuses(self) -> list[int | None]:
        return [sent.status for sent in self.server.requests if is_callback(sent)]


@pytest.fixture
async def asked(monkeypatch) -> AsyncGenerator[Asked]:
    async with DiscordServer(TOKEN) as server:
        port = server.api_url.partition("127.0.0.1:")[2]
        monkeypatch.setattr(Route, "BASE", f"http://discord.test:{port}")
        clock, names = DiscordClock(), Names()
        connector = aiohttp.TCPConnector(resolver=names, force_close=True, use_dns_cache=False)
        trace = add_hooks(aiohttp.TraceConfig(), clock)
        async with discord.Client(intents=discord.Intents.none(), connector=connector, http_trace=trace) as client:
            await client.login(TOKEN)
            token = await server.slash("imagine", prompt="a boat")
            payload = server.interactions[token].payload
            interaction = discord.Interaction(data=payload, state=client._connection)  # type: ignore[arg-type]
            ATTEMPTS.set(Attempts(interaction.id, clock.now))
            yield Asked(server, names, interaction)


async def test_already_answered_means_another_process_if_no_request_was_sent(asked):
    asked.names.first = asked.answer_elsewhere
    with pytest.raises(AnsweredElsewhere):
        await defer(asked.interaction, private=False)
    assert asked.statuses == [400]


async def test_already_answered_means_another_process_if_all_requests_were_refused(asked):
    async def refused(answer: Answer):
        asked.answer_elsewhere()
        return await busy(0)(answer)

    asked.server.fault(is_callback, refused)
    with pytest.raises(AnsweredElsewhere):
        await defer(asked.interaction, private=False)
    assert asked.statuses == [429, 400]


@pytest.mark.parametrize(("lost", "status"), [(breaks(taken=True), None), (cut(), 200)], ids=["broken", "cut"])
async def test_already_answered_means_this_process_if_a_request_may_have_arrived(asked, lost, status):
    asked.server.fault(is_callback, lost)
    reply = asked.server.reply
    assert await defer(asked.interaction, private=False) == int(reply(asked.interaction.token).id)
    assert asked.statuses == [status, 400]
