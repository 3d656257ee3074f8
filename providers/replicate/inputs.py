"""Reads a Replicate model's options from its OpenAPI schema.

A schema has the form of Cog's (`components.schemas.Input.properties`, choices behind `allOf`). The page of
flux-fill-pro says that a mask's white is repainted. What cannot be read is left out.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, cast

from pydantic import BaseModel, ValidationError

from domain import Capabilities, ImageRequest, Size, SizeRange, Span
from domain.numbers import LARGEST_SEED, whole
from providers.http.api import without_none
from providers.kit import ratios
from providers.kit.base import COMMON_SIZES
from providers.kit.model_lists import MAX_OFFERED, cap_names

IMAGE_INPUTS = ("image", "input_image", "input_images", "image_input", "images")
"""Of these, a list takes several images."""
STEPS_INPUTS = ("num_inference_steps", "steps")
GUIDANCE_INPUTS = ("guidance_scale", "guidance", "cfg", "cfg_scale")
STYLE_INPUTS = ("style", "style_type", "style_preset")
QUALITIES_BY_PRICE = ("low", "standard", "medium", "high", "hd", "xhigh", "max")
MAX_SEED = 2**31 - 1


class Input(BaseModel):
    """One input in a schema."""

    type: str = ""
    enum: tuple[str | int | float, ...] = ()
    minimum: float | None = None
    maximum: float | None = None


class Files(NamedTuple):
    """The images of a request, as links or data URLs."""

    images: Sequence[str] = ()
    mask: str | None = None


class ModelSchema(NamedTuple):
    """A model's inputs and newest version."""

    inputs: Mapping[str, Input]
    required: frozenset[str] = frozenset()
    version: str | None = None


UNKNOWN_SCHEMA = ModelSchema({"prompt": Input(), "seed": Input()})


def read_schema(openapi: Any) -> ModelSchema:
    """The inputs of a schema; what cannot be parsed is skipped."""
    schemas = _dict(_dict(_dict(openapi).get("components")).get("schemas"))
    root = _dict(schemas.get("Input"))
    inputs = {name: _read_input(_dict(value), schemas) for name, value in _dict(root.get("properties")).items()}
    required = cast("list[Any]", root.get("required")) if isinstance(root.get("required"), list) else []
    return ModelSchema(inputs, frozenset(map(str, required))) if "prompt" in inputs else UNKNOWN_SCHEMA


def _read_input(own: dict[str, Any], schemas: dict[str, Any]) -> Input:
    """One input, with choices merged from the schema that `allOf` refers to."""
    of: Any = own.get("allOf")
    for each in cast("list[Any]", of) if isinstance(of, list) else []:
        own = _dict(schemas.get(str(_dict(each).get("$ref")).rpartition("/")[2])) | own
    try:
        return Input.model_validate(without_none({name: own.get(name) for name in Input.model_fields}))
    except ValidationError:
        return Input()


def _dict(value: Any) -> dict[str, Any]:
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def capabilities(schema: ModelSchema) -> Capabilities:
    inputs = schema.inputs
    image = any(name in inputs for name in IMAGE_INPUTS)
    needs_image = bool(schema.required & {*IMAGE_INPUTS, "mask"})
    return Capabilities(
        text_to_image=not needs_image,
        image_to_image=image and not _only_fills(schema),
        inpainting=image and "mask" in inputs,
        sizes=tuple(sizes_by_ratio(schema)) or _sizes_by_sides(inputs),
        size_range=_size_range(inputs),
        per_call=_per_call(inputs),
        negative_prompt="negative_prompt" in inputs,
        seed="seed" in inputs,
        max_seed=whole(inputs.get("seed", Input()).maximum, MAX_SEED, LARGEST_SEED) or MAX_SEED,
        steps=_span(inputs, _first_known(inputs, STEPS_INPUTS), Span(low=1, high=100)),
        guidance_scale=_span(inputs, _first_known(inputs, GUIDANCE_INPUTS), Span(low=0, high=30)),
        strength=_span(inputs, "prompt_strength", Span(low=0, high=1)) if image else None,
        schedulers=_names(inputs, "scheduler"),
        qualities=tuple(sorted(_names(inputs, "quality"), key=_price_rank)),
        styles=_names(inputs, _first_known(inputs, STYLE_INPUTS)),
        transparent="transparent" in _names(inputs, "background"),
    )


def _only_fills(schema: ModelSchema) -> bool:
    """Whether the model repaints a part of an image, and does nothing with one that has no mask."""
    needs_image = bool(schema.required & {*IMAGE_INPUTS})
    is_filling = "mask" in schema.inputs and "prompt_strength" not in schema.inputs
    return "mask" in schema.required or (needs_image and is_filling)


def _names(inputs: Mapping[str, Input], name: str) -> tuple[str, ...]:
    return cap_names(each for each in inputs[name].enum if isinstance(each, str)) if name in inputs else ()


def _price_rank(quality: str) -> int:
    """Rank by price; an unknown quality, such as auto, ranks last."""
    return (
        QUALITIES_BY_PRICE.index(quality.casefold())
        if quality.casefold() in QUALITIES_BY_PRICE
        else len(QUALITIES_BY_PRICE)
    )


def _first_known(inputs: Mapping[str, Input], names: Sequence[str]) -> str:
    """The first of an input's usual names that the model has."""
    return next((name for name in names if name in inputs), names[0])


def sizes_by_ratio(schema: ModelSchema) -> dict[Size, str]:
    """A size of about a megapixel for each ratio that the model offers."""
    offered = schema.inputs["aspect_ratio"].enum if "aspect_ratio" in schema.inputs else ()
    return ratios.sizes_by_ratio(map(str, offered[:MAX_OFFERED]))


def _sizes_by_sides(inputs: Mapping[str, Input]) -> tuple[Size, ...]:
    """Common sizes whose sides the model takes; none where it has an `aspect_ratio`."""
    if "aspect_ratio" in inputs or not {"width", "height"} <= inputs.keys():
        return ()
    return tuple(
        size for size in COMMON_SIZES if _takes(inputs["width"], size.width) and _takes(inputs["height"], size.height)
    )


def _takes(of: Input, side: int) -> bool:
    if of.enum:
        return str(side) in map(str, of.enum)
    return (of.minimum or 0) <= side <= (of.maximum or side)


def _size_range(inputs: Mapping[str, Input]) -> SizeRange | None:
    """The range where both sides are free; many models need multiples of 16."""
    if "aspect_ratio" in inputs or not {"width", "height"} <= inputs.keys():
        return None
    sides = inputs["width"], inputs["height"]
    limits = [(side.minimum, side.maximum) for side in sides if not side.enum]
    if len(limits) < len(sides) or any(not _is_side(limit) for pair in limits for limit in pair):
        return None
    return SizeRange(
        low=max(int(low or 0) for low, _ in limits), high=min(int(high or 0) for _, high in limits), multiple=16
    )


def _is_side(limit: float | None) -> bool:
    return limit is not None and 0 <= limit <= 100_000


def _per_call(inputs: Mapping[str, Input]) -> int:
    limit = inputs["num_outputs"].maximum if "num_outputs" in inputs else 1
    return int(min(max(limit, 1), 4)) if limit and limit == limit else 4


def _span(inputs: Mapping[str, Input], name: str, default: Span) -> Span | None:
    if name not in inputs:
        return None
    of = inputs[name]
    low = default.low if of.minimum is None else of.minimum
    high = default.high if of.maximum is None else of.maximum
    return Span(low=low, high=high) if low <= high else default


def model_inputs(schema: ModelSchema, request: ImageRequest, files: Files) -> dict[str, Any]:
    """The request as the model's inputs; names that it lacks are left out."""
    fields = {
        "prompt": request.prompt,
        "negative_prompt": request.negative_prompt,
        "num_outputs": request.count,
        "seed": _seed(schema, request.seed),
        _first_known(schema.inputs, STEPS_INPUTS): request.steps,
        "prompt_strength": request.strength,
        "scheduler": request.scheduler,
        "quality": request.quality,
        "background": "transparent" if request.transparent else None,
        "mask": files.mask,
        _first_known(schema.inputs, STYLE_INPUTS): request.style,
        **_images(schema, files),
        _first_known(schema.inputs, GUIDANCE_INPUTS): request.guidance_scale,
        **_size(schema, request.size),
    }
    return {name: value for name, value in without_none(fields).items() if name in schema.inputs}


def _images(schema: ModelSchema, files: Files) -> dict[str, Any]:
    """The images in the model's input for them: all in a list, or the only one."""
    name = _first_known(schema.inputs, IMAGE_INPUTS)
    if not files.images:
        return {}
    return {name: list(files.images) if takes_several_images(schema) else files.images[0]}


def takes_several_images(schema: ModelSchema) -> bool:
    return schema.inputs.get(_first_known(schema.inputs, IMAGE_INPUTS), Input()).type == "array"


def _seed(schema: ModelSchema, seed: int | None) -> int | None:
    """Map a seed outside the model's range into it, deterministically."""
    of = schema.inputs.get("seed", Input())
    if seed is None or _takes(of, seed):
        return seed
    low, high = max(of.minimum or 0, 0), min(of.maximum or MAX_SEED, MAX_SEED)
    return int(low) + seed % int(high - low + 1) if low < high else None


def _size(schema: ModelSchema, size: Size | None) -> dict[str, Any]:
    if size is None:
        return {}
    if offered := sizes_by_ratio(schema):
        return {"aspect_ratio": offered[min(offered, key=size.distance)]}
    return {} if "aspect_ratio" in schema.inputs else {"width": size.width, "height": size.height}
