# pyright: basic, reportMissingImports=false
"""The APIs, each as its maker publishes it: by the types of a package where there is one, else by a written schema."""

from collections.abc import Mapping

from conformance.endpoints import Api
from conformance.makers import fal, gemini, huggingface, openai, sdcpp
from conformance.schemas import read_api

WRITTEN = (
    "aihorde",
    "popcord",
    "imagepipeline",
    "nebulablock",
    "appypie",
    "automatic1111",
    "comfyui",
    "pollinations",
    "replicate",
    "bfl",
    "stability",
    "localai",
    "litellm",
)


def apis() -> Mapping[str, Api]:
    """By the provider's name."""
    typed = {
        "openai": openai.api(),
        "gemini": gemini.api(),
        "fal": fal.api(),
        "huggingface": huggingface.api(),
        "sdcpp": sdcpp.api(),
    }
    return typed | {name: read_api(name) for name in WRITTEN}
