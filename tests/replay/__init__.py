"""Loopback servers that imitate the image APIs as documented, and refuse undocumented requests.

`async with PopCordReplay() as replay:` starts one on a free port; `replay.url` is its base URL, `replay.case("F04")`
one below which every call is answered with that case. A prompt that holds `case:F04` asks for it, too.
"""

from tests.replay.aihorde import AIHordeReplay
from tests.replay.appypie import AppyPieReplay
from tests.replay.automatic1111 import Automatic1111Replay
from tests.replay.bfl import BlackForestLabsReplay
from tests.replay.comfyui import ComfyUIReplay
from tests.replay.fal import FalReplay
from tests.replay.faults import FAULTS
from tests.replay.gemini import GeminiReplay
from tests.replay.huggingface import HuggingFaceReplay
from tests.replay.imagepipeline import ImagePipelineReplay
from tests.replay.nebulablock import NebulaBlockReplay
from tests.replay.openai import OpenAIReplay
from tests.replay.pollinations import PollinationsReplay
from tests.replay.popcord import PopCordReplay
from tests.replay.replicate import ReplicateReplay
from tests.replay.server import KEY, Call, Replay
from tests.replay.stability import StabilityReplay

REPLAYS: tuple[type[Replay], ...] = (
    PopCordReplay,
    ImagePipelineReplay,
    NebulaBlockReplay,
    AppyPieReplay,
    OpenAIReplay,
    Automatic1111Replay,
    ComfyUIReplay,
    AIHordeReplay,
    PollinationsReplay,
    GeminiReplay,
    ReplicateReplay,
    FalReplay,
    BlackForestLabsReplay,
    StabilityReplay,
    HuggingFaceReplay,
)

__all__ = [
    "FAULTS",
    "KEY",
    "REPLAYS",
    "AIHordeReplay",
    "AppyPieReplay",
    "Automatic1111Replay",
    "BlackForestLabsReplay",
    "Call",
    "ComfyUIReplay",
    "FalReplay",
    "GeminiReplay",
    "HuggingFaceReplay",
    "ImagePipelineReplay",
    "NebulaBlockReplay",
    "OpenAIReplay",
    "PollinationsReplay",
    "PopCordReplay",
    "Replay",
    "ReplicateReplay",
    "StabilityReplay",
]
