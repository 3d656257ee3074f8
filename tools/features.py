"""`python -m tools.features`: writes the table of the providers' features in docs/providers.md."""

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
from domain.requests import COMMAND_NAMES, OPTIONS, NumberOption, Option
from providers import REGISTRY
from providers.http.transport import Transport
from providers.kit.base import Provider
from providers.kit.settings import ProviderSettings
from providers.openai import OpenAICompatible
from tools.pages import replace_part

FEATURES_PAGE = Path(__file__).parent.parent / "docs" / "providers.md"
COMPATIBLE_NAME = "minimal"
OFFLINE_SETTINGS: Mapping[str, Any] = {"api_key": SecretStr("none"), "base_url": "http://offline.invalid"}


class OfflineTransport:
    """A transport whose calls all fail, so that providers fall back to their built-in models."""

    async def call(self, *_: Any, **__: Any) -> None:
        raise Unavailable("offline")

    @asynccontextmanager
    async def socket(self, *_: Any, **__: Any) -> AsyncGenerator[None]:
        raise Unavailable("offline")
        yield


COLUMN_NAMES = {"negative_prompt": "negative", **COMMAND_NAMES}


def _option_cell(option: Option, _: Provider, takes: Sequence[Capabilities]) -> str:
    # The range of a strength is 0 to 1 for every model.
    if isinstance(option, NumberOption) and option.is_range_listed and option.name != "strength":
        return _spans(option.span(each) for each in takes)
    return _all_or_some(option.is_taken(each) for each in takes)


FEATURE_COLUMNS: tuple[tuple[str, Callable[[Provider, Sequence[Capabilities]], str]], ...] = (
    ("words", lambda _, takes: _all_or_some(each.text_to_image for each in takes)),
    ("image", lambda _, takes: _all_or_some(each.image_to_image for each in takes)),
    ("mask", lambda _, takes: _all_or_some(each.inpainting for each in takes)),
    ("upscale", lambda _, takes: _all_or_some(each.upscale for each in takes)),
    ("a call", lambda _, takes: str(max(each.per_call for each in takes))),
    *((COLUMN_NAMES.get(option.name, option.name), partial(_option_cell, option)) for option in OPTIONS),
    ("safety", lambda _, takes: _all_or_some(each.safety_checker for each in takes)),
    ("sizes", lambda _, takes: _sizes(takes)),
    ("progress", lambda provider, _: ", ".join(sorted(provider.reports))),
    ("cancel", lambda provider, _: _all_or_some([type(provider).cancel is not Provider.cancel])),
    ("paid", lambda provider, _: "yes" if provider.is_paid else "no"),
)


async def table() -> str:
    """A Markdown table with a row for each provider."""
    head = f"| | {' | '.join(name for name, _ in FEATURE_COLUMNS)} |\n|{' --- |' * (len(FEATURE_COLUMNS) + 1)}"
    return "\n".join([head, *[await _line(provider) for provider in _providers()]])


def _providers() -> list[Provider]:
    offline = cast("Transport", OfflineTransport())
    *others, sketch = [kind(kind.settings_type(**OFFLINE_SETTINGS), offline) for kind in REGISTRY]
    return [*others, OpenAICompatible(ProviderSettings(**OFFLINE_SETTINGS), offline, COMPATIBLE_NAME), sketch]


async def _line(provider: Provider) -> str:
    takes = [model.capabilities for model in await provider.models()]
    await provider.close()
    name = "speaks like OpenAI, `minimal`" if provider.name == COMPATIBLE_NAME else f"`{provider.name}`"
    return f"| {name} | {' | '.join(cell(provider, takes) for _, cell in FEATURE_COLUMNS)} |"


def _all_or_some(flags: Any) -> str:
    """yes, some or nothing, for what all, some or none of the models have."""
    known = list(flags)
    return "yes" if all(known) else "some" if any(known) else ""


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
    logging.disable()  # every call fails, as intended
    features = asyncio.run(table())
    sys.stdout.write(features + "\n")
    if "--write" in sys.argv:
        FEATURES_PAGE.write_text(
            replace_part(FEATURES_PAGE.read_text(encoding="utf-8"), "features", features), encoding="utf-8"
        )
