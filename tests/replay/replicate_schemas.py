# pyright: basic
"""The schemas of models in the form in which Replicate publishes them: choices behind `allOf`, inputs numbered.

The official models' are facts of their pages; those of `somebody` are ours.
"""

from typing import Any

SCHNELL, DEV, PRO = "black-forest-labs/flux-schnell", "black-forest-labs/flux-dev", "black-forest-labs/flux-1.1-pro"
KONTEXT, FILL = "black-forest-labs/flux-kontext-pro", "black-forest-labs/flux-fill-pro"
SD_35, SDXL = "stability-ai/stable-diffusion-3.5-large", "stability-ai/sdxl"
COMMUNITY, ODD, STYLED, SEVERAL = (f"somebody/{name}-model" for name in ("own", "odd", "styled", "several"))

IMAGE_INPUTS = ("image", "input_image", "image_input")
RATIOS = ("1:1", "16:9", "21:9", "3:2", "2:3", "4:5", "5:4", "3:4", "4:3", "9:16", "9:21")
PRO_RATIOS = ("custom", "1:1", "16:9", "3:2", "2:3", "4:5", "5:4", "9:16", "3:4", "4:3")
KONTEXT_RATIOS = (
    *("match_input_image", "1:1", "16:9", "9:16", "4:3", "3:4", "3:2", "2:3", "4:5", "5:4", "21:9", "9:21", "2:1"),
    "1:2",
)
TEXT: dict[str, Any] = {"type": "string"}
FILE: dict[str, Any] = {"type": "string", "format": "uri"}
FILES: dict[str, Any] = {"type": "array", "items": FILE, "default": []}
SEED: dict[str, Any] = {"type": "integer"}
FLAG: dict[str, Any] = {"type": "boolean", "default": False}


def _whole(low: int, high: int, default: int | None = None) -> dict[str, Any]:
    limits = {"type": "integer", "minimum": low, "maximum": high}
    return limits if default is None else {**limits, "default": default}


def _number(low: float, high: float) -> dict[str, Any]:
    return {"type": "number", "minimum": low, "maximum": high}


QUALITY = _whole(0, 100, 80)
TOLERANCE = _whole(1, 6, 2)
FLUX: dict[str, Any] = {
    "output_format": ("webp", "jpg", "png"),
    "output_quality": QUALITY,
    "disable_safety_checker": FLAG,
    "go_fast": FLAG,
    "megapixels": ("1", "0.25"),
}
INPUTS: dict[str, dict[str, Any]] = {
    SCHNELL: {
        "prompt": TEXT,
        "aspect_ratio": RATIOS,
        "num_outputs": _whole(1, 4, 1),
        "num_inference_steps": _whole(1, 4, 4),
        "seed": SEED,
        **FLUX,
    },
    DEV: {
        "prompt": TEXT,
        "aspect_ratio": RATIOS,
        "image": FILE,
        "prompt_strength": _number(0, 1),
        "num_outputs": _whole(1, 4, 1),
        "num_inference_steps": _whole(1, 50, 28),
        "guidance": _number(0, 10),
        "seed": SEED,
        **FLUX,
    },
    PRO: {
        "prompt": TEXT,
        "image_prompt": FILE,
        "aspect_ratio": PRO_RATIOS,
        "width": _whole(256, 1440),
        "height": _whole(256, 1440),
        "safety_tolerance": TOLERANCE,
        "seed": SEED,
        "prompt_upsampling": FLAG,
        "output_format": ("webp", "jpg", "png"),
        "output_quality": QUALITY,
    },
    KONTEXT: {
        "prompt": TEXT,
        "input_image": FILE,
        "aspect_ratio": KONTEXT_RATIOS,
        "seed": SEED,
        "output_format": ("jpg", "png"),
        "safety_tolerance": _whole(0, 6, 2),
        "prompt_upsampling": FLAG,
    },
    FILL: {
        "prompt": TEXT,
        "image": FILE,
        "mask": FILE,
        "outpaint": TEXT,
        "seed": SEED,
        "steps": _whole(1, 50, 50),
        "prompt_upsampling": FLAG,
        "guidance": _number(2, 5),
        "safety_tolerance": TOLERANCE,
        "output_format": ("jpg", "png"),
    },
    SD_35: {
        "prompt": TEXT,
        "aspect_ratio": RATIOS,
        "cfg": _number(0, 20),
        "image": FILE,
        "prompt_strength": _number(0, 1),
        "steps": _whole(1, 50, 35),
        "seed": SEED,
        "output_format": ("webp", "jpg", "png"),
        "output_quality": QUALITY,
    },
    SDXL: {
        "prompt": TEXT,
        "negative_prompt": TEXT,
        "image": FILE,
        "mask": FILE,
        "width": _whole(256, 1440, 1024),
        "height": _whole(256, 1440, 1024),
        "num_outputs": _whole(1, 2, 1),
        "scheduler": ("DDIM", "K_EULER"),
        "num_inference_steps": _whole(1, 50, 28),
        "guidance_scale": _number(1, 50),
        "prompt_strength": _number(0, 1),
        "seed": SEED,
    },
    STYLED: {
        "prompt": TEXT,
        "input_image": FILE,
        "aspect_ratio": RATIOS,
        "seed": SEED,
        "quality": {"enum": ["auto", "high", "low"], "type": "string"},
        "style_type": ("Auto", "Realistic"),
        "background": {"enum": ["auto", "transparent", "opaque"], "type": "string"},
    },
    SEVERAL: {"prompt": TEXT, "image_input": FILES, "aspect_ratio": RATIOS},
    COMMUNITY: {"prompt": TEXT, "width": {"enum": [512, 768]}, "height": {"enum": [512, 768]}},
    ODD: {"prompt": None, "seed": "yes", "num_outputs": {"maximum": "many"}, "aspect_ratio": {"enum": "16:9"}},
}
REQUIRED: dict[str, Any] = {FILL: ["prompt", "image"], ODD: "prompt"}


def schema(name: str) -> dict[str, Any]:
    """A model's OpenAPI document, as far as it concerns its inputs."""
    inputs = INPUTS[name]
    root = {"type": "object", "title": "Input", "required": REQUIRED.get(name, ["prompt"]), "properties": {}}
    root["properties"] = {each: _property(each, of, order) for order, (each, of) in enumerate(inputs.items())}
    choices = {each: _choices(each, of) for each, of in inputs.items() if isinstance(of, tuple)}
    output = {"type": "array", "items": FILE, "title": "Output"}
    return {"openapi": "3.0.2", "components": {"schemas": {"Input": root, "Output": output, **choices}}}


def _property(name: str, of: Any, order: int) -> Any:
    if isinstance(of, tuple):
        reference = {"$ref": f"#/components/schemas/{name}"}
        return {"allOf": [reference], "default": of[0], "description": "", "x-order": order}
    return {"title": _title(name), **of, "description": "", "x-order": order} if isinstance(of, dict) else of


def _choices(name: str, of: tuple[str, ...]) -> dict[str, Any]:
    return {"type": "string", "title": name, "enum": list(of), "description": "An enumeration."}


def _title(name: str) -> str:
    return name.replace("_", " ").title()


def faults(name: str, wanted: dict[str, Any]) -> list[tuple[str, str]]:
    """The inputs that the model does not take, and what is wrong with each."""
    known = {each: of for each, of in INPUTS[name].items() if isinstance(of, (dict, tuple))} | {"prompt": TEXT}
    strange = [(each, "is not known") for each in wanted if each not in known]
    missing = [(each, "is required") for each in REQUIRED.get(name, ()) if name != ODD and each not in wanted]
    wrong = [(each, f"does not take {value!r:.40}") for each, value in wanted.items() if not _takes(known, each, value)]
    return strange + missing + wrong


def _takes(known: dict[str, Any], name: str, value: Any) -> bool:
    of = known.get(name, {})
    if isinstance(of, tuple) or "enum" in of:
        return value in (of if isinstance(of, tuple) else of["enum"])
    if of.get("type") == "array":
        return isinstance(value, list)
    if of.get("type") in ("integer", "number"):
        return of.get("minimum", value) <= value <= of.get("maximum", value)
    return not isinstance(value, list)
