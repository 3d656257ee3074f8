# pyright: basic, reportMissingImports=false
"""OpenAI: the parameters of its own Python package."""

import re
from collections.abc import Iterator
from datetime import date
from typing import Any

from openai.types.image_edit_params import ImageEditParamsStreaming
from openai.types.image_generate_params import ImageGenerateParamsStreaming

from conformance.endpoints import Api, Check, Endpoint, by_typed_dict

AUTHORIZED = {"authorization": r"Bearer .+"}


def api() -> Api:
    generate = _sized(by_typed_dict(ImageGenerateParamsStreaming, stream=bool, size=str, model=str))
    edit = _sized(by_typed_dict(ImageEditParamsStreaming, stream=bool, size=str, model=str, **FILES))
    endpoints = [
        Endpoint("GET", "/v1/models", headers=AUTHORIZED),
        Endpoint("POST", "/v1/images/generations", body=generate, headers=AUTHORIZED),
        Endpoint("POST", "/v1/images/edits", body=edit, headers=AUTHORIZED | {"content-type": "multipart/form-data.*"}),
    ]
    return Api(source="openai 3.57.0", seen=date(2026, 12, 1), endpoints=endpoints)


def _sized(check: Check) -> Check:
    """The check, and the rules of sizes in the documentation; the package takes any text."""

    def check_all(body: Any) -> Iterator[str]:
        yield from check(body)
        if not _is_size(body.get("model", ""), body.get("size", "auto")):
            yield f"size: {body['size']} is none of {body['model']}"

    return check_all


def _is_size(model: Any, size: Any) -> bool:
    numbers = re.fullmatch(r"(\d+)x(\d+)", str(size))
    if size in FIXED_SIZES or not FREE_SIZES.match(str(model)) or not numbers:
        return size in FIXED_SIZES
    low, high = sorted(map(int, numbers.groups()))
    return low % 16 == high % 16 == 0 and high <= min(3840, 3 * low) and 655_360 <= low * high <= 8_294_400


FIXED_SIZES = ("auto", "1024x1024", "1536x1024", "1024x1536")
FREE_SIZES = re.compile(r"gpt-image-2(?:\.5)?(?![.\d])")
FILES: dict[str, Any] = {"image": str, "image[]": list[str], "mask": str}
"""A form names a file by its type."""
