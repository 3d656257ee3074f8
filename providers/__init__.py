"""The image APIs that Easel speaks to."""

from collections.abc import Mapping
from typing import NamedTuple

from domain import Access
from providers.appypie import AppyPie
from providers.base import Provider
from providers.imagepipeline import ImagePipeline
from providers.nebulablock import NebulaBlock
from providers.popcord import PopCord
from providers.sketch import Sketch
from providers.transport import Transport

REGISTRY: tuple[type[Provider], ...] = (PopCord, ImagePipeline, NebulaBlock, AppyPie, Sketch)


class Off(NamedTuple):
    """A provider that is not configured, and what the host would have to set."""

    name: str
    title: str
    missing: str


def build(access: Mapping[str, Access], transport: Transport) -> tuple[dict[str, Provider], list[Off]]:
    """The providers that are on, by name and in the registry's order, and those that are off."""
    on: dict[str, Provider] = {}
    off: list[Off] = []
    for kind in REGISTRY:
        own = access.get(kind.name, Access())
        missing = kind.missing(own)
        if missing is None:
            on[kind.name] = kind(own, transport)
        else:
            off.append(Off(kind.name, kind.title, missing))
    return on, off
