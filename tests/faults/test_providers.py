# pyright: basic, reportOptionalMemberAccess=false, reportOptionalSubscript=false
"""A provider is down, hangs, is slow, or answers garbage: the member gets a sentence, and nothing is paid for twice."""

from tests.faults.world import SHORT_TIMEOUTS, World

DOWN = "http://127.0.0.1:9"
"""A port on which nothing listens."""
NOT_WORKING, NO_PICTURE = "is not working just now", "sent back no picture that can be shown"
NOT_WITH_THIS = "could not draw with this model"
IN_TIME = "sent no picture in time"
CASES = {
    "F15": ("Timeout", IN_TIME),
    "F08": ("Timeout", IN_TIME),
    "F04": ("Unavailable", NOT_WITH_THIS),
    "F04-503": ("Unavailable", NOT_WORKING),
    "F11": ("Unavailable", NOT_WORKING),
    "F11-reset": ("Unavailable", NOT_WORKING),
    "F05": ("BadResponse", NO_PICTURE),
    "F10": ("BadResponse", NO_PICTURE),
    "F12": ("BadResponse", NO_PICTURE),
    "F12-empty": ("BadResponse", NO_PICTURE),
    "F13-page": ("BadResponse", NO_PICTURE),
    "F14": ("BadResponse", NO_PICTURE),
    "F14-bomb": ("BadResponse", NO_PICTURE),
    "picture-F04": ("Unavailable", NOT_WORKING),
    "picture-F06": ("BadResponse", NO_PICTURE),
    "picture-F08": ("Timeout", IN_TIME),
    "picture-F15": ("Timeout", IN_TIME),
}
"""Cases of the replay servers: how the job ends, and what the member reads."""
REFUSED_AND_SENT_AGAIN = {"F04-503": 3}
"""Number of submits; a 503 means that nothing was accepted."""


async def ends_as(world: World, token: str, kind: str, says: str) -> None:
    message = await world.end(token)
    assert (world.row(token).state, world.row(token).failure["kind"]) == ("failed", kind), message.content
    assert says in message.content
    assert "@everyone" not in message.content
    assert "<" not in message.content
    assert {"Retry", "Delete"} == set(message.buttons)
    assert message.attachments == []


async def test_every_bad_provider_response_ends_in_a_sentence(world):
    await world.start(*SHORT_TIMEOUTS, NEBULABLOCK_BASE_URL=DOWN)
    tokens = {case: await world.imagine(f"a cat case:{case}") for case in CASES}
    down = await world.imagine("a cat", provider="nebulablock")
    for case, token in tokens.items():
        await ends_as(world, token, *CASES[case])
    await ends_as(world, down, "Unavailable", NOT_WORKING)
    assert world.paid() == {f"a cat case:{case}": REFUSED_AND_SENT_AGAIN.get(case, 1) for case in CASES}
    await world.until(lambda: not world.spooled())


async def test_dropped_keep_alive_connections_lose_no_picture(world):
    """Paid calls use a new connection each; reads are retried."""
    for replay in world.replays.values():
        replay.drops_kept = True
    await world.start(*SHORT_TIMEOUTS)
    for number in range(3):
        for provider in ("popcord", "imagepipeline", "nebulablock"):
            await world.end(token := await world.imagine(f"boat {number}", provider=provider))
            assert world.row(token).state == "delivered"
    assert world.paid() == {f"boat {number}": 1 for number in range(3)}
    dropped = [call for replay in world.replays.values() for call in replay.dropped]
    assert dropped
    assert not any(call.startswith("POST") for call in dropped)


async def test_a_picture_that_discord_does_not_show_arrives_converted(world):
    await world.start()
    message = await world.end(await world.imagine("a cat case:picture-F17"))
    (picture,) = message.attachments
    assert picture.filename.endswith(".png")
    assert "Converted from AVIF" in message.content
    assert world.paid() == {"a cat case:picture-F17": 1}
    await world.until(lambda: not world.spooled())


async def test_invalid_numbers_lose_no_picture(world):
    await world.start()
    for provider, case in (("nebulablock", "no-number"), ("nebulablock", "F14-nan"), ("imagepipeline", "F14-nan")):
        message = await world.end(await world.imagine(f"a cat case:{case}", provider=provider))
        assert len(message.attachments) == 1
    await world.until(lambda: not world.spooled())
