# pyright: basic, reportMissingImports=false
"""Hugging Face: the inputs of text-to-image and image-to-image of its own Python package."""

import dataclasses
from datetime import date
from typing import Any, get_type_hints

from huggingface_hub.inference._generated.types import ImageToImageParameters, TextToImageParameters
from pydantic import ConfigDict, create_model

from conformance.endpoints import Api, Check, Endpoint, by_model

FORBID = ConfigDict(extra="forbid", strict=True)


def api() -> Api:
    authorized = {"authorization": r"Bearer .+"}
    endpoints = [
        Endpoint("POST", f"/hf-inference/models/{model}", body=_input(kind), headers=authorized)
        for model, kind in ((r".+Kontext.+", ImageToImageParameters), (r".+", TextToImageParameters))
    ]
    return Api(source="huggingface_hub 2.4.0", seen=date(2026, 12, 1), endpoints=endpoints)


def _input(parameters: Any) -> Check:
    hints = get_type_hints(parameters)
    taken: dict[str, Any] = {each.name: (hints[each.name] | None, None) for each in dataclasses.fields(parameters)}
    inner: Any = create_model(parameters.__name__, __config__=FORBID, **taken)
    fields: dict[str, Any] = {"inputs": (str, ...), "parameters": (inner, None)}
    return by_model(create_model("Input", __config__=FORBID, **fields))
