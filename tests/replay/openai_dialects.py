"""What each dialect of OpenAI may be sent."""

from typing import Literal

from pydantic import Field

from tests.replay.server import Body

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
