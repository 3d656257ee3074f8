"""`python -m tools.features`: what each provider can do, told by the code itself, for docs/providers.md."""

import asyncio
import logging
import sys
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any, cast

from pydantic import SecretStr

from domain import Capabilities, Unavailable
from domain.requests import OPTIONS, NumberOption, Option
from providers import REGISTRY
from providers.http.transport import Transport
from providers.kit.base import Provider
from providers.kit.settings import ProviderSettings
from providers.openai import OpenAICompatible
from tools.pages import written

PAGE = Path(__file__).parent.parent / "docs" / "providers.md"
NAMED = "minimal"
ANYWHERE: Mapping[str, Any] = {"api_key": SecretStr("none"), "base_url": "http://offline.invalid"}


class Offline:
    """In the transport's place: nobody answers, so that what is told is what the code knows by itself."""

    async def call(self, *_: Any, **__: Any) -> None:
        raise Unavailable("offline")

    @asynccontextmanager
    async def socket(self, *_: Any, **__: Any) -> AsyncGenerator[None]:
        raise Unavailable("offline")
        yield


SHORT = {"negative_prompt": "negative", "guidance_scale": "guidance"}


def _option(option: Option, _: Provider, takes: Sequence[Capabilities]) -> str:
    if isinstance(option, NumberOption) and option.name != "strength":  # of which all take 0 to 1
        return _spans(option.span(each) for each in takes)
    return _yes(option.is_taken(each) for each in takes)


COLUMNS: tuple[tuple[str, Callable[[Provider, Sequence[Capabilities]], str]], ...] = (
    ("words", lambda _, takes: _yes(each.text_to_image for each in takes)),
    ("image", lambda _, takes: _yes(each.image_to_image for each in takes)),
    ("mask", lambda _, takes: _yes(each.inpainting for each in takes)),
    ("upscale", lambda _, takes: _yes(each.upscale for each in takes)),
    ("a call", lambda _, takes: str(max(each.per_call for each in takes))),
    *((SHORT.get(option.name, option.name), partial(_option, option)) for option in OPTIONS),
    ("safety", lambda _, takes: _yes(each.safety_checker for each in takes)),
    ("sizes", lambda _, takes: _sizes(takes)),
    ("progress", lambda provider, _: ", ".join(sorted(provider.reports))),
    ("cancel", lambda provider, _: _yes([type(provider).cancel is not Provider.cancel])),
    ("paid", lambda provider, _: "yes" if provider.paid else "no"),
)


async def table() -> str:
    """In Markdown, a line for each provider."""
    head = f"| | {' | '.join(name for name, _ in COLUMNS)} |\n|{' --- |' * (len(COLUMNS) + 1)}"
    return "\n".join([head, *[await _line(provider) for provider in _providers()]])


def _providers() -> list[Provider]:
    offline = cast("Transport", Offline())
    *others, sketch = [kind(kind.settings_type(**ANYWHERE), offline) for kind in REGISTRY]
    return [*others, OpenAICompatible(ProviderSettings(**ANYWHERE), offline, NAMED), sketch]


async def _line(provider: Provider) -> str:
    takes = [model.capabilities for model in await provider.models()]
    await provider.close()
    name = "speaks like OpenAI, `minimal`" if provider.name == NAMED else f"`{provider.name}`"
    return f"| {name} | {' | '.join(tell(provider, takes) for _, tell in COLUMNS)} |"


def _yes(each: Any) -> str:
    """All of its models, some of them, or none."""
    told = list(each)
    return "yes" if all(told) else "some" if any(told) else ""


def _spans(spans: Any) -> str:
    known = [span for span in spans if span is not None]
    return f"{min(s.low for s in known):g} to {max(s.high for s in known):g}" if known else ""


def _sizes(takes: Sequence[Capabilities]) -> str:
    ranges = [each.size_range for each in takes if each.size_range]
    if ranges:
        most = max(each.most_pixels or 0 for each in ranges)
        limit = f", {most / 1e6:g} MP" if most else ""
        return f"{min(each.low for each in ranges)} to {max(each.high for each in ranges)}{limit}"
    listed = {size for each in takes for size in each.sizes}
    return f"{len(listed)} to choose from" if listed else ""


if __name__ == "__main__":
    logging.disable()  # that nobody answers is no news here
    features = asyncio.run(table())
    sys.stdout.write(features + "\n")
    if "--write" in sys.argv:
        PAGE.write_text(written(PAGE.read_text(encoding="utf-8"), "features", features), encoding="utf-8")
