"""Retirement dates of models, as announced: from that day on they are not offered.

Facts: OpenAI's and Google's pages of deprecations, xAI's migration guides. Whether `gemini-2.5-flash-image` (announced
for October 2026, and moved before) is still served follows from Google's list alone.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime

from domain import Model
from providers.kit.list_limits import warn_once

RETIREMENT_DATES: Mapping[str, date] = {
    "dall-e-2": date(2026, 5, 12),
    "dall-e-3": date(2026, 5, 12),
    "gpt-image-1": date(2026, 10, 23),
    "gpt-image-1-mini": date(2026, 12, 1),
    "gpt-image-1.5": date(2026, 12, 1),
    "chatgpt-image-latest": date(2026, 12, 1),
    "gemini-2.5-flash-image-preview": date(2026, 1, 15),
    "gemini-3-pro-image-preview": date(2026, 6, 25),
    "gemini-3.1-flash-image-preview": date(2026, 6, 25),
    "gemini-3.1-flash-image": date(2026, 10, 29),
    "grok-imagine-image-pro": date(2026, 5, 15),
    "grok-imagine-image-quality": date(2026, 11, 2),
}
"""By model name; the first day on which it is not offered."""
SNAPSHOT = re.compile(r"-\d{4}-\d{2}-\d{2}$")


def today() -> date:
    return datetime.now(UTC).date()


def is_retired(model_id: str) -> bool:
    """Whether a model is retired; dated snapshots and ids with an `owner/` prefix count as the model."""
    name = SNAPSHOT.sub("", model_id.rpartition("/")[2].lower())
    return name in RETIREMENT_DATES and RETIREMENT_DATES[name] <= today()


def without_retired(models: Sequence[Model]) -> Sequence[Model]:
    """The models that are not retired; the others are logged once."""
    ended = [model.id for model in models if is_retired(model.id)]
    for id in ended:
        warn_once(f"{id} has ended and is not offered any more; <NAME>_MODELS and servers' settings may name others")
    return [model for model in models if model.id not in ended] if ended else models
