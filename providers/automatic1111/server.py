"""Reads what a server has: checkpoints, samplers, upscaler, and whether it identifies its current job."""

import asyncio
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import chain
from typing import Annotated, Literal

from pydantic import RootModel

from domain import BadResponse, Capabilities, EaselError, Model, NotOffered, Size, SizeRange, Span
from providers.automatic1111.results import checked
from providers.automatic1111.tasks import CurrentJob
from providers.http.answers import Answer, one_line
from providers.http.api import Api
from providers.http.parsing import NONE_IF_INVALID, Reply
from providers.kit.model_lists import MAX_OFFERED, BoundedList, cap_names

CHECKPOINT_HASH = re.compile(r" \[[0-9a-f]{6,}\]$")
SEPARATOR = " / "
"""Between a sampler and a scheduler."""
TRAINED_AT_1024 = re.compile(r"xl|flux|sd3|pony|illustrious|noob", re.IGNORECASE)
"""Names of checkpoints that were trained at 1024x1024; of all lists only SD.Next's has a `type` that says so."""
SMALL_SIZES = ("512x512", "512x768", "768x512", "512x896", "896x512", "768x768", "1024x1024")
LARGE_SIZES = ("1024x1024", "832x1216", "1216x832", "768x1344", "1344x768", "768x768", "512x512")
# No limits are documented; these are the web UI's, and the server validates them.
COMMON_CAPABILITIES = Capabilities(
    image_to_image=True,
    inpainting=True,
    size_range=SizeRange(low=64, high=2048, multiple=8),
    per_call=4,
    negative_prompt=True,
    seed=True,
    max_seed=2**32 - 1,
    steps=Span(low=1, high=150),
    guidance_scale=Span(low=0, high=30),
    strength=Span(low=0, high=1),
)
CURRENT = "current"
"""The id of whichever checkpoint the server has loaded."""
LISTS = ("samplers", "schedulers", "upscalers", "prompt-styles", "options")
MAX_NAMES_IN_ERROR = 8
"""Names listed in an error."""
HEADING = re.compile(r"([-─━═=_~*#])\1.*\1{2}")
"""A separator entry in a list, such as "---- STYLES ----" of Forge or "── Euler ──" of SD.Next."""
MODEL_FILE = re.compile(r"\.(?:pth?|safetensors|onnx|ckpt|bin|gguf)$", re.IGNORECASE)
PLAIN_UPSCALER = "lanczos"
SD_CPP_MULTIPLE = 64
"""stable-diffusion.cpp rounds sides up to a multiple of this for SD 1 and 2, of a divisor of it for other models."""


class Listed(Reply):
    """An entry of any of the lists."""

    title: str | None = None
    model_name: str | None = None
    type: str | None = None
    name: str | None = None
    label: str | None = None
    prompt: str | None = None
    negative_prompt: str | None = None
    model_path: str | None = None

    @property
    def is_heading(self) -> bool:
        return HEADING.fullmatch(self.title or self.label or self.name or "") is not None

    @property
    def has_file(self) -> bool:
        """Whether an upscaler's file is on the server's disk, and need not be downloaded."""
        path = self.model_path or ""
        return "://" not in path and MODEL_FILE.search(path) is not None


class Listing(RootModel[BoundedList[Annotated[Listed | None, NONE_IF_INVALID]]]):
    @property
    def entries(self) -> list[Listed]:
        """Valid entries that are no separators."""
        return [each for each in self.root if each and not each.is_heading]


class Options(Reply):
    sd_model_checkpoint: str | None = None


@dataclass(frozen=True)
class Server:
    models: tuple[Model, ...] = ()
    titles: Mapping[str, str] = field(default_factory=dict[str, str])
    """Checkpoint titles by unambiguous name; empty while the server is unknown."""
    capabilities: Capabilities = COMMON_CAPABILITIES
    upscaler: str | None = None
    progress_by: Literal["", "task", "id"] = ""
    """How our job's progress is queried: by task id, by comparing the current job's id, or not at all."""

    def model(self, id: str, title: str | None = None, kind: str | None = None) -> Model:
        sizes = LARGE_SIZES if TRAINED_AT_1024.search(f"{id} {kind or ''}") else SMALL_SIZES
        capabilities = self.capabilities.having(sizes=tuple(map(Size.parse, sizes)))
        return Model(id=id, title=one_line(title or id), capabilities=capabilities)

    def checkpoint(self, id: str | None) -> str | None:
        """The checkpoint title to send, None for the loaded one; raises NotOffered: servers may draw with another."""
        if id in (None, CURRENT):
            return None
        if id not in self.titles:
            raise NotOffered(
                option="model", asked=str(id), offered=tuple(model.title for model in self.models[:MAX_NAMES_IN_ERROR])
            )
        return self.titles[id]


UNKNOWN = Server(models=(Server().model(CURRENT, "The loaded checkpoint"),))


async def discover(api: Api) -> Server:
    """Fetch all lists in parallel; those that a server lacks are empty."""
    models, *others = await asyncio.gather(
        api.get_json("sdapi/v1/sd-models"),
        *(_get_or_empty(api, name) for name in LISTS),
        _get_or_empty(api, "progress?skip_current_image=true"),
    )
    samplers, schedulers, upscalers, styles, options, progress = others
    checkpoints = {each.title: each for each in checked(models).parse(Listing).entries if each.title}
    if not checkpoints:
        raise BadResponse("the server lists no checkpoint")
    progress_by = _progress_by(progress)
    # stable-diffusion.cpp, which has no progress, lists upscalers that it cannot use.
    upscaler = _upscaler(_entries(upscalers)) if progress_by else None
    capabilities = COMMON_CAPABILITIES.having(
        schedulers=_schedulers(_names(samplers), _labels(schedulers)),
        size_range=_size_range(progress),
        styles=cap_names(_styles(styles)),
        upscale=upscaler is not None,
    )
    server = Server((), _titles_by_name(checkpoints.values()), capabilities, upscaler, progress_by)
    loaded = server.titles.get(_loaded(options) or "")
    listed = sorted(_listed_checkpoints(checkpoints.values()), key=lambda each: each[0] != loaded)
    return Server(
        tuple(server.model(*each) for each in listed[:MAX_OFFERED]), server.titles, capabilities, upscaler, progress_by
    )


async def _get_or_empty(api: Api, path: str) -> Answer:
    """An optional list; an error counts as an empty list."""
    try:
        return await api.get_json(f"sdapi/v1/{path}")
    except EaselError:
        return Answer(503, {}, b"")


def _entries(answer: Answer) -> list[Listed]:
    listing = answer.parse_or_none(Listing) if answer.status == 200 else None
    return listing.entries if listing else []


def _names(answer: Answer) -> list[str]:
    return [each.name for each in _entries(answer) if each.name]


def _labels(answer: Answer) -> list[str]:
    """Schedulers' names as the web UI shows them; none of SD.Next, whose list has samplers without labels."""
    return [
        each.label for each in _entries(answer) if each.label and each.label.lower() not in ("automatic", "default")
    ]


def _schedulers(samplers: list[str], labels: list[str]) -> tuple[str, ...]:
    """All samplers, then all combinations with schedulers."""
    both = (f"{sampler}{SEPARATOR}{label}" for sampler in samplers for label in labels)
    return cap_names(chain(samplers, both))


def _styles(answer: Answer) -> list[str]:
    """Styles with text: Forge fails on a style whose prompt is null."""
    whole = (each for each in _entries(answer) if each.prompt is not None and each.negative_prompt is not None)
    return [each.name for each in whole if each.name]


def _upscaler(listed: list[Listed]) -> str | None:
    """The first upscaler whose file exists, else Lanczos."""
    networks = [each.name for each in listed if each.name and each.has_file]
    plain = [each.name for each in listed if each.name and each.name.lower() == PLAIN_UPSCALER]
    return next(iter([*networks, *plain]), None)


def _size_range(progress: Answer) -> SizeRange:
    """The size range; a server without /progress is stable-diffusion.cpp."""
    return SizeRange(low=64, high=2048, multiple=SD_CPP_MULTIPLE if progress.status == 404 else 8)


def _progress_by(progress: Answer) -> Literal["", "task", "id"]:
    at_work = progress.parse_or_none(CurrentJob) if progress.status == 200 else None
    fields = at_work.model_fields_set if at_work else set[str]()
    return "id" if "id" in fields else "task" if fields else ""


def _loaded(options: Answer) -> str | None:
    fields = options.parse_or_none(Options) if options.status == 200 else None
    return fields.sd_model_checkpoint if fields else None


def _titles_by_name(checkpoints: Iterable[Listed]) -> dict[str, str]:
    """Titles by title, by title without hash, and by model name, where unambiguous."""
    titles = [(each.title or "", each.model_name or "") for each in checkpoints]
    names = [(name, title) for title, model in titles for name in {CHECKPOINT_HASH.sub("", title), model} - {title, ""}]
    counts = Counter(name for name, _ in names)
    return {name: title for name, title in names if counts[name] == 1} | {title: title for title, _ in titles}


def _listed_checkpoints(checkpoints: Iterable[Listed]) -> list[tuple[str, str, str | None]]:
    """Title, display name and type of each checkpoint; duplicate names are replaced by titles."""
    entries = list(checkpoints)
    counts = Counter(each.model_name for each in entries)
    return [
        (each.title or "", (each.model_name if counts[each.model_name] == 1 else each.title) or "", each.type)
        for each in entries
    ]
