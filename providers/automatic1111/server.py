"""What one server has: checkpoints, samplers, an upscaler, and whether it tells whose job is at work."""

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
from providers.automatic1111.tasks import AtWork
from providers.http.answers import Answer
from providers.http.api import Api
from providers.http.lenient import NONE_IF_INVALID, Reply
from providers.http.sentences import one_line
from providers.kit.list_limits import MAX_OFFERED, BoundedList, cap_names

HASH = re.compile(r" \[[0-9a-f]{6,}\]$")
BETWEEN = " / "
"""Between a sampler and a scheduler."""
LARGE = re.compile(r"xl|flux|sd3|pony|illustrious|noob", re.IGNORECASE)
"""Names of checkpoints that were trained at 1024x1024; no list says so, except SD.Next's by its `type`."""
SMALL_SIZES = ("512x512", "512x768", "768x512", "512x896", "896x512", "768x768", "1024x1024")
LARGE_SIZES = ("1024x1024", "832x1216", "1216x832", "768x1344", "1344x768", "768x768", "512x512")
# No limits are documented; these are the web UI's, and the server has the last word.
COMMON = Capabilities(
    image_to_image=True,
    inpainting=True,
    size_range=SizeRange(low=64, high=2048, multiple=8),
    per_call=4,
    negative_prompt=True,
    seed=True,
    steps=Span(low=1, high=150),
    guidance_scale=Span(low=0, high=30),
    strength=Span(low=0, high=1),
)
CURRENT = "current"
"""The id of whichever checkpoint the server has loaded."""
LISTS = ("samplers", "schedulers", "upscalers", "prompt-styles", "options")
LISTED = 8
"""How many names a refusal lists."""
HEADING = re.compile(r"([-─━═=_~*#])\1.*\1{2}")
"""A line in a list that parts its entries, such as "---- STYLES ----" of Forge or "── Euler ──" of SD.Next."""
MODEL_FILE = re.compile(r"\.(?:pth?|safetensors|onnx|ckpt|bin|gguf)$", re.IGNORECASE)
PLAIN_UPSCALER = "lanczos"
SD_CPP_MULTIPLE = 64
"""stable-diffusion.cpp makes sides larger until they are multiples of this (SD 1 and 2), or of a part of it."""


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
        """Whether an upscaler's network is there; an address, or another's repository, has yet to be downloaded."""
        path = self.model_path or ""
        return "://" not in path and MODEL_FILE.search(path) is not None


class Listing(RootModel[BoundedList[Annotated[Listed | None, NONE_IF_INVALID]]]):
    @property
    def entries(self) -> list[Listed]:
        """Those that can be read, and are no headings."""
        return [each for each in self.root if each and not each.is_heading]


class Options(Reply):
    sd_model_checkpoint: str | None = None


@dataclass(frozen=True)
class Server:
    models: tuple[Model, ...] = ()
    titles: Mapping[str, str] = field(default_factory=dict[str, str])
    """Titles of checkpoints, by each name that stands for only one; empty while nothing is known of the server."""
    takes: Capabilities = COMMON
    upscaler: str | None = None
    tells: Literal["", "task", "id"] = ""
    """Whose job is at work: of a task that we have named, by the id of the one at work, or not at all."""

    def model(self, id: str, title: str | None = None, kind: str | None = None) -> Model:
        sizes = LARGE_SIZES if LARGE.search(f"{id} {kind or ''}") else SMALL_SIZES
        takes = self.takes.model_copy(update={"sizes": tuple(map(Size.parse, sizes))})
        return Model(id=id, title=one_line(title or id), capabilities=takes)

    def checkpoint(self, id: str | None) -> str | None:
        """The title to ask for, None for what is loaded; InvalidRequest, for servers may draw with another instead."""
        if id in (None, CURRENT):
            return None
        if id not in self.titles:
            raise NotOffered(
                option="model", asked=str(id), offered=tuple(model.title for model in self.models[:LISTED])
            )
        return self.titles[id]


UNKNOWN = Server(models=(Server().model(CURRENT, "The loaded checkpoint"),))


async def discover(api: Api) -> Server:
    """Ask for all lists; those that some servers lack are empty there."""
    models, *others = await asyncio.gather(
        api.ask("sdapi/v1/sd-models"),
        *(_asked(api, name) for name in LISTS),
        _asked(api, "progress?skip_current_image=true"),
    )
    samplers, schedulers, upscalers, styles, options, progress = others
    checkpoints = {each.title: each for each in checked(models).parse(Listing).entries if each.title}
    if not checkpoints:
        raise BadResponse("the server lists no checkpoint")
    tells = _tells(progress)
    upscaler = _upscaler(_entries(upscalers)) if tells else None  # stable-diffusion.cpp lists some, and cannot use them
    takes = COMMON.model_copy(
        update={
            "schedulers": _schedulers(_names(samplers), _labels(schedulers)),
            "size_range": _size_range(progress),
            "styles": cap_names(_styles(styles)),
            "upscale": upscaler is not None,
        }
    )
    server = Server((), _by_name(checkpoints.values()), takes, upscaler, tells)
    loaded = server.titles.get(_loaded(options) or "")
    listed = sorted(_shown(checkpoints.values()), key=lambda each: each[0] != loaded)
    return Server(tuple(server.model(*each) for each in listed[:MAX_OFFERED]), server.titles, takes, upscaler, tells)


async def _asked(api: Api, path: str) -> Answer:
    """A list that a server may do without: one that cannot be had is as good as none, until the next time."""
    try:
        return await api.ask(f"sdapi/v1/{path}")
    except EaselError:
        return Answer(503, {}, b"")


def _entries(answer: Answer) -> list[Listed]:
    listing = answer.maybe(Listing) if answer.status == 200 else None
    return listing.entries if listing else []


def _names(answer: Answer) -> list[str]:
    return [each.name for each in _entries(answer) if each.name]


def _labels(answer: Answer) -> list[str]:
    """Schedulers' names as the web UI shows them; none of SD.Next, which lists its samplers here, without labels."""
    return [
        each.label for each in _entries(answer) if each.label and each.label.lower() not in ("automatic", "default")
    ]


def _schedulers(samplers: list[str], labels: list[str]) -> tuple[str, ...]:
    """Samplers, then each with each scheduler."""
    both = (f"{sampler}{BETWEEN}{label}" for sampler in samplers for label in labels)
    return cap_names(chain(samplers, both))


def _styles(answer: Answer) -> list[str]:
    """Without what holds no words: Forge fails at a style whose prompt is null."""
    whole = (each for each in _entries(answer) if each.prompt is not None and each.negative_prompt is not None)
    return [each.name for each in whole if each.name]


def _upscaler(listed: list[Listed]) -> str | None:
    """The first network whose file is there; else the one that is at least better than copying pixels."""
    networks = [each.name for each in listed if each.name and each.has_file]
    plain = [each.name for each in listed if each.name and each.name.lower() == PLAIN_UPSCALER]
    return next(iter([*networks, *plain]), None)


def _size_range(progress: Answer) -> SizeRange:
    """stable-diffusion.cpp alone knows no progress."""
    return SizeRange(low=64, high=2048, multiple=SD_CPP_MULTIPLE if progress.status == 404 else 8)


def _tells(progress: Answer) -> Literal["", "task", "id"]:
    at_work = progress.maybe(AtWork) if progress.status == 200 else None
    told = at_work.model_fields_set if at_work else set[str]()
    return "id" if "id" in told else "task" if told else ""


def _loaded(options: Answer) -> str | None:
    told = options.maybe(Options) if options.status == 200 else None
    return told.sd_model_checkpoint if told else None


def _by_name(checkpoints: Iterable[Listed]) -> dict[str, str]:
    """Each title by itself, by itself without its hash, and by its model's name, where these are no other's."""
    titles = [(each.title or "", each.model_name or "") for each in checkpoints]
    names = [(name, title) for title, model in titles for name in {HASH.sub("", title), model} - {title, ""}]
    often = Counter(name for name, _ in names)
    return {name: title for name, title in names if often[name] == 1} | {title: title for title, _ in titles}


def _shown(checkpoints: Iterable[Listed]) -> list[tuple[str, str, str | None]]:
    """Title, what to show, and type; names that several have are told apart by their titles."""
    entries = list(checkpoints)
    often = Counter(each.model_name for each in entries)
    return [
        (each.title or "", (each.model_name if often[each.model_name] == 1 else each.title) or "", each.type)
        for each in entries
    ]
