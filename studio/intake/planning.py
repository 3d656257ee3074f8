"""Turns a member's request into a job that the provider can do, or refuses it before anything is spent."""

from collections.abc import Iterator, Mapping, Sequence
from math import ceil

from domain import (
    CannotDrawFrom,
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
    Settings,
    Size,
    SizeNotTaken,
    Source,
    State,
    find_model,
)
from domain.characters import is_blank
from domain.choices import named_by
from domain.numbers import SEEDS, random_seed
from domain.outcomes import ModelGone, NoAI, SizeFitted
from domain.requests import COUNT, OPTIONS, RequestChanges
from providers.kit.base import Provider

MAX_STRETCH = 1.05
"""Largest quotient of a size's and an image's aspect ratios that needs no note."""


class Planner:
    """Chooses provider, model and options: the member's choice, else the server's, else the bot's.

    A member's choice that the model does not take is refused; a default that it does not take is fitted or dropped.
    """

    def __init__(self, providers: Mapping[str, Provider], default: str) -> None:
        self.providers = providers
        self.default = default

    async def plan(self, request: ImageRequest, settings: Settings, origin: Origin) -> Job:
        """A checked job; NotPossible names what is not offered, and what is."""
        _check_complete(request)
        provider = self.provider(request, settings)
        models = await provider.models()
        model = self._choose_model(request, settings, models)
        request = _with_whole_names(request, model.capabilities)
        _check_options(request, model)
        size, size_notes = _choose_size(request, settings, model.capabilities)
        private = settings.private if request.private is None else request.private
        chosen = RequestChanges(provider=provider.name, model=model.id, size=size, private=private)
        options = _choose_options(request, settings, model.capabilities)
        return Job(
            id=origin.id,
            **origin.destination(),
            private=private,
            asked=request if settings.chain else None,
            upscales=any(each.capabilities.upscale for each in models),
            provider=provider.name,
            model=model.id,
            model_title=model.title,
            cost=model.price,
            calls=ceil(request.count / model.capabilities.per_call),
            notes=(*size_notes, *_notes(request, settings, provider, models)),
            request=request.having(**(chosen | options)),
        )

    def plan_remaining(self, parent: Job, origin: Origin) -> Job:
        """A job that fetches its parent's remote job, unchecked: its model may no longer be offered."""
        if parent.provider not in self.providers:
            raise self._not_offered(parent.provider)
        rest = Job(id=origin.id, **origin.destination(), **parent.plan(), private=parent.private, state=State.WAITING)
        return rest.having(asked=parent.asked, calls_done=parent.calls_done, remote=parent.remote)

    def provider(self, request: ImageRequest, settings: Settings) -> Provider:
        """The requested provider, else the server's default, else the bot's; NotOffered."""
        if request.provider is None:
            return self.default_for(settings)
        if request.provider not in self.providers:
            raise self._not_offered(request.provider)
        return self.providers[request.provider]

    def _not_offered(self, provider: str) -> NotOffered:
        return NotOffered(option="provider", asked=provider, offered=tuple(self.providers))

    def default_for(self, settings: Settings) -> Provider:
        """The server's default provider if it is switched on, else the bot's."""
        return self.providers.get(settings.provider or "", self.providers[self.default])

    async def takes_link(self, job: Job) -> bool:
        """Whether the job's model takes an image as a link."""
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
        capable = [model for model in models if _can_draw(model.capabilities, request)]
        if not capable:
            raise _refusal(models[0], request)
        return find_model(capable, settings.model or "") or capable[0]


def default_provider(providers: Mapping[str, Provider], configured: str | None) -> str:
    """The bot's default provider: as configured, else the first with a key, else PopCord, else the first."""
    if configured:
        return configured
    with_key = [name for name, provider in providers.items() if provider.settings.api_key]
    return next(iter([*with_key, *(name for name in providers if name == "popcord"), *providers]))


def call_request(job: Job) -> ImageRequest:
    """The request of a job's next call, with its share of the pictures and its own seed."""
    request, each = job.request, ceil(job.request.count / job.calls)
    done = job.calls_done * each
    seed = None if request.seed is None else _following_seed(request.seed, done)
    return request.having(count=min(each, request.count - done), seed=seed)


def _following_seed(seed: int, steps: int) -> int:
    """A later seed among the 2**31 around it, as a larger one might be more than the model takes."""
    return seed - seed % SEEDS + (seed + steps) % SEEDS


def _check_complete(request: ImageRequest) -> None:
    """Refuse a prompt that shows nothing, and a mask without an image."""
    if is_blank(request.prompt):
        raise NoPrompt
    if request.mask and not request.images:
        raise NeedsImage(option="mask")


def _with_whole_names(request: ImageRequest, takes: Capabilities) -> ImageRequest:
    """The names for which a choice's value is short."""
    return request.having(
        scheduler=named_by(request.scheduler or "", takes.schedulers) or request.scheduler,
        quality=named_by(request.quality or "", takes.qualities) or request.quality,
        style=named_by(request.style or "", takes.styles) or request.style,
    )


def _choose_options(request: ImageRequest, settings: Settings, takes: Capabilities) -> RequestChanges:
    """The options that have defaults, as the model takes them."""
    return RequestChanges(
        seed=_choose_seed(request, takes),
        quality=request.quality or takes.usual_quality,
        refiner=settings.refiner if takes.refiner else None,
        safety_checker=settings.safety_checker if takes.safety_checker else None,
    )


def _notes(request: ImageRequest, settings: Settings, provider: Provider, models: Sequence[Model]) -> Iterator[Note]:
    """What the receipt has to add about the provider and its model."""
    if request.model is None and settings.provider == provider.name and _is_gone(settings.model, models):
        yield ModelGone()
    if not provider.uses_ai:
        yield NoAI()


def _is_gone(model_id: str | None, models: Sequence[Model]) -> bool:
    return model_id is not None and find_model(models, model_id) is None


def _can_draw(takes: Capabilities, request: ImageRequest) -> bool:
    if request.upscale:
        return takes.upscale
    if request.mask:
        return takes.inpainting
    return takes.image_to_image if request.images else takes.text_to_image


def _refusal(model: Model, request: ImageRequest) -> OptionNotTaken | CannotDrawFrom:
    if request.upscale:
        return OptionNotTaken(option="upscale", model=model.title)
    source = Source.MASK if request.mask else Source.IMAGE if request.images else Source.WORDS
    return CannotDrawFrom(source=source, model=model.title, sources=_sources(model.capabilities))


def _sources(takes: Capabilities) -> tuple[Source, ...]:
    able = {Source.WORDS: takes.text_to_image, Source.IMAGE: takes.image_to_image, Source.MASK: takes.inpainting}
    return tuple(source for source in Source if able[source])


def _check_options(request: ImageRequest, model: Model) -> None:
    for option in (*OPTIONS, COUNT):
        if refusal := option.refusal(request, model):
            raise refusal
    if request.strength is not None and model.capabilities.image_to_image and not request.images:
        raise NeedsImage(option="strength")
    if request.size is not None:
        _check_size(request.size, model, from_image=bool(request.images))


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
    """The size to draw at, and a note if the server's default did not fit."""
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
    """The size nearest to an image's, and a note if their proportions differ."""
    size = takes.nearest_size(shape)
    if size is None or size.distance(shape)[0] <= MAX_STRETCH:
        return size, ()
    return size, (SizeFitted(size=size, wanted=shape, whose="image"),)


def _choose_seed(request: ImageRequest, takes: Capabilities) -> int | None:
    """A seed for every model that takes one, so that the receipt can show it."""
    if not takes.seed:
        return None
    return random_seed() if request.seed is None else request.seed


def _by_title(models: Sequence[Model], text: str) -> Model | None:
    """The model whose title or id a member typed instead of picking it from the list."""
    wanted = text.strip().casefold()
    return next((model for model in models if wanted in (model.title.casefold(), model.id.casefold())), None)
