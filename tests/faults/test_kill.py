# pyright: basic, reportOptionalMemberAccess=false, reportOptionalSubscript=false
"""The bot's process is killed or stopped during its work, and starts again."""

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine, Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

import pytest

from tests.discord_server import breaks, fails, has_picture, held, is_callback, is_channel
from tests.faults.world import DRAWING, World, prompt_of
from tests.replay import Call

TOO_LATE = 16 * 60
"""Seconds after which an interaction's token has expired."""
MARKED = "picture-F09-image"
"""A case of the replay server that changes nothing but marks its downloads."""


class Kind(NamedTuple):
    """Jobs that are in the same state when the process is killed."""

    count: int
    state: str
    ends: str
    submits: int
    pictures: int
    says: str = ""
    options: Mapping[str, Any] = MappingProxyType({})


KINDS = {
    "drawn": Kind(4, "drawn", "delivered", 1, 1),
    "sending": Kind(4, "sending", "interrupted", 1, 0, "Nothing was ordered twice", {"provider": "nebulablock"}),
    "waiting case:poll-F09-json": Kind(3, "waiting", "delivered", 1, 1, "", {"provider": "imagepipeline"}),
    "half, sending": Kind(2, "sending", "delivered", 3, 2, "2 of 4 pictures. I was restarted", {"count": 4}),
    f"half, waiting case:{MARKED}": Kind(1, "waiting", "delivered", 4, 4, "", {"count": 4}),
    "queued": Kind(6, "queued", "delivered", 1, 1, "", {"provider": "nebulablock"}),
}
"""By prompt; each kind has a member of its own."""


def holding() -> Callable[[Call], object]:
    """Hold all submits of `sending`, and the third submit or download of `half`."""
    seen: Counter[str] = Counter()

    def wanted(call: Call) -> bool:
        kind = prompt_of(call) or (call.case if call.moment else "")
        seen[kind] += 1
        half = kind.startswith("half, sending") or kind == MARKED
        return kind.startswith("sending") or (half and seen[kind] == 3)

    return wanted


async def begin(world: World, prompt: str) -> list[str]:
    kind = KINDS[prompt]
    users = [f"{sum(map(ord, prompt))}{n}" for n in range(kind.count)]
    return [await world.imagine(f"{prompt} {n}", user=user, **kind.options) for n, user in enumerate(users)]


async def outcomes(world: World, tokens: Sequence[str]) -> list[tuple[str, int]]:
    """The state and the pictures of each job."""
    shown = [await world.end(token) for token in tokens]
    return [(world.row(token).state, len(each.attachments)) for token, each in zip(tokens, shown, strict=True)]


async def test_kill_with_twenty_jobs_in_every_state(world):
    gate, polls = world.hold(holding()), world.hold(lambda call: call.moment == "poll-")
    undelivered = world.discord.fault(has_picture, held(asyncio.Event()), times=4)
    await world.start(NEBULABLOCK_CONCURRENCY="4")
    begun = {"drawn": await begin(world, "drawn")}
    await world.discord.until(lambda: undelivered.hits == 4)
    begun["sending"] = await begin(world, "sending")
    await world.discord.until(lambda: gate.reached == 4)
    begun |= {prompt: await begin(world, prompt) for prompt in KINDS if prompt not in begun}
    await world.discord.until(lambda: gate.reached == 7)
    states = Counter({"drawn": 4, "sending": 6, "waiting": 4, "queued": 6})
    await world.until(lambda: Counter(row.state for row in world.rows()) == states)
    await world.kill()
    world.discord.faults.clear()
    gate.open.set()
    polls.open.set()
    await world.start(NEBULABLOCK_CONCURRENCY="4")

    for prompt, kind in KINDS.items():
        assert await outcomes(world, begun[prompt]) == [(kind.ends, kind.pictures)] * kind.count, prompt
        said = [world.discord.reply(token).content for token in begun[prompt]]
        assert [each for each in said if kind.says not in each] == []
        paid = world.paid(kind.options.get("provider", "popcord"))
        assert [paid[f"{prompt} {n}"] for n in range(kind.count)] == [kind.submits] * kind.count
    assert len(world.discord.public()) == 20
    assert not any(message.content.startswith(DRAWING) for message in world.discord.public())
    assert {row.token for row in world.rows()} == {None}
    await world.until(lambda: not world.spooled())


@pytest.mark.parametrize("end", [World.kill, World.stop])
async def test_a_stop_while_pictures_are_being_inspected_loses_none(world, end):
    """Both those of a response that cannot be repeated, and those that a link still leads to."""
    await world.start("-m", "tests.faults.stuck_decoder")
    at_once = await world.imagine("at once case:two", provider="nebulablock")
    linked = await world.imagine("linked")
    await world.until(lambda: len([*world.folder.glob("looking.*")]) == 2)
    await end(world)
    await world.start()
    assert await outcomes(world, [at_once, linked]) == [("delivered", 2), ("delivered", 1)]
    shown = [each for token in (at_once, linked) for each in world.discord.reply(token).attachments]
    assert all(each.filename.endswith(".png") and b"trainedAlgorithmicMedia" in each.data for each in shown)
    assert (world.paid("nebulablock"), world.paid()) == ({"at once case:two": 1}, {"linked": 1})
    assert len(world.discord.public()) == 2
    await world.until(lambda: not world.spooled())


async def test_a_kill_between_two_calls_loses_no_later_call(world):
    """The first call has ended, and the second has not begun."""
    await world.start("-m", "tests.faults.stuck_decoder")
    token = await world.imagine("one by one", count=2)
    await world.until(lambda: [*world.folder.glob("looking.*")])
    await world.kill()
    await world.start()
    assert await outcomes(world, [token]) == [("delivered", 2)]
    assert world.paid() == {"one by one": 2}
    await world.until(lambda: not world.spooled())


async def kill_before_the_acknowledgement(world: World, interaction: Coroutine[Any, Any, str]) -> None:
    """Kill between the row and the acknowledgement; after the restart, wait until the row is deleted."""
    world.discord.fault(is_callback, held(asyncio.Event()))
    token = await interaction
    await world.discord.until(lambda: world.discord.faults[0].hits)
    assert world.row(token).state == "promised"
    await world.kill()
    world.discord.faults.clear()
    await world.start()
    await world.until(lambda: world.row(token) is None)
    assert world.discord.reply(token) is None


@pytest.mark.parametrize("private", [False, True])
async def test_kill_between_the_row_and_the_acknowledgement_draws_nothing(world, private):
    """Discord has told the member that the bot does not answer: nothing is drawn or paid for."""
    await world.start()
    await kill_before_the_acknowledgement(world, world.imagine("never told", private=private))
    assert world.paid() == {}
    assert world.discord.public() == []


async def test_kill_during_a_retry_leaves_the_button_usable(world):
    """The remote job, which is paid for, can still be fetched."""
    server, prompt = world.replays["imagepipeline"], "paid case:poll-F01"
    await world.start()
    message = await world.end(await world.imagine(prompt, provider="imagepipeline"))
    polls = server.count("GET")
    await kill_before_the_acknowledgement(world, world.discord.click(message, "Retry"))
    await world.end(await world.discord.click(message, "Retry"))
    assert server.count("GET") > polls
    assert world.paid("imagepipeline") == {prompt: 1}


async def test_kill_after_discord_has_taken_a_picture_and_before_the_bot_knows(world):
    """An edit is repeated; a post carries a nonce."""
    discord = world.discord
    gate = world.hold(prompt_of)
    await world.start()
    # So that the bot never learns the reply's id:
    discord.fault(is_callback, breaks(taken=True))
    discord.fault(lambda sent: sent.method == "GET" and sent.path.endswith("/@original"), fails(404))
    posted = await world.imagine("posted")
    await world.discord.until(lambda: gate.reached)
    discord.clock.advance(TOO_LATE)
    edited = await world.imagine("edited")
    undone = [
        discord.fault(lambda sent: has_picture(sent) and edited in sent.path, held(asyncio.Event(), taken=True)),
        discord.fault(is_channel, held(asyncio.Event(), taken=True)),
    ]
    gate.open.set()
    await discord.until(lambda: all(fault.hits for fault in undone))
    await world.kill()
    await world.start()
    assert await outcomes(world, [edited, posted]) == [("delivered", 1), ("delivered", 0)]
    pictures = [message.content for message in discord.public() if message.attachments]
    assert sorted(content.split("`")[1] for content in pictures) == ["edited", "posted"]
    assert world.paid() == Counter(edited=1, posted=1)
