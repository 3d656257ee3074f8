# pyright: basic, reportOptionalMemberAccess=false, reportOptionalSubscript=false
"""Discord fails, refuses, or has deleted the message or channel of a picture."""

import pytest

from tests.discord_server import (
    AGE_RESTRICTED,
    DIRECT_MESSAGE,
    FOREIGN_SERVER,
    HERE,
    Answer,
    Message,
    Place,
    Sent,
    breaks,
    busy,
    fails,
    has_picture,
    is_callback,
    is_channel,
    is_edit,
    is_follow_up,
    nth,
)
from tests.faults.world import ANSWER_SECONDS, World, prompt_of

pytestmark = pytest.mark.asyncio(loop_scope="module")

TOO_LATE = 16 * 60
"""Seconds after which an interaction's token has expired."""
MEBIBYTE = 2**20
PASSING = {
    "500": fails(500),
    "502, though taken": fails(502, taken=True),
    "503": fails(503),
    "429": busy(),
    "429 of Cloudflare": busy(via=False, told=False),
    "reset": breaks(),
    "reset, though taken": breaks(taken=True),
}


async def drawn_late(world: World, prompt: str, **options) -> str:
    """Run /imagine, and finish the drawing after the interaction's token has expired."""
    gate = world.hold(lambda call: prompt_of(call) == prompt)
    token = await world.imagine(prompt, **options)
    await world.discord.until(lambda: gate.reached)
    world.discord.clock.advance(TOO_LATE)
    gate.open.set()
    return token


async def recover(world: World, user: str, at: Place = HERE) -> list[Message]:
    """The pictures that /recover gives; each must be ephemeral."""
    discord = world.discord
    token = await discord.slash("recover", user=user, at=at)
    reply = await discord.until(lambda: discord.said(token))
    waiting = 0 if reply.content == "Nothing of yours is waiting." else int(reply.content.split()[0])

    def given() -> list[Message]:
        return [each for each in discord.private(user) if each.cause.token == token and each.attachments]

    await discord.until(lambda: len(given()) == waiting)
    await world.until(lambda: not world.rows("user_id = ? AND state = 'drawn'", user))
    return given()


async def is_parked(world: World, token: str) -> None:
    await world.until(lambda: (row := world.row(token)) and row.parked)


async def is_kept_for(world: World, token: str, user: str) -> None:
    """Assert that the undelivered picture is parked, and that only its owner gets it, once."""
    job = world.discord.interactions[token].id
    await is_parked(world, token)
    assert [path.parent.name for path in world.spooled()] == [job]
    assert await recover(world, f"{user}0") == []
    pictures = await recover(world, user, nth(7))
    assert [len(message.attachments) for message in pictures] == [1]
    assert world.row(token)[:3] == ("delivered", False, None)
    assert await recover(world, user) == []
    await world.until(lambda: not world.spooled())


async def test_the_acknowledgement_is_retried_after_any_first_error(running):
    discord, tokens = running.discord, {}

    def first(prompt: str):
        """The acknowledgement of one job: another's retry may come at the same time."""

        def wanted(sent: Sent) -> bool:
            return is_callback(sent) and discord.interactions[sent.path.split("/")[3]].asks(prompt)

        return wanted

    for name, action in PASSING.items():
        if name != "429 of Cloudflare":
            discord.fault(first(f"defer {name}"), action)
            tokens[name] = await running.imagine(f"defer {name}")
    for name, token in tokens.items():
        assert len((await running.end(token)).attachments) == 1, name
        assert running.row(token).state == "delivered"
        assert running.paid()[f"defer {name}"] == 1


async def test_a_failed_acknowledgement_costs_nothing(running):
    discord = running.discord
    discord.fault(is_callback, busy(via=False, told=False))
    token = await running.imagine("no promise")
    reply = await discord.until(lambda: discord.said(token))
    assert "Something went wrong" in reply.content
    assert reply.private
    assert (running.row(token), running.paid()["no promise"]) == (None, 0)


async def test_a_late_acknowledgement_costs_nothing(running):
    discord = running.discord

    async def late(answer: Answer):
        discord.clock.advance(ANSWER_SECONDS + 1)
        return answer()

    discord.fault(is_callback, late)
    token = await running.imagine("too late")
    await running.logged("can no longer be answered")
    assert discord.reply(token) is None
    assert (running.row(token), running.paid()["too late"]) == (None, 0)


@pytest.mark.parametrize("where", ["reply", "message", "post"])
async def test_a_picture_is_delivered_once_after_any_first_error(running, where):
    """With the interaction's token; with the bot's own after that has expired; and with an unknown reply id."""
    discord, tokens = running.discord, {}
    gate = running.hold(lambda call: prompt_of(call).startswith(where))
    for name in PASSING:
        if where == "post":
            discord.fault(is_callback, breaks(taken=True))
            discord.fault(lambda sent: sent.method == "GET" and sent.path.endswith("/@original"), fails(404))
        tokens[name] = await running.imagine(f"{where} {name}")
        await discord.until(lambda: gate.reached == len(tokens))
    if where != "reply":
        discord.clock.advance(TOO_LATE)

    def of(name: str):
        def wanted(sent: Sent) -> bool:
            way = is_edit(sent) and tokens[name] in sent.path if where == "reply" else is_channel(sent)
            return way and has_picture(sent) and f"`{where} {name}`" in sent.json["content"]

        return wanted

    for name, action in PASSING.items():
        discord.fault(of(name), action)
    gate.open.set()
    for name, token in tokens.items():
        await running.end(token)
        shown = [each for each in discord.public() if each.content.startswith(f"`{where} {name}`")]
        assert [len(message.attachments) for message in shown] == [1], name
        assert running.row(token).state == "delivered"
        assert running.paid()[f"{where} {name}"] == 1


async def test_a_private_picture_after_the_token_is_for_its_owner_alone(running):
    token = await drawn_late(running, "a secret", private=True, user="31")
    await is_kept_for(running, token, "31")
    assert not any("a secret" in message.content for message in running.discord.public())
    assert running.paid()["a secret"] == 1


async def test_a_public_picture_after_the_token_takes_its_place_in_the_channel(running):
    token = await drawn_late(running, "slow")
    assert len((await running.end(token)).attachments) == 1
    assert running.row(token)[:3] == ("delivered", False, None)


async def test_a_picture_after_the_token_in_a_direct_message(running):
    token = await drawn_late(running, "between us", at=DIRECT_MESSAGE)
    assert len((await running.end(token)).attachments) == 1


async def test_a_picture_after_the_token_where_the_bot_is_not_a_member(running):
    token = await drawn_late(running, "abroad", user="37", at=FOREIGN_SERVER)
    await is_kept_for(running, token, "37")


async def test_a_picture_in_an_age_restricted_channel(running):
    token = await running.imagine("for adults", at=AGE_RESTRICTED)
    assert len((await running.end(token)).attachments) == 1


async def test_size_suggestions_are_sent_in_time(running):
    token = await running.discord.suggest("imagine", "size", "wide", provider="popcord")
    choices = await running.discord.until(lambda: running.discord.interactions[token].choices)
    assert {"name": "wide 16:9 · 1024x576", "value": "1024x576"} in choices


async def test_a_picture_whose_message_was_deleted_while_it_was_drawn(running):
    gate = running.hold(lambda call: prompt_of(call) == "deleted")
    token = await running.imagine("deleted", user="32")
    await running.discord.until(lambda: gate.reached)
    running.discord.reply(token).deleted = True
    gate.open.set()
    await is_kept_for(running, token, "32")


async def test_a_picture_whose_channel_was_deleted_while_it_was_drawn(running):
    gate = running.hold(lambda call: prompt_of(call) == "no channel")
    token = await running.imagine("no channel", user="33", at=nth(1))
    await running.discord.until(lambda: gate.reached)
    await running.discord.delete_channel(nth(1))
    gate.open.set()
    await is_kept_for(running, token, "33")


async def test_a_picture_for_a_channel_where_the_bot_may_no_longer_send(running):
    running.discord.forbidden.add(nth(2).channel)
    token = await drawn_late(running, "forbidden", user="34", at=nth(2))
    await is_kept_for(running, token, "34")


async def test_the_right_to_send_is_not_needed_while_the_token_lives(running):
    token = await running.imagine("no right, but a token", at=nth(2))
    assert len((await running.end(token)).attachments) == 1


@pytest.mark.parametrize("action", [fails(503), breaks(), busy(via=False)])
async def test_a_recover_that_fails_half_way_can_be_repeated(running, action):
    token = await drawn_late(running, "again", private=True, user="35")
    await is_parked(running, token)
    running.discord.fault(is_follow_up, action)
    await running.discord.slash("recover", user="35")
    await running.discord.until(lambda: running.discord.faults[0].hits)
    await is_kept_for(running, token, "35")


async def test_a_picture_over_the_upload_limit_is_made_smaller(running):
    discord = running.discord
    discord.upload_limit = MEBIBYTE
    token = await running.imagine("too large case:noise")
    message = await running.end(token)
    discord.upload_limit = discord.told_limit
    assert [each.size <= MEBIBYTE for each in message.attachments] == [True]
    assert "Compressed to fit the upload limit here." in message.content
    assert any(sent.status == 413 for sent in discord.requests)


async def test_a_picture_too_large_for_every_limit_is_parked(running):
    discord = running.discord
    discord.upload_limit = 1
    token = await running.imagine("far too large", user="36")
    await is_parked(running, token)
    discord.upload_limit = discord.told_limit
    await is_kept_for(running, token, "36")
