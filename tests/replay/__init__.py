"""Loopback servers that answer as the image APIs are documented, and refuse whatever is not documented.

`async with PopCordReplay() as replay:` starts one on a free port; `replay.url` is its base URL, `replay.case("F04")`
one below which every call is answered with that case. A prompt that holds `case:F04` asks for it, too.
"""

from tests.replay.appypie import AppyPieReplay
from tests.replay.faults import FAULTS
from tests.replay.imagepipeline import ImagePipelineReplay
from tests.replay.nebulablock import NebulaBlockReplay
from tests.replay.popcord import PopCordReplay
from tests.replay.server import KEY, Call, Replay

REPLAYS: tuple[type[Replay], ...] = (PopCordReplay, ImagePipelineReplay, NebulaBlockReplay, AppyPieReplay)

__all__ = [
    "FAULTS",
    "KEY",
    "REPLAYS",
    "AppyPieReplay",
    "Call",
    "ImagePipelineReplay",
    "NebulaBlockReplay",
    "PopCordReplay",
    "Replay",
]
