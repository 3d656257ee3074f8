# pyright: basic, reportOptionalMemberAccess=false, reportOptionalSubscript=false
"""Mistakes of a host: a wrong clock, and one token in two processes."""

from tests.faults.test_token import WARNING
from tests.faults.world import World, healthy


async def test_a_private_picture_with_a_clock_that_is_fifteen_minutes_ahead(world):
    world.discord.clock.advance(-15 * 60)
    await world.start()
    token = await world.imagine("ahead", private=True)
    message = await world.end(token)
    assert (len(message.attachments), message.private, world.row(token).parked) == (1, True, False)
    (warning,) = (line for line in world.log if "This machine's clock is" in line)
    assert "s ahead of Discord's" in warning
    assert 890 < int(warning.partition("clock is ")[2].split()[0]) < 910


async def test_a_second_process_with_the_same_token_pays_for_nothing_twice(world, tmp_path):
    other = World(tmp_path / "other", world.discord, world.replays)
    other.folder.mkdir()
    await world.start()
    await other.start()
    assert len(world.discord.gateway.sessions) == 2
    prompts = [f"shared {number}" for number in range(8)]
    tokens = [await world.imagine(prompt) for prompt in prompts]
    try:
        for token in tokens:
            await world.discord.until(lambda token=token: world.discord.said(token))
            await world.until(lambda token=token: (world.row(token) is None) != (other.row(token) is None))
        assert [world.paid()[prompt] for prompt in prompts] == [1] * len(prompts)
        assert sum(WARNING in line for line in world.log) <= 1
        assert any(WARNING in line for line in world.log + other.log)
        healthy(other)
    finally:
        await other.kill()
