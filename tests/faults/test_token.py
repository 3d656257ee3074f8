# pyright: basic, reportOptionalMemberAccess=false, reportOptionalSubscript=false
"""Acknowledgements that another process has sent, or whose acceptance by Discord is unknown."""

import pytest

from tests.discord_server import MANAGE_SERVER, Answer, Sent, fails, is_callback
from tests.faults.world import ANSWER_SECONDS, World

pytestmark = pytest.mark.asyncio(loop_scope="module")

WARNING = "another process uses this bot's token"


def about(world: World, token: str) -> list[Sent]:
    """The acknowledgement requests of an interaction."""
    return [sent for sent in world.discord.requests if is_callback(sent) and token in sent.path]


async def test_an_interaction_answered_by_another_process_is_not_drawn(running):
    discord = running.discord

    async def second(answer: Answer):
        discord.answer_elsewhere(next(reversed(discord.interactions)))
        return answer()

    for prompt in ("elsewhere", "elsewhere again"):
        discord.fault(is_callback, second)
        token = await running.imagine(prompt)
        await running.logged(f"interaction {discord.interactions[token].id}: not answered by this process")
        assert (running.row(token), running.paid()[prompt], len(about(running, token))) == (None, 0, 1)
    assert sum(WARNING in line for line in running.log) == 1


async def test_a_button_answered_by_another_process_draws_nothing(running):
    discord = running.discord
    message = await running.end(await running.imagine("pressed"))

    async def second(answer: Answer):
        discord.answer_elsewhere(next(reversed(discord.interactions)))
        return answer()

    discord.fault(is_callback, second)
    token = await discord.click(message, "Again")
    await running.logged(f"interaction {discord.interactions[token].id}: not answered by this process")
    assert (running.row(token), running.paid()["pressed"]) == (None, 1)


async def test_the_bots_own_first_attempt_is_not_mistaken_for_another_process(running):
    running.discord.fault(is_callback, fails(500, taken=True))
    token = await running.imagine("echo")
    assert len((await running.end(token)).attachments) == 1
    assert [sent.status for sent in about(running, token)] == [500, 400]
    assert running.paid()["echo"] == 1


@pytest.mark.parametrize("taken", [True, False])
async def test_nothing_is_retried_after_the_acknowledgement_deadline(running, taken):
    """The bot asks Discord whether the one request was accepted."""
    discord, prompt = running.discord, f"late {taken}"
    discord.fault(is_callback, fails(500, taken=taken))
    token = await running.imagine(prompt, age=ANSWER_SECONDS + 1)
    if taken:
        assert len((await running.end(token)).attachments) == 1
    else:
        await running.logged(f"interaction {discord.interactions[token].id}: can no longer be answered")
        assert running.row(token) is None
    assert (len(about(running, token)), running.paid()[prompt]) == (1, int(taken))


async def test_a_member_acknowledged_by_a_lost_attempt_is_told_what_is_wrong(running):
    running.discord.fault(is_callback, fails(500, taken=True))
    token = await running.imagine("no picture", provider="sketch", image=b"no picture at all")
    reply = await running.discord.until(lambda: running.discord.said(token))
    assert "image" in reply.content
    assert running.row(token) is None


@pytest.mark.parametrize("command", ["recover", "privacy", "providers"])
async def test_other_commands_recognise_their_own_first_attempt(running, command):
    running.discord.fault(is_callback, fails(500, taken=True))
    token = await running.discord.slash(command, user="77")
    assert (await running.discord.until(lambda: running.discord.said(token))).private


@pytest.mark.parametrize("command", ["help", "queue", "settings"])
async def test_no_kind_of_response_is_retried_after_its_deadline(running, command):
    discord = running.discord
    discord.fault(is_callback, fails(500))
    token = await discord.slash(command, user="78", rights=MANAGE_SERVER, age=ANSWER_SECONDS + 1)
    await running.logged(f"interaction {discord.interactions[token].id}: can no longer be answered")
    assert len(about(running, token)) == 1
