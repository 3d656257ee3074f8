# pyright: basic
"""`python -m conformance.fal_apps`: writes what fal's apps take into providers/fal/apps.json, from fal's own types."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote

SCHEMA = Path("build/conformance/fal.json")
TABLE = Path("providers/fal/apps.json")
IMAGE_INPUTS = {"image_url", "image_urls", "input_image_urls", "reference_image_urls"}
MASK_INPUTS = {"mask_url", "mask_image_url"}
SIZE_INPUTS = {"image_size", "aspect_ratio"}
INPUTS = {
    *("prompt", "negative_prompt", "num_inference_steps", "guidance_scale", "num_images", "seed", "strength"),
    *("enable_safety_checker", "safety_tolerance"),
    *SIZE_INPUTS,
    *IMAGE_INPUTS,
    *MASK_INPUTS,
}
"""The inputs that Easel knows."""
NEEDS = {"prompt", *IMAGE_INPUTS, *MASK_INPUTS}
"""The inputs that every request can have."""
OUTPUTS = {"images", "image"}


def table(schema: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """What each app takes that draws from a prompt and needs no more than an image and a mask."""
    definitions = schema["definitions"]
    apps = definitions["EndpointTypeMap"]["properties"]
    found = {app: _app(types["properties"], definitions) for app, types in sorted(apps.items())}
    return {app: takes for app, takes in found.items() if takes}


def text(apps: Mapping[str, Any]) -> str:
    """The file: an app a line, so that a change of one is a change of one line."""
    return "{\n" + ",\n".join(f"{json.dumps(app)}: {json.dumps(takes)}" for app, takes in apps.items()) + "\n}\n"


def _app(types: Mapping[str, Any], definitions: Mapping[str, Any]) -> dict[str, Any] | None:
    takes, gives = (_resolved(types[each], definitions) for each in ("input", "output"))
    inputs, needs = takes.get("properties", {}), set(takes.get("required", ()))
    if "prompt" not in inputs or not OUTPUTS & gives.get("properties", {}).keys():
        return None
    if not needs <= NEEDS or len(needs & IMAGE_INPUTS) > 1:
        return None
    return {
        "inputs": {name: _choices(inputs[name]) for name in sorted(INPUTS & inputs.keys())},
        "required": sorted(needs),
    }


def _choices(of: Mapping[str, Any]) -> list[str] | None:
    """The values that an input takes; None where it takes others, too."""
    if "anyOf" in of:
        return [each["const"] for each in of["anyOf"]] if all("const" in each for each in of["anyOf"]) else None
    return of.get("enum")


def _resolved(of: Mapping[str, Any], definitions: Mapping[str, Any]) -> Mapping[str, Any]:
    while "$ref" in of:
        of = definitions[unquote(of["$ref"].rpartition("/")[2])]
    return of


if __name__ == "__main__":
    TABLE.write_text(text(table(json.loads(SCHEMA.read_text()))))
