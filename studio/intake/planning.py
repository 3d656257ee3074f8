"""From what a member asks to a job that the provider can do, or to a refusal before anything is spent."""

from collections.abc import Mapping, Sequence
from math import ceil
from unicodedata import category

from domain import (
    CannotDrawFrom,
    CannotUpscale,
    Capabilities,
    ImageRequest,
    Job,
    Model,
    NeedsImage,
    NoPrompt,
    Note,
    NotOffered,
    OptionNotTaken,
    Origin,
    OutOfRange,
    Settings,
    Size,
    SizeNotTaken,
    Source,
    Span,
    State,
    find_model,
)
from domain.numbers import SEEDS, random_seed
from domain.outcomes import ModelGone, NoAI, SizeFitted
from providers.kit.base import Provider

MAX_STRETCH = 1.05
"""How many times wider, or higher, a size may be than an image without a word."""
INVISIBLE_CATEGORIES = ("Cc", "Cf", "Cs", "Zl", "Zp", "Zs")
"""What shows nothing. What Python does not know yet may be a new emoji."""


class Planner:
    """Chooses provider, model and options: the member's word first, then the server's, then the bot's.

    What a member typed and the model cannot take is refused. What came from a default is fitted or left out.
    """

    def __init__(self, providers: Mapping[str, Provider], default: str) -> None:
        self.providers = providers
        self.default = default

    async def plan(self, request: ImageRequest, settings: Settings, origin: Origin) -> Job:
        """A checked job; NotPossible names what cannot be had, and what can."""
        if all(category(each) in INVISIBLE_CATEGORIES for each in request.prompt):
            raise NoPrompt
        if request.mask and not request.images:
            raise NeedsImage(option="mask")
        provider = self.provider(request, settings)
        models = await provider.models()
        model = self._choose_model(request, settings, models)
        takes = model.capabilities
        _check_options(request, model)
        size, notes = _choose_size(request, settings, takes)
        if request.model is None and settings.provider == provider.name and _is_gone(settings.model, models):
            notes = (*notes, ModelGone())
        if not provider.ai:
            notes = (*notes, NoAI())
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
                    "seed": _choose_seed(request, takes),
                    "quality": request.quality or takes.usual_quality,
                    "refiner": settings.refiner if takes.refiner else None,
                    "safety_checker": settings.safety_checker if takes.safety_checker else None,
                    "private": private,
                }
            ),
        )

    def plan_remaining(self, parent: Job, origin: Origin) -> Job:
        """For what is ordered already nothing is checked: a model may have been taken off the list since."""
        if parent.provider not in self.providers:
            raise self._not_offered(parent.provider)
        rest = Job(id=origin.id, **origin.place(), **parent.plan(), private=parent.private, state=State.WAITING)
        return rest.having(asked=parent.asked, calls_done=parent.calls_done, remote=parent.remote)

    def provider(self, request: ImageRequest, settings: Settings) -> Provider:
        """The one that was asked for, else the server's, else the bot's; NotOffered."""
        if request.provider is None:
            return self.default_for(settings)
        if request.provider not in self.providers:
            raise self._not_offered(request.provider)
        return self.providers[request.provider]

    def _not_offered(self, provider: str) -> NotOffered:
        return NotOffered(option="provider", asked=provider, offered=tuple(self.providers))

    def default_for(self, settings: Settings) -> Provider:
        """The server's own choice while it is on, else the bot's."""
        return self.providers.get(settings.provider or "", self.providers[self.default])

    async def takes_link(self, job: Job) -> bool:
        """Whether the job's provider fetches its image itself."""
        model = find_model(await self.providers[job.provider].models(), job.model)
        return model is not None and model.capabilities.image_by_link

    def _choose_model(self, request: ImageRequest, settings: Settings, models: Sequence[Model]) -> Model:
        if request.model is not None:
            named = find_model(models, request.model) or _by_title(models, request.model)
            if named is None:
                titles = tuple(model.title for model in models)
                raise NotOffered(option="model", asked=request.model, offered=titles)
            if not _can_draw(named.capabilities, request):
                raise _refusal(named, request)
            return named
        able = [model for model in models if _can_draw(model.capabilities, request)]
        if not able:
            raise _refusal(models[0], request)
        own = find_model(able, settings.model or "")
        return own or able[0]


def default_provider(providers: Mapping[str, Provider], configured: str | None) -> str:
    """The bot's own default: as configured, else the first with a key, else PopCord, else whatever is there."""
    if configured:
        return configured
    with_key = [name for name, provider in providers.items() if provider.settings.api_key]
    return next(iter([*with_key, *(name for name in providers if name == "popcord"), *providers]))


def call_request(job: Job) -> ImageRequest:
    """The part of a job's request that its next call draws; each call has a seed of its own."""
    request, each = job.request, ceil(job.request.count / job.calls)
    done = job.calls_done * each
    seed = None if request.seed is None else (request.seed + done) % SEEDS
    return request.model_copy(update={"count": min(each, request.count - done), "seed": seed})


def _is_gone(model_id: str | None, models: Sequence[Model]) -> bool:
    return model_id is not None and find_model(models, model_id) is None


def _can_draw(takes: Capabilities, request: ImageRequest) -> bool:
    if request.upscale:
        return takes.upscale
    if request.mask:
        return takes.inpainting
    return takes.image_to_image if request.images else takes.text_to_image


def _refusal(model: Model, request: ImageRequest) -> CannotUpscale | CannotDrawFrom:
    if request.upscale:
        return CannotUpscale(model=model.title)
    source = Source.MASK if request.mask else Source.IMAGE if request.images else Source.WORDS
    return CannotDrawFrom(source=source, model=model.title, sources=_sources(model.capabilities))


def _sources(takes: Capabilities) -> tuple[Source, ...]:
    able = {Source.WORDS: takes.text_to_image, Source.IMAGE: takes.image_to_image, Source.MASK: takes.inpainting}
    return tuple(source for source in Source if able[source])


def _check_options(request: ImageRequest, model: Model) -> None:
    takes = model.capabilities
    for field in ("steps", "guidance_scale", "strength"):
        span: Span | None = getattr(takes, field)
        value: float | None = getattr(request, field)
        if value is not None:
            _check_number(field, value, span, model)
    if request.strength is not None and takes.image_to_image and not request.images:
        raise NeedsImage(option="strength")
    for field in ("negative_prompt", "seed", "transparent"):
        if getattr(request, field) is not None and not getattr(takes, field):
            raise OptionNotTaken(option=field, model=model.title)
    for field, offered in (("scheduler", takes.schedulers), ("quality", takes.qualities), ("style", takes.styles)):
        _check_name(field, getattr(request, field), offered, model)
    _check_number("count", request.count, Span(low=1, high=takes.max_count), model)
    if request.size is not None:
        _check_size(request.size, model, from_image=bool(request.images))


def _check_number(option: str, value: float, span: Span | None, model: Model) -> None:
    if span is None:
        raise OptionNotTaken(option=option, model=model.title)
    if value not in span:
        raise OutOfRange(option=option, asked=value, model=model.title, takes=span)


def _check_name(option: str, value: str | None, offered: tuple[str, ...], model: Model) -> None:
    if value is None or value in offered:
        return
    if not offered:
        raise OptionNotTaken(option=option, model=model.title)
    raise NotOffered(option=option, asked=value, offered=offered, model=model.title)


def _check_size(size: Size, model: Model, *, from_image: bool) -> None:
    takes = model.capabilities
    if from_image and takes.sized_by_image:
        raise SizeNotTaken(asked=size, model=model.title)
    if not (takes.sizes or takes.size_range):
        raise OptionNotTaken(option="size", model=model.title)
    if not takes.takes_size(size):
        raise SizeNotTaken(asked=size, model=model.title, sizes=takes.sizes, size_range=takes.size_range)


def _choose_size(
    request: ImageRequest, settings: Settings, takes: Capabilities
) -> tuple[Size | None, tuple[Note, ...]]:
    """The size to draw at; a note where the server's own did not fit."""
    if request.size is not None or not takes.sizes:
        return request.size, ()
    if request.images and takes.sized_by_image:
        return None, ()
    shape = request.images[0].size if request.images else None
    if shape is not None:
        return _nearest_size(shape, takes)
    if settings.size is None or (size := takes.nearest_size(settings.size)) is None:
        return takes.sizes[0], ()
    if size == settings.size:
        return size, ()
    return size, (SizeFitted(size=size, wanted=settings.size, whose="server"),)


def _nearest_size(shape: Size, takes: Capabilities) -> tuple[Size | None, tuple[Note, ...]]:
    """The size for an image; a note where its proportions are another's."""
    size = takes.nearest_size(shape)
    if size is None or size.distance(shape)[0] <= MAX_STRETCH:
        return size, ()
    return size, (SizeFitted(size=size, wanted=shape, whose="image"),)


def _choose_seed(request: ImageRequest, takes: Capabilities) -> int | None:
    """Whatever takes seeds is given one, so that the receipt can name it."""
    if not takes.seed:
        return None
    return random_seed() if request.seed is None else request.seed


def _by_title(models: Sequence[Model], text: str) -> Model | None:
    """A member may have typed a name without picking it from the list."""
    wanted = text.strip().casefold()
    return next((model for model in models if wanted in (model.title.casefold(), model.id.casefold())), None)
