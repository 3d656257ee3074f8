"""The image APIs that Easel speaks to."""

from collections.abc import Mapping
from typing import NamedTuple

from domain import Access
from providers.aihorde import AIHorde
from providers.appypie import AppyPie
from providers.automatic1111 import Automatic1111
from providers.bfl import BlackForestLabs
from providers.comfyui import ComfyUI
from providers.fal import Fal
from providers.gemini import Gemini
from providers.http.transport import Transport
from providers.huggingface import HuggingFace
from providers.imagepipeline import ImagePipeline
from providers.kit.base import Provider
from providers.nebulablock import NebulaBlock
from providers.openai import Named, OpenAI
from providers.pollinations import Pollinations
from providers.popcord import PopCord
from providers.replicate import Replicate
from providers.sketch import Sketch
from providers.stability import Stability

REGISTRY: tuple[type[Provider], ...] = (
    PopCord,
    ImagePipeline,
    NebulaBlock,
    AppyPie,
    OpenAI,
    Automatic1111,
    ComfyUI,
    AIHorde,
    Pollinations,
    Gemini,
    Replicate,
    Fal,
    BlackForestLabs,
    Stability,
    HuggingFace,
    Sketch,
)


class Off(NamedTuple):
    """A provider that is not configured, and what the host would have to set."""

    name: str
    why: str
    is_wrong: bool = False
    """Something is set, but not so that it can work."""


def build(access: Mapping[str, Access], transport: Transport) -> tuple[dict[str, Provider], list[Off]]:
    """The providers that are on, by name, and those that are off, as are all without access; Sketch comes last."""
    on: dict[str, Provider] = {}
    off: list[Off] = []
    named = [Named(name) for name, own in access.items() if own.profile]
    for kind in (*REGISTRY[:-1], *named, *REGISTRY[-1:]):
        own = access.get(kind.name, Access(enabled=False))
        if missing := kind.missing(own):
            in_vain = own.enabled and own != Access()
            why = f"{missing}: its other settings are in vain without it" if in_vain else missing
            off.append(Off(kind.name, why, in_vain))
        elif wrong := kind.wrong(own):
            off.append(Off(kind.name, wrong, is_wrong=True))
        else:
            on[kind.name] = kind(own, transport)
    return on, off
