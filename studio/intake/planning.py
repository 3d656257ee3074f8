"""From what a member asks to a job that the provider can do, or to a refusal before anything is spent."""

from collections.abc import Mapping, Sequence
from math import ceil
from unicodedata import category

from domain import (
    Capabilities,
    ImageRequest,
    InvalidRequest,
    Job,
    Model,
    Origin,
    Settings,
    Size,
    Span,
    State,
    find_model,
)
from domain.numbers import SEEDS, random_seed
from providers.kit.base import Provider

NO_AI = "Painted by rules, not by an AI model."
GONE = "The model that this server chose is not on offer now, so the default one drew."
SAME_SHAPE = 1.05
"""How many times wider, or higher, a size may be than an image without a word."""
BLANK = ("Cc", "Cf", "Cs", "Zl", "Zp", "Zs")
"""What shows nothing. What Python does not know yet may be a new emoji."""
LISTED = 8
"""How many names a refusal lists."""


class Planner:
    """Chooses provider, model and options: the member's word first, then the server's, then the bot's.

    What a member typed and the model cannot take is refused. What came from a default is fitted or left out.
    """

    def __init__(self, providers: Mapping[str, Provider], default: str) -> None:
        self.providers = providers
        self.default = default

    async def plan(self, request: ImageRequest, settings: Settings, origin: Origin) -> Job:
        """A checked job; InvalidRequest names the field and what it takes."""
        if all(category(each) in BLANK for each in request.prompt):
            raise InvalidRequest(field="prompt", takes="words that say what to draw")
        if request.mask and not request.images:
            raise InvalidRequest(field="mask", takes="a mask together with an image of its shape")
        provider = self.provider(request, settings)
        models = await provider.models()
        model = self._model(request, settings, models)
        takes = model.capabilities
        _check_options(request, model)
        size, notes = _size(request, settings, takes)
        if request.model is None and settings.provider == provider.name and _is_gone(settings.model, models):
            notes = (*notes, GONE)
        if not provider.ai:
            notes = (*notes, NO_AI)
        private = settings.private if request.private is None else request.private
        return Job(
            id=origin.id,
            **origin.place(),
            private=private,
            asked=request if settings.chain else None,
            upscales=any(each.capabilities.upscale for each in models),
            provider=provider.name,
            model=model.id,
            model_title=model.title,
            cost=model.price,
            calls=ceil(request.count / takes.per_call),
            notes=notes,
            request=request.model_copy(
                update={
                    "provider": provider.name,
                    "model": model.id,
                    "size": size,
                    "seed": _seed(request, takes),
                    "quality": request.quality or takes.usual_quality,
                    "refiner": settings.refiner if takes.refiner else None,
                    "safety_checker": settings.safety_checker if takes.safety_checker else None,
                    "private": private,
                }
            ),
        )

    def plan_rest(self, parent: Job, origin: Origin) -> Job:
        """For what is ordered already nothing is checked: a model may have been taken off the list since."""
        if parent.provider not in self.providers:
            raise InvalidRequest(field="provider", takes=_names(self.providers))
        rest = Job(id=origin.id, **origin.place(), **parent.plan(), private=parent.private, state=State.WAITING)
        return rest.having(asked=parent.asked, calls_done=parent.calls_done, remote=parent.remote)

    def provider(self, request: ImageRequest, settings: Settings) -> Provider:
        """The one that was asked for, else the server's, else the bot's; InvalidRequest."""
        if request.provider is None:
            return self.default_for(settings)
        if request.provider not in self.providers:
            raise InvalidRequest(field="provider", takes=_names(self.providers))
        return self.providers[request.provider]

    def default_for(self, settings: Settings) -> Provider:
        """The server's own choice while it is on, else the bot's."""
        return self.providers.get(settings.provider or "", self.providers[self.default])

    async def takes_link(self, job: Job) -> bool:
        """Whether the job's provider fetches its image itself."""
        model = find_model(await self.providers[job.provider].models(), job.model)
        return model is not None and model.capabilities.image_by_link

    def _model(self, request: ImageRequest, settings: Settings, models: Sequence[Model]) -> Model:
        if request.model is not None:
            named = find_model(models, request.model) or _by_title(models, request.model)
            if named is None:
                titles = _names([model.title for model in models])
                raise InvalidRequest("it is not offered, or not any more", field="model", takes=titles)
            if not _can(named.capabilities, request):
                raise _unable(named, request)
            return named
        able = [model for model in models if _can(model.capabilities, request)]
        if not able:
            raise _unable(models[0], request)
        own = find_model(able, settings.model or "")
        return own or able[0]


def default_provider(providers: Mapping[str, Provider], configured: str | None) -> str:
    """The bot's own default: as configured, else the first with a key, else PopCord, else whatever is there."""
    if configured:
        return configured
    with_key = [name for name, provider in providers.items() if provider.access.key]
    return next(iter([*with_key, *(name for name in providers if name == "popcord"), *providers]))


def call_request(job: Job) -> ImageRequest:
    """The part of a job's request that its next call draws; each call has a seed of its own."""
    request, each = job.request, ceil(job.request.count / job.calls)
    done = job.calls_done * each
    seed = None if request.seed is None else (request.seed + done) % SEEDS
    return request.model_copy(update={"count": min(each, request.count - done), "seed": seed})


def _is_gone(model_id: str | None, models: Sequence[Model]) -> bool:
    return model_id is not None and find_model(models, model_id) is None


def _can(takes: Capabilities, request: ImageRequest) -> bool:
    if request.upscale:
        return takes.upscale
    if request.mask:
        return takes.inpainting
    return takes.image_to_image if request.images else takes.text_to_image


def _unable(model: Model, request: ImageRequest) -> InvalidRequest:
    if request.upscale:
        return InvalidRequest(field="upscale", subject=model.title, takes="")
    if request.mask:
        return InvalidRequest(field="mask", subject=model.title, takes=_ways(model.capabilities))
    field = "image" if request.images else "prompt"
    return InvalidRequest(field=field, subject=model.title, takes=_ways(model.capabilities))


def _ways(takes: Capabilities) -> str:
    ways = {
        "a prompt alone": takes.text_to_image,
        "a prompt with an image": takes.image_to_image,
        "a prompt with an image and a mask": takes.inpainting,
    }
    return " or ".join(way for way, able in ways.items() if able)


def _check_options(request: ImageRequest, model: Model) -> None:
    takes = model.capabilities
    for field in ("steps", "guidance_scale", "strength"):
        span: Span | None = getattr(takes, field)
        value: float | None = getattr(request, field)
        if value is not None and (span is None or value not in span):
            raise InvalidRequest(field=field, subject=model.title, takes=str(span) if span else "")
    if request.strength is not None and takes.image_to_image and not request.images:
        raise InvalidRequest(field="strength", takes="a strength together with an image")
    for field in ("negative_prompt", "seed", "transparent"):
        if getattr(request, field) is not None and not getattr(takes, field):
            raise InvalidRequest(field=field, subject=model.title, takes="")
    for field, offered in (("scheduler", takes.schedulers), ("quality", takes.qualities), ("style", takes.styles)):
        if getattr(request, field) not in (None, *offered):
            raise InvalidRequest(field=field, subject=model.title, takes=_names(offered))
    if not 1 <= request.count <= takes.max_count:
        raise InvalidRequest(field="count", subject=model.title, takes=f"1 to {takes.max_count}")
    if request.size is not None:
        _check_size(request.size, model, from_image=bool(request.images))


def _check_size(size: Size, model: Model, *, from_image: bool) -> None:
    takes = model.capabilities
    if from_image and takes.sized_by_image:
        raise InvalidRequest(field="size", subject=model.title, takes="the image's own size")
    if not takes.takes_size(size):
        raise InvalidRequest(field="size", subject=model.title, takes=describe_sizes(takes))


def describe_sizes(takes: Capabilities) -> str:
    """What a refusal says that a model takes."""
    return str(takes.size_range) if takes.size_range else _names([str(size) for size in takes.sizes])


def _size(request: ImageRequest, settings: Settings, takes: Capabilities) -> tuple[Size | None, tuple[str, ...]]:
    """The size to draw at; a note where the server's own did not fit."""
    if request.size is not None or not takes.sizes:
        return request.size, ()
    if request.images and takes.sized_by_image:
        return None, ()
    shape = request.images[0].size if request.images else None
    if shape is not None:
        return _near(shape, takes)
    if settings.size is None or (size := takes.nearest_size(settings.size)) is None:
        return takes.sizes[0], ()
    if size == settings.size:
        return size, ()
    return size, (f"Drawn at {size}: this model does not take the server's {settings.size}.",)


def _near(shape: Size, takes: Capabilities) -> tuple[Size | None, tuple[str, ...]]:
    """The size for an image; a note where its proportions are another's."""
    size = takes.nearest_size(shape)
    if size is None or size.distance(shape)[0] <= SAME_SHAPE:
        return size, ()
    return size, (f"Drawn at {size}, the nearest to the image's {shape}.",)


def _seed(request: ImageRequest, takes: Capabilities) -> int | None:
    """Whatever takes seeds is given one, so that the receipt can name it."""
    if not takes.seed:
        return None
    return random_seed() if request.seed is None else request.seed


def _by_title(models: Sequence[Model], text: str) -> Model | None:
    """A member may have typed a name without picking it from the list."""
    wanted = text.strip().casefold()
    return next((model for model in models if wanted in (model.title.casefold(), model.id.casefold())), None)


def _names(names: Mapping[str, object] | Sequence[str]) -> str:
    listed = list(names)
    more = f" and {len(listed) - LISTED} more" if len(listed) > LISTED else ""
    return ", ".join(listed[:LISTED]) + more
