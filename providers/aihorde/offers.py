"""AI Horde's models and their capabilities."""

import re
from collections.abc import Sequence

from pydantic import RootModel

from domain import BadResponse, Capabilities, Model, Size, SizeRange, Span
from domain.numbers import Seconds
from providers.aihorde.wire import DEFAULT_SIZE
from providers.http.answers import one_line
from providers.http.parsing import Reply
from providers.kit.model_lists import MAX_NAME_LENGTH, BoundedList

MODELS_PATH = "status/models?type=image&model_state=known"
FALLBACK = ("stable_diffusion", "Deliberate", "AlbedoBase XL (SDXL)")
MAX_LISTED_MODELS = 50
"""Models that are offered; the others have almost no workers."""
MIN_SHOWN_WAIT_SECONDS = 60
LARGE_SIZE = Size(1024, 1024)
DRAWS_LARGE = re.compile(r"xl|flux|qwen|z.?image", re.IGNORECASE)
"""Names of models that draw 1024x1024, which costs no kudos with them."""
SIZES = tuple(map(Size.parse, ("768x768", "768x512", "512x768", "1024x576", "576x1024", "1216x832", "832x1216")))
SAMPLERS = (
    *("k_euler_a", "k_euler", "k_dpmpp_2m", "k_dpmpp_2s_a", "k_dpmpp_sde", "k_lms", "k_heun", "k_dpm_2", "k_dpm_2_a"),
    *("k_dpm_fast", "k_dpm_adaptive", "dpmsolver", "DDIM", "lcm"),
)


class Listed(Reply):
    name: str
    count: int = 0
    """Workers."""
    eta: Seconds = None


class ModelList(RootModel[BoundedList[Listed]]):
    pass


def served_models(listed: Sequence[Listed], *, own_key: bool) -> tuple[Model, ...]:
    """Models with workers, most workers first; raises BadResponse where there is none."""
    usable = (each for each in listed if 0 < len(each.name) <= MAX_NAME_LENGTH)
    served = sorted((each for each in usable if each.count > 0), key=lambda each: -each.count)
    if not served:
        raise BadResponse("no model has a worker")
    return tuple(make_model(each.name, own_key, each.eta) for each in served[:MAX_LISTED_MODELS])


def make_model(name: str, own_key: bool, eta: float | None = None) -> Model:
    """The model, with its wait from `MIN_SHOWN_WAIT_SECONDS` on."""
    wait = eta if eta and eta >= MIN_SHOWN_WAIT_SECONDS else None
    return Model(id=name, title=one_line(name)[:60], wait=wait, capabilities=_capabilities(name, own_key))


def _capabilities(name: str, own_key: bool) -> Capabilities:
    """What a model takes; without an own key only options that cost few kudos or none."""
    first = (LARGE_SIZE, DEFAULT_SIZE) if DRAWS_LARGE.search(name) else (DEFAULT_SIZE, LARGE_SIZE)
    return Capabilities(
        image_to_image=True,
        inpainting=True,
        sizes=(*first, *SIZES),
        size_range=SizeRange(low=64, high=3072 if own_key else LARGE_SIZE.width, multiple=64),
        per_call=4,
        negative_prompt=True,
        seed=True,
        max_seed=2**32 - 1,
        steps=Span(low=1, high=500 if own_key else 40),
        guidance_scale=Span(low=0, high=100),
        strength=Span(low=0.01, high=1),
        schedulers=SAMPLERS,
        safety_checker=True,
    )
