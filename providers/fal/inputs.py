"""A request in the inputs of one of fal's apps, and what can be asked of the app."""

from collections.abc import Mapping
from typing import Any

from domain import Capabilities, ImageRequest, Size, SizeRange, Sources, Span
from providers.fal.apps import App
from providers.http.api import without_none
from providers.http.encoding import data_url
from providers.kit.base import COMMON_SIZES
from providers.kit.ratios import sizes_by_ratio

# No limits are published; these are wide, and the API validates them.
SIZE_RANGE = SizeRange(low=256, high=2048, multiple=16)
STEPS, GUIDANCE, STRENGTH = Span(low=1, high=50), Span(low=1, high=20), Span(low=0, high=1)
NAMED_SIZES = {
    "square_hd": Size(1024, 1024),
    "square": Size(512, 512),
    "portrait_4_3": Size(768, 1024),
    "portrait_16_9": Size(576, 1024),
    "landscape_4_3": Size(1024, 768),
    "landscape_16_9": Size(1024, 576),
}
PER_CALL = 4


def capabilities(app: App) -> Capabilities:
    inputs = app.inputs
    from_words = not app.required & {app.image, app.mask}
    free = from_words and _takes_any_size(app)
    return Capabilities(
        text_to_image=from_words,
        image_to_image=bool(app.image) and app.mask not in app.required,
        inpainting=bool(app.image and app.mask),
        sizes=(COMMON_SIZES if free else tuple(_sizes(app))) if from_words else (),
        size_range=SIZE_RANGE if free else None,
        per_call=PER_CALL if "num_images" in inputs else 1,
        negative_prompt="negative_prompt" in inputs,
        seed="seed" in inputs,
        steps=STEPS if "num_inference_steps" in inputs else None,
        guidance_scale=GUIDANCE if "guidance_scale" in inputs else None,
        strength=STRENGTH if app.image and "strength" in inputs else None,
        safety_checker=bool(inputs.keys() & {"enable_safety_checker", "safety_tolerance"}),
    )


def body(app: App, request: ImageRequest, sources: Sources) -> dict[str, Any]:
    """The request in the app's inputs; what it does not take is left out."""
    fields = {
        "prompt": request.prompt,
        "negative_prompt": request.negative_prompt,
        "num_inference_steps": request.steps,
        "guidance_scale": request.guidance_scale,
        "num_images": request.count,
        "seed": request.seed,
        "strength": request.strength,
        "enable_safety_checker": request.safety_checker,
        "safety_tolerance": _most_tolerant(app) if request.safety_checker is False else None,
        **_size(app, request.size),
        **_images(app, sources),
    }
    return {name: value for name, value in without_none(fields).items() if name in app.inputs}


def _images(app: App, sources: Sources) -> dict[str, Any]:
    urls = [data_url(each.data) for each in sources.images] or None
    fields: dict[str, Any] = {}
    if app.image:
        fields[app.image] = urls if app.image.endswith("s") else data_url(sources.only_image())
    if app.mask:
        fields[app.mask] = data_url(sources.mask)
    return fields


def _size(app: App, size: Size | None) -> dict[str, Any]:
    if size is None:
        return {}
    if _takes_any_size(app):
        return {"image_size": {"width": size.width, "height": size.height}}
    named = _sizes(app)
    name = named[min(named, key=size.distance)] if named else None
    return {"image_size" if "image_size" in app.inputs else "aspect_ratio": name}


def _takes_any_size(app: App) -> bool:
    return "image_size" in app.inputs and app.inputs["image_size"] is None


def _sizes(app: App) -> Mapping[Size, str]:
    """The name of each size that the app takes by name."""
    if "image_size" not in app.inputs:
        return sizes_by_ratio(app.inputs.get("aspect_ratio") or ())
    found = {name: NAMED_SIZES.get(name) or _parsed(name) for name in app.inputs["image_size"] or ()}
    return {size: name for name, size in found.items() if size}


def _parsed(text: str) -> Size | None:
    try:
        return Size.parse(text)
    except ValueError:
        return None


def _most_tolerant(app: App) -> str | None:
    return max(app.inputs.get("safety_tolerance") or (), default=None)
