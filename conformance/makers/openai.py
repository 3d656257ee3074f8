# pyright: basic, reportMissingImports=false
"""OpenAI: the parameters of its own Python package."""

from datetime import date
from typing import Any

from openai.types.image_edit_params import ImageEditParamsStreaming
from openai.types.image_generate_params import ImageGenerateParamsStreaming

from conformance.endpoints import Api, Endpoint, by_typed_dict

AUTHORIZED = {"authorization": r"Bearer .+"}


def api() -> Api:
    generate = by_typed_dict(ImageGenerateParamsStreaming, stream=bool, size=str, model=str)
    edit = by_typed_dict(ImageEditParamsStreaming, stream=bool, size=str, model=str, **FILES)
    endpoints = [
        Endpoint("GET", "/v1/models", headers=AUTHORIZED),
        Endpoint("POST", "/v1/images/generations", body=generate, headers=AUTHORIZED),
        Endpoint("POST", "/v1/images/edits", body=edit, headers=AUTHORIZED | {"content-type": "multipart/form-data.*"}),
    ]
    return Api(source="openai 3.57.0", seen=date(2026, 12, 1), endpoints=endpoints)


FILES: dict[str, Any] = {"image": str, "image[]": list[str], "mask": str}
"""A form names a file by its type."""
