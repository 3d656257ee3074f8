"""The documented request bodies of each dialect of OpenAI's API."""

import re
from typing import Any, Literal

from pydantic import Field, ValidationError

from tests.replay.server import Body, Unexpected, expect

Size = Field("1024x1024", pattern=r"^(auto|[0-9]+x[0-9]+)$")
ASPECTS = "1:1 3:4 4:3 9:16 16:9 2:3 3:2 9:19.5 19.5:9 9:20 20:9 1:2 2:1".replace(".", r"\.").split()


class Minimal(Body):
    prompt: str = Field(max_length=32_000)
    model: str = ""
    n: int = Field(1, ge=1, le=10)
    size: str = Size


class Gpt(Minimal):
    model: str = Field(min_length=1)
    quality: Literal["auto", "low", "medium", "high", "xhigh", "max"] = "auto"
    background: Literal["auto", "opaque", "transparent"] = "auto"
    output_format: Literal["png", "jpeg", "webp"] = "png"


class OpenAIBody(Gpt):
    moderation: Literal["auto", "low"] = "auto"
    stream: bool = False
    partial_images: int = Field(0, ge=0, le=3)


class SdCpp(Body):
    prompt: str
    n: int = Field(1, ge=1)
    size: str = Size
    output_format: Literal["png", "jpeg"] = "png"
    output_compression: int = 100


class Guidance(Body):
    txt_cfg: float


class SampleParams(Body):
    sample_steps: int = Field(20, ge=1, le=100)
    guidance: Guidance | None = None


class ExtraArgs(Body):
    """Options in stable-diffusion.cpp's tag within the prompt: those without a field."""

    seed: int = 42
    negative_prompt: str = ""
    sample_params: SampleParams | None = None


EXTRA_ARGS = re.compile("<sd_cpp_extra_args>(.*?)</sd_cpp_extra_args>")


def as_sd_cpp(wanted: dict[str, Any]) -> dict[str, Any]:
    """A request as the server draws it: the first tag's arguments, no tag left, and sides in steps of 64."""
    told = EXTRA_ARGS.findall(wanted["prompt"])
    expect(len(told) <= 1, "a member's orders to the server")
    try:
        args = ExtraArgs.model_validate_json(told[0]) if told else ExtraArgs()
    except ValidationError as error:
        raise Unexpected(f"extra arguments that are not documented: {error}") from None
    width, height = (-(-int(side) // 64) * 64 for side in wanted["size"].split("x"))
    return {
        **wanted,
        "prompt": EXTRA_ARGS.sub("", wanted["prompt"]),
        "size": f"{width}x{height}",
        "drawn_seed": 4000 if args.seed < 0 else args.seed,
    }


class LocalAI(Minimal):
    step: int = Field(25, ge=1)
    file: str = ""
    response_format: Literal["b64_json", "url"] = "url"


class Together(Body):
    prompt: str
    model: str = ""
    n: int = 1
    width: int = 1024
    height: int = 1024
    steps: int = 20
    seed: int = 0
    negative_prompt: str = ""
    guidance_scale: float = 3.5
    response_format: Literal["base64", "url"] = "url"
    image_url: str = ""
    disable_safety_checker: bool = False


class XAI(Body):
    prompt: str
    model: str
    n: int = Field(1, ge=1, le=10)
    aspect_ratio: str = Field("1:1", pattern=rf"^({'|'.join(ASPECTS)})$")
    resolution: Literal["1k", "2k"] = "1k"
    response_format: Literal["url", "b64_json"] = "url"


class Nscale(Minimal):
    response_format: Literal["b64_json"]


BODIES: dict[str, type[Body]] = {
    "openai": OpenAIBody,
    "minimal": Minimal,
    "litellm": Gpt,
    "sdcpp": SdCpp,
    "localai": LocalAI,
    "together": Together,
    "xai": XAI,
    "nscale": Nscale,
}
KEYLESS = ("sdcpp", "localai")
