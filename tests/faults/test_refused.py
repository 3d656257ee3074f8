# pyright: basic, reportOptionalMemberAccess=false, reportOptionalSubscript=false
"""Discord refuses a picture: the reply says why, and the picture is kept for its owner and blocks no others."""

import sys

import pytest

from tests.discord_server import (
    DIRECT_MESSAGE,
    DiscordServer,
    Message,
    breaks,
    fails,
    has_picture,
    is_callback,
    is_channel_edit,
    is_edit,
    is_follow_up,
    is_post,
    larger_than,
    refuses,
)
from tests.faults.test_discord import MEBIBYTE, drawn_late, is_kept_for, is_parked, recover
from tests.faults.world import World

pytestmark = pytest.mark.asyncio(loop_scope="module")

ALWAYS = sys.maxsize
CODES = {
    20009: (400, "took it for explicit"),
    200000: (400, "a filter of this server"),
    50013: (403, "I may not show it here"),
    50001: (403, "I may not show it here"),
    50035: (400, "did not accept it as it was sent"),
    160005: (403, "this thread is closed"),
    99999: (403, "code 99999"),
}
USERS = iter(range(600, 900))


def lost_reply_id(discord: DiscordServer) -> None:
    """Lose the reply id of the next interaction: after the token has expired, its answer can only be posted."""
    discord.fault(is_callback, breaks(taken=True))
    discord.fault(lambda sent: sent.method == "GET" and sent.path.endswith("/@original"), fails(404))


def said_instead(message: Message, words: str) -> None:
    assert not message.thinking
    assert message.attachments == []
    assert words in message.content
    assert list(message.buttons) in (["Again", "Delete"], [])


@pytest.mark.parametrize("code", CODES)
async def test_a_refused_picture_is_explained_in_its_place(running, code):
    status, words = CODES[code]
    user = str(next(USERS))
    fault = running.discord.fault(lambda sent: is_edit(sent) and has_picture(sent), refuses(status, code), ALWAYS)
    token = await running.imagine(f"refused {code}", user=user)
    said_instead(await running.end(token), words)
    fault.times = 0
    await is_kept_for(running, token, user)
    assert running.paid()[f"refused {code}"] == 1


@pytest.mark.parametrize("way", [is_channel_edit, is_post])
async def test_a_picture_refused_after_the_token_has_expired_is_explained_too(running, way):
    user, name = str(next(USERS)), f"late {way.__name__}"
    fault = running.discord.fault(lambda sent: way(sent) and has_picture(sent), refuses(400, 20009), ALWAYS)
    if way is is_post:
        lost_reply_id(running.discord)
    token = await drawn_late(running, name, user=user)
    await is_parked(running, token)
    (shown,) = [each for each in running.discord.public() if each.content.startswith(f"`{name}`")]
    said_instead(shown, "took it for explicit")
    fault.times = 0
    await is_kept_for(running, token, user)


async def test_a_picture_is_kept_even_if_its_explanation_is_refused(running):
    user = str(next(USERS))
    fault = running.discord.fault(is_edit, refuses(403, 50001), ALWAYS)
    token = await running.imagine("not a word", user=user)
    await is_parked(running, token)
    await running.logged("the reason could not be sent either")
    fault.times = 0
    await is_kept_for(running, token, user)


async def test_text_that_a_filter_refuses_loses_no_picture(running):
    running.discord.fault(lambda sent: is_edit(sent) and "forbidden" in str(sent.json), refuses(400, 200000), ALWAYS)
    token = await running.imagine("a forbidden word")
    message = await running.end(token)
    assert len(message.attachments) == 1
    assert list(message.buttons) == ["Again", "Delete"]
    assert running.row(token).state == "delivered"


async def asked(world: World, user: str) -> list[Message]:
    """The messages of a /recover, one for each request, once all have their outcome."""
    discord = world.discord
    token = await discord.slash("recover", user=user)
    reply = await discord.until(lambda: discord.said(token))
    count = min(int(reply.content.split()[0]), 5)

    def given() -> list[Message]:
        return [each for each in discord.private(user) if each.cause.token == token and each is not reply]

    await discord.until(lambda: len(given()) == count and not any("on its way" in each.content for each in given()))
    await world.until(lambda: not world.rows("user_id = ? AND state = 'drawn' AND not parked", user))
    return given()


async def test_repeatedly_refused_pictures_do_not_block_others(running):
    """The sixth comes before five that are always refused; each of those gets its reason every time."""
    discord, user = running.discord, str(next(USERS))
    refused = discord.fault(
        lambda sent: is_edit(sent) and has_picture(sent) and "bare" in str(sent.json), refuses(400, 20009), ALWAYS
    )
    for number in range(5):
        await is_parked(running, await running.imagine(f"bare {number}", user=user))
    once = discord.fault(lambda sent: is_edit(sent) and has_picture(sent), refuses(400, 20009))
    token = await running.imagine("decent", user=user)
    await is_parked(running, token)
    assert once.hits
    given = [*await asked(running, user), *await asked(running, user)]
    (decent,) = [each for each in given if each.attachments]
    assert "`decent`" in decent.content
    told = [each for each in given if each is not decent]
    assert all("took it for explicit" in each.content for each in told)
    assert {each.content.splitlines()[0] for each in told} == {f"`bare {number}`" for number in range(5)}
    refused.times = 0
    assert [len(each.attachments) for each in await recover(running, user, DIRECT_MESSAGE)] == [1] * 5


async def test_recover_goes_on_past_a_message_that_is_refused(running):
    discord, user = running.discord, str(next(USERS))
    refused = discord.fault(lambda sent: is_edit(sent) and has_picture(sent), refuses(400, 20009), 2)
    for name in ("first", "second"):
        await is_parked(running, await running.imagine(name, user=user))
    assert refused.hits == 2
    discord.fault(is_follow_up, refuses(403, 50013), 2)
    token = await discord.slash("recover", user=user)
    reply = await discord.until(lambda: discord.said(token))
    await discord.until(lambda: "Requests that could not be tried: 1" in reply.content)
    await running.until(lambda: [row.parked for row in running.rows("user_id = ?", user)] == [True, False])
    assert [len(each.attachments) for each in await recover(running, user)] == [1]


async def test_an_owner_who_deletes_the_message_gives_the_picture_up(running):
    discord, user = running.discord, str(next(USERS))
    discord.fault(lambda sent: is_edit(sent) and has_picture(sent), refuses(400, 20009))
    token = await running.imagine("given up", user=user)
    await is_parked(running, token)
    await discord.click(discord.reply(token), "Delete", user=user)
    await running.until(lambda: running.row(token) is None)
    await running.until(lambda: not running.spooled())
    assert discord.reply(token) is None


async def test_a_message_deleted_by_a_manager_stays_recoverable_by_its_owner(running):
    discord, user = running.discord, str(next(USERS))
    discord.fault(lambda sent: is_edit(sent) and has_picture(sent), refuses(400, 20009))
    token = await running.imagine("tidied away", user=user)
    await is_parked(running, token)
    await discord.click(discord.reply(token), "Delete", user="1", rights=1 << 13)
    await discord.until(lambda: discord.reply(token) is None)
    await is_kept_for(running, token, user)


async def test_deleting_twice_is_no_error(running):
    """Two members click at once; neither gets an error."""
    discord, before = running.discord, len(running.log)
    token = await running.imagine("twice")
    message = await running.end(token)
    first = discord.fault(lambda sent: sent.method == "DELETE", refuses(404, 10008))
    second = discord.fault(is_callback, refuses(404, 10008))
    clicked = [await discord.click(message, "Delete") for _ in range(2)]
    await discord.until(lambda: first.hits and second.hits)
    await discord.until(lambda: all(discord.interactions[each].answered for each in clicked) or running.log[before:])
    await running.logged("can no longer be answered")
    assert not any("Traceback" in line or "Easel itself" in line for line in running.log[before:])
    assert not any(each.cause.token in clicked for each in discord.messages.values() if each.cause)


async def test_a_file_that_is_too_large_for_the_bot_is_made_smaller_by_what_was_sent(running):
    """The interaction states 500 MiB; the bot's own post may have one."""
    discord, before = running.discord, len(running.discord.requests)
    discord.told_limit, discord.own_limit = 500 * MEBIBYTE, MEBIBYTE
    token = await drawn_late(running, "larger than told case:noise")
    message = await running.end(token)
    discord.told_limit, discord.own_limit = discord.upload_limit, None
    assert [each.size <= MEBIBYTE for each in message.attachments] == [True]
    sizes = [max(sent.sizes) for sent in discord.requests[before:] if is_channel_edit(sent) and sent.sizes]
    assert len(sizes) > 1
    assert sizes == sorted(set(sizes), reverse=True)


async def test_an_error_for_larger_files_only_is_no_refusal_of_the_picture(running):
    running.discord.fault(lambda sent: is_edit(sent) and larger_than(MEBIBYTE)(sent), refuses(413, 40005), ALWAYS)
    token = await running.imagine("smaller will do case:noise")
    assert [each.size <= MEBIBYTE for each in (await running.end(token)).attachments] == [True]


async def test_without_a_channel_only_the_token_delivers(running):
    discord, user = running.discord, str(next(USERS))
    discord.tells_channel = False
    token = await running.imagine("nowhere", user=user)
    assert len((await running.end(token)).attachments) == 1
    late = await drawn_late(running, "nowhere, and late", user=user)
    await is_kept_for(running, late, user)
    await discord.click(discord.reply(token), "Delete", user=user)
    await discord.until(lambda: discord.reply(token) is None)
    for command in ("queue", "providers", "privacy", "help"):
        told = await discord.slash(command, user=user)
        assert (await discord.until(lambda told=told: discord.said(told))).content
    discord.tells_channel = True
    assert not any("/channels/0/" in sent.path for sent in discord.requests)


async def test_a_command_that_is_no_longer_known_says_so(running):
    before = len(running.log)
    told = [await running.discord.slash("gone"), await running.discord.slash("imagine", seed=1)]
    for token in told:
        reply = await running.discord.until(lambda token=token: running.discord.said(token))
        assert "This command has changed, or is gone" in reply.content
        assert reply.private
    await running.discord.suggest("gone", "size", "wide")
    await running.logged("no suggestions")
    assert not any("Traceback" in line for line in running.log[before:])


async def test_late_suggestions_are_no_error(running):
    before = len(running.log)
    running.discord.fault(is_callback, refuses(404, 10062))
    await running.discord.suggest("imagine", "size", "wide", provider="popcord")
    await running.logged("autocompletion: no suggestions")
    assert not any("Traceback" in line for line in running.log[before:])
