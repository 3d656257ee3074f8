# pyright: basic, reportOptionalMemberAccess=false, reportOptionalSubscript=false
"""The gateway disconnects, ends the session, or replays events."""

import pytest

from tests.discord_server import DiscordServer
from tests.faults.world import ANSWER_SECONDS, prompt_of

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def resumed(discord: DiscordServer) -> None:
    before = discord.gateway.resumed
    await discord.until(lambda: discord.gateway.resumed > before)


async def answered(discord: DiscordServer, token: str, status: int) -> None:
    """Wait until the bot has received this answer to an interaction."""
    await discord.until(lambda: any(sent.status == status for sent in discord.requests if token in sent.path))


async def test_interactions_during_a_disconnect_are_drawn_after_the_resume(running):
    discord = running.discord
    gate = running.hold(lambda call: prompt_of(call) == "under way")
    under_way = await running.imagine("under way")
    await discord.until(lambda: gate.reached)
    discord.gateway.cut()
    missed = await running.imagine("missed")
    await resumed(discord)
    gate.open.set()
    for token in (under_way, missed):
        assert len((await running.end(token)).attachments) == 1
        assert running.row(token).state == "delivered"


async def test_interactions_replayed_too_late_cost_nothing(running):
    discord = running.discord
    discord.gateway.cut()
    late = await running.imagine("late")
    discord.clock.advance(ANSWER_SECONDS + 1)
    await resumed(discord)
    await answered(discord, late, 404)
    assert len((await running.end(await running.imagine("next"))).attachments) == 1
    assert (running.paid()["late"], running.row(late), discord.reply(late)) == (0, None, None)


async def test_a_replayed_interaction_is_drawn_once(running):
    discord = running.discord
    gate = running.hold(lambda call: prompt_of(call) == "twice")
    token = await running.imagine("twice")
    await discord.until(lambda: gate.reached)
    await discord.replay(token)
    assert len((await running.end(await running.imagine("beside twice"))).attachments) == 1
    gate.open.set()
    assert len((await running.end(token)).attachments) == 1
    await discord.replay(token)
    assert len((await running.end(await running.imagine("after twice"))).attachments) == 1
    assert running.paid()["twice"] == 1
    assert sum(message.cause.token == token for message in discord.public()) == 1


async def test_a_new_gateway_session_continues_the_work(running):
    discord = running.discord
    gate = running.hold(lambda call: prompt_of(call) == "old session")
    token = await running.imagine("old session")
    await discord.until(lambda: gate.reached)
    await discord.gateway.invalidate()
    gate.open.set()
    assert len((await running.end(token)).attachments) == 1
    await discord.until(lambda: discord.gateway.sessions)
    assert len((await running.end(await running.imagine("new session"))).attachments) == 1
    assert sum(sent.method == "PUT" for sent in discord.requests) == 1
