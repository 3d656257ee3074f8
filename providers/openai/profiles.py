"""Dialects of OpenAI-compatible servers, as data: request fields and capabilities.

Facts: OpenAI's own OpenAPI file and Python SDK; the sources of stable-diffusion.cpp and LocalAI; the Python clients of
Together and xAI. Where no limits are documented the ranges are wide, and the API validates them.
"""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Literal, NamedTuple, Self

from yarl import URL

from domain import Capabilities, Size, SizeRange, Span

SERVER_DEFAULT = ("server-default", "The server's default")
"""Id and title of the only model of a server without a list; the id is never sent."""
OptionFields = Mapping[str, str]
Family = tuple[re.Pattern[str], Capabilities]


class Profile(NamedTuple):
    """One dialect; the defaults are those of the profile `minimal`."""

    title: str = ""
    """Title of a server that is named like its profile."""
    base_url: str = ""
    is_self_hosted: bool = False
    is_proxy: bool = False
    """Its models may be served by other providers, with keys and accounts of their own."""
    describes_models: bool = False
    """Has /model/info, which says which of its models draw."""
    fields_by_option: OptionFields = MappingProxyType({"model": "model", "count": "n"})
    """Request fields by option of `ImageRequest`; other options are not sent."""
    size_style: Literal["size", "wh", "aspect"] = "size"
    response_format: str | None = None
    unsafe_fields: Mapping[str, Any] = MappingProxyType({})
    """Fields that switch the safety checker off."""
    negative_after_bar: bool = False
    """The negative prompt is appended to the prompt after `|`."""
    extra_args: bool = False
    """Options are sent in stable-diffusion.cpp's tag after the prompt; each picture's seed is one more than before."""
    image: Literal["", "form", "file", "link"] = ""
    """How an image is sent: with the call for edits, in base64 or as a link."""
    image_part: str = "image"
    edits_without: frozenset[str] = frozenset()
    """Request fields that its call for edits does not take."""
    has_inpainting_call: bool = False
    """Has an endpoint for inpainting, whose mask repaints white."""
    can_stream: bool = False
    empty_is_refusal: bool = False
    """A filtered picture is left out of a response with status 200."""
    default_capabilities: Capabilities = Capabilities()
    families: tuple[Family, ...] = ()
    """Capabilities by pattern of a model's id, without `owner/`; the first match counts."""
    id_prefixes: tuple[str, ...] = ()
    """Prefixes of ids of image models; empty: all ids."""
    facts: str = ""
    """Name of the file about its models in `providers/facts`; empty: nothing is known of them."""
    models: tuple[tuple[str, str], ...] = (SERVER_DEFAULT,)
    """Fallback where the list cannot be read; also the order of listed models."""

    def capabilities(self, model_id: str) -> Capabilities:
        name = _own_name(model_id)
        return next(
            (capabilities for pattern, capabilities in self.families if pattern.search(name)), self.default_capabilities
        )

    def at_url(self, base_url: str | None) -> Self:
        """The profile for another base URL, which is then assumed to be a proxy."""
        elsewhere = base_url and self.base_url and URL(base_url).host != URL(self.base_url).host
        return self._replace(base_url="", is_proxy=True) if elsewhere else self


def _own_name(model_id: str) -> str:
    """The id without `owner/` prefixes."""
    return model_id.rpartition("/")[2].lower()


def _sizes(text: str) -> tuple[Size, ...]:
    return tuple(map(Size.parse, text.split()))


STEPS, GUIDANCE = Span(low=1, high=100), Span(low=0, high=30)
WIDE = Capabilities(
    sizes=_sizes("1024x1024 1536x1024 1024x1536 1024x576 576x1024 768x768 512x512"),
    size_range=SizeRange(low=64, high=4096),
    per_call=4,
)
DIFFUSION = WIDE.having(size_range=SizeRange(low=128, high=2048, multiple=8))
"""The backends of LocalAI and stable-diffusion.cpp, and Together's."""
TOGETHER = DIFFUSION.having(
    seed=True,
    negative_prompt=True,
    steps=STEPS,
    guidance_scale=GUIDANCE,
    safety_checker=True,
)

GPT_IMAGE = Capabilities(
    sizes=_sizes("1024x1024 1536x1024 1024x1536"),
    per_call=4,
    image_to_image=True,
    inpainting=True,
    qualities=("low", "medium", "high"),
    transparent=True,
    safety_checker=True,
)
GPT_IMAGE_FREE = GPT_IMAGE.having(
    sizes=_sizes("1024x1024 1536x1024 1024x1536 2048x1152 1152x2048 2048x2048 2560x1440 3840x2160"),
    size_range=SizeRange(low=256, high=3840, multiple=16, least_pixels=655_360, most_pixels=8_294_400, most_ratio=3),
    per_call=2,  # four of the largest would exceed the cap of a response
)
GPT_IMAGE_FINE = GPT_IMAGE_FREE.having(qualities=(*GPT_IMAGE.qualities, "xhigh", "max"))
GPT_FAMILIES: tuple[Family, ...] = (
    (re.compile(r"^gpt-image-2(?![.\d])"), GPT_IMAGE_FREE),
    (re.compile(r"^gpt-image-2\.5(?![.\d])"), GPT_IMAGE_FINE),
    (re.compile(r"^(?:chatgpt|gpt)-image"), GPT_IMAGE),
)
"""Free sizes are documented for 2 and 2.5, and the qualities xhigh and max for 2.5; 2.6 is newer than that."""

_RATIOS = "1:1 16:9 9:16 4:3 3:4 3:2 2:3 2:1 1:2 19.5:9 9:19.5 20:9 9:20"
_SIZES = (
    "1024x1024 1024x576 576x1024 1024x768 768x1024 1008x672 672x1008 "
    "1024x512 512x1024 1014x468 468x1014 1020x459 459x1020"
)
ASPECTS = dict(zip(_RATIOS.split(), _sizes(_SIZES), strict=True))
"""xAI takes a ratio and a resolution; these are sizes of exactly such ratios."""
RESOLUTIONS = {"1k": 1, "2k": 2}
ASPECT_SIZES = {
    Size(size.width * factor, size.height * factor): (aspect, resolution)
    for resolution, factor in RESOLUTIONS.items()
    for aspect, size in ASPECTS.items()
}

GPT_FIELDS = {"model": "model", "count": "n", "quality": "quality"}
OPENAI = Profile(
    title="OpenAI",
    base_url="https://api.openai.com/v1",
    fields_by_option=GPT_FIELDS,
    unsafe_fields={"moderation": "low"},
    image="form",
    can_stream=True,
    default_capabilities=WIDE,
    families=GPT_FAMILIES,
    id_prefixes=("gpt-image", "chatgpt-image", "grok-imagine", "flux", "sd"),
    facts="openai",
    models=(
        ("gpt-image-2.6-sunburst", "GPT Image 2.6 Sunburst"),
        ("gpt-image-2.6-flare", "GPT Image 2.6 Flare"),
        ("gpt-image-2.5-sunburst", "GPT Image 2.5 Sunburst"),
        ("gpt-image-2.5-flare", "GPT Image 2.5 Flare"),
        ("gpt-image-2", "GPT Image 2"),
    ),
)
MINIMAL = Profile(default_capabilities=WIDE, is_proxy=True)
PROFILES: Mapping[str, Profile] = {
    "minimal": MINIMAL,
    "openai": OPENAI,
    "litellm": Profile(
        title="LiteLLM",
        is_proxy=True,
        describes_models=True,
        fields_by_option=GPT_FIELDS,
        image="form",
        edits_without=frozenset({"output_format"}),  # litellm 1.110.2, ImageEditOptionalRequestParams
        default_capabilities=WIDE,
        families=tuple((each, capabilities.having(safety_checker=False)) for each, capabilities in GPT_FAMILIES),
        facts="openai",
    ),
    "sdcpp": Profile(
        title="stable-diffusion.cpp",
        is_self_hosted=True,
        fields_by_option={"count": "n"},
        extra_args=True,
        image="form",
        image_part="image[]",
        default_capabilities=DIFFUSION.having(
            # It rounds sides up to a multiple of 64 for SD 1 and 2, of a divisor of 64 for other models.
            size_range=SizeRange(low=128, high=2048, multiple=64),
            seed=True,
            negative_prompt=True,
            steps=STEPS,
            guidance_scale=GUIDANCE,
            image_to_image=True,
        ),
        models=(("sd-cpp-local", "stable-diffusion.cpp"),),
    ),
    "localai": Profile(
        title="LocalAI",
        is_self_hosted=True,
        fields_by_option={"model": "model", "count": "n", "steps": "step"},
        response_format="b64_json",
        negative_after_bar=True,
        image="file",
        has_inpainting_call=True,
        default_capabilities=DIFFUSION.having(
            per_call=1,  # its inpainting call takes no `n`
            negative_prompt=True,
            steps=STEPS,
            image_to_image=True,
            inpainting=True,
        ),
        families=((re.compile("upscal|esrgan"), Capabilities(text_to_image=False, upscale=True, max_count=1)),),
    ),
    "together": Profile(
        title="Together",
        base_url="https://api.together.xyz/v1",
        fields_by_option={each: each for each in ("model", "seed", "negative_prompt", "steps", "guidance_scale")}
        | {"count": "n"},
        size_style="wh",
        response_format="base64",
        unsafe_fields={"disable_safety_checker": True},
        image="link",
        default_capabilities=TOGETHER,
        families=((re.compile("kontext"), TOGETHER.having(image_to_image=True, image_by_link=True)),),
    ),
    "xai": Profile(
        title="xAI",
        facts="xai",
        base_url="https://api.x.ai/v1",
        size_style="aspect",
        response_format="b64_json",
        empty_is_refusal=True,
        default_capabilities=Capabilities(sizes=tuple(ASPECT_SIZES), per_call=4),
        id_prefixes=("grok-imagine-image",),
        models=(
            ("grok-imagine-image-2.0", "Grok Imagine 2.0"),
            ("grok-imagine-image", "Grok Imagine"),
        ),
    ),
    "nscale": Profile(title="Nscale", response_format="b64_json", default_capabilities=WIDE),
}


def profile_for(word: str | None) -> Profile:
    """The profile of that name; `minimal` for an unknown one."""
    return PROFILES.get((word or "").casefold(), MINIMAL)


def title_for(name: str) -> str:
    """The server's own title where the host has named it like its profile."""
    return (PROFILES[name].title if name in PROFILES else "") or name.capitalize()


def is_gpt_image(model_id: str) -> bool:
    return any(pattern.search(model_id) for pattern, _ in GPT_FAMILIES)
