"""The registry of image providers."""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

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
from providers.kit.settings import ProviderSettings
from providers.nebulablock import NebulaBlock
from providers.openai import CompatibleServer, CompatibleSettings, OpenAI
from providers.pollinations import Pollinations
from providers.popcord import PopCord
from providers.replicate import Replicate
from providers.sketch import Sketch
from providers.stability import Stability

REGISTRY: tuple[type[Provider[Any]], ...] = (
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


class DisabledProvider(NamedTuple):
    """A provider that is off, and why."""

    name: str
    reason: str
    is_misconfigured: bool = False
    """Settings are present but invalid."""


def settings_types(named: Iterable[str] = ()) -> dict[str, type[ProviderSettings]]:
    """The settings model of each provider; named: the host's OpenAI-compatible servers."""
    return {kind.name: kind.settings_type for kind in REGISTRY} | dict.fromkeys(named, CompatibleSettings)


def build(
    settings: Mapping[str, ProviderSettings], transport: Transport
) -> tuple[dict[str, Provider[Any]], list[DisabledProvider]]:
    """Build the configured providers, by name, Sketch last; the others are returned as disabled."""
    on: dict[str, Provider[Any]] = {}
    off: list[DisabledProvider] = []
    named = [CompatibleServer(name) for name, values in settings.items() if isinstance(values, CompatibleSettings)]
    for kind in (*REGISTRY[:-1], *named, *REGISTRY[-1:]):
        values: Any = settings.get(kind.name)
        reason = _reason_to_disable(kind, kind.settings_type.model_construct() if values is None else values)
        if reason or values is None:
            off.append(reason or DisabledProvider(kind.name, "left out"))
        else:
            on[kind.name] = kind(values, transport)
    return on, off


def _reason_to_disable(kind: type[Provider[Any]] | CompatibleServer, settings: Any) -> DisabledProvider | None:
    """Why a provider is disabled; None where it is enabled."""
    if missing := kind.missing_setting(settings):
        reason = f"{missing}: its other settings are in vain without it" if settings.has_unused_values else missing
        return DisabledProvider(kind.name, reason, settings.has_unused_values)
    invalid = kind.invalid_setting(settings)
    return DisabledProvider(kind.name, invalid, is_misconfigured=True) if invalid else None
