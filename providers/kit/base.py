"""What a provider is, and the thread by which it speaks back to the job it draws for."""

import logging
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any, ClassVar, Generic, NamedTuple, Protocol, TypeVar, get_args, get_origin

import typing_extensions
from pydantic import SecretStr

from domain import BadResponse, EaselError, ImageRequest, Model, Picture, Size, Sources
from providers.http.api import Api
from providers.http.transport import Transport
from providers.kit.discovery import Discovery
from providers.kit.settings import ProviderSettings

log = logging.getLogger(__name__)

Item = TypeVar("Item")
Settings = typing_extensions.TypeVar("Settings", bound=ProviderSettings, default=ProviderSettings)

NO_FREE_CALL = "cannot be tested without paying"
COMMON_SIZES = tuple(
    map(Size.parse, ("1024x1024", "1024x576", "576x1024", "1024x768", "768x1024", "768x768", "512x512"))
)
"""What to offer where an API takes any size and names none."""


class Progress(Protocol):
    """The job's side of one call to `Provider.generate`."""

    @property
    def remembered(self) -> Mapping[str, Any] | None:
        """What an earlier try of the same call stored: go on from there, and never submit, or pay, twice."""

    async def remember(self, ref: Mapping[str, Any]) -> None:
        """Store a remote id or result links, before they are polled or downloaded."""

    async def forget(self) -> None:
        """The provider's last word: what was remembered leads to nothing any more."""

    async def keep(self, picture: Picture) -> None:
        """Put a picture into the spool as it arrives; raises BadResponse when the bytes are no picture at all.

        Whether it can be shown is looked at when the call has ended.
        """

    def skip(self) -> None:
        """Tell that the next picture cannot be had, so that what an earlier try has kept of it stays."""

    def seconds_left(self) -> float:
        """Seconds to the job's own end, at which the drawing is called off from outside."""
        ...

    async def report(
        self,
        fraction: float | None = None,
        position: int | None = None,
        eta: float | None = None,
        preview: bytes | None = None,
    ) -> None:
        """Tell how far the drawing is: 0 to 1, the place in the provider's queue, seconds to go, an unfinished picture.

        A preview that is no picture is left out.
        """


async def keep_all(progress: Progress, items: Iterable[Item], fetch: Callable[[Item], Awaitable[Picture]]) -> None:
    """Keep every picture that can be had, then raise the error of one that cannot: each of them is paid for.

    Prefers errors after which another try may succeed; the remote job is forgotten only where all are permanent.
    """
    failed: list[EaselError] = []
    for item in items:
        try:
            await progress.keep(await fetch(item))
        except EaselError as error:
            failed.append(error)
            progress.skip()
    if not failed:
        return
    retryable = [error for error in failed if not isinstance(error, BadResponse)]
    if not retryable:
        await progress.forget()
    raise (retryable or failed)[-1]


def title_of(providers: "Mapping[str, Provider]", name: str) -> str:
    """A provider's title; its name where the host has switched it off since."""
    return providers[name].title if name in providers else name


class Health(NamedTuple):
    """What `bot.py --check` prints of one provider."""

    reachable: bool
    models: int | None
    """How many, where the API lists them."""
    key: str
    """What is known of the key, as a sentence."""


class Provider(ABC, Generic[Settings]):
    """One image API, and in brackets the type of its settings, where it has some of its own.

    `generate` draws one call's worth of pictures (`Capabilities.per_call` at most) and raises only errors of
    `domain.errors`. The request that it gets is complete and checked: its options are those that the model takes.
    """

    settings_type: ClassVar[type[ProviderSettings]] = ProviderSettings
    """Taken from the brackets."""
    _api: Api
    """Set by those that speak to one."""
    name: str
    """The word used in options, settings, config and logs."""
    title: str
    is_paid: ClassVar[bool] = True
    """False: a job may simply run again."""
    uses_ai: ClassVar[bool] = True
    """False: pictures are painted by an algorithm, and their files say so."""
    is_external: ClassVar[bool] = True
    """False: words and images stay on machines of the host's own."""
    uses_volunteers: ClassVar[bool] = False
    """True: strangers draw on their own machines, and could read the words."""
    reports: ClassVar[frozenset[str]] = frozenset()
    """What of `Progress.report` it tells: fraction, position, eta, preview."""
    suspension_time: ClassVar[timedelta | None] = None
    """Where one member's refused words may shut out the whole bot: for how long to hold that member back.

    Told by ContentRejected that `counts_against_member`: a refused picture is nobody's fault.
    """

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        for base in cls.__dict__.get("__orig_bases__", ()):
            if get_origin(base) is Provider:
                (cls.settings_type,) = get_args(base)

    def __init__(self, settings: Settings, transport: Transport) -> None:
        self.settings = settings
        self.transport = transport
        self._discoveries: list[Discovery[Any]] = []

    @classmethod
    def missing_setting(cls, settings: Settings) -> str | None:
        """What the host has to set to switch the provider on; None when nothing is missing."""
        return None if settings.api_key else f"set {cls.name.upper()}_API_KEY"

    @classmethod
    def invalid_setting(cls, settings: Settings) -> str | None:
        """Which setting cannot work as it stands; asked only when nothing is missing."""
        return None

    @abstractmethod
    async def models(self) -> Sequence[Model]:
        """The models on offer, at least one, the default first; never fails and takes 1.5 s at most."""

    @abstractmethod
    async def generate(self, request: ImageRequest, sources: Sources, progress: Progress) -> None: ...

    async def check(self) -> Health:
        """Try the API without paying: whether it answers, which is all that most APIs tell for nothing."""
        return Health(await self._api.is_reachable(), models=None, key=NO_FREE_CALL)

    async def cancel(self, ref: Mapping[str, Any]) -> None:
        """Tell the API that what was remembered is wanted no more; errors are the caller's to log."""

    async def abandon(self, ref: Mapping[str, Any]) -> None:
        """Call off what an earlier try has left, for its answer reaches nobody any more; errors are logged."""
        try:
            await self.cancel(ref)
        except EaselError as error:
            log.info("%s: what is wanted no more could not be called off: %s", self.name, error)

    def api(
        self,
        base_url: str,
        *,
        header: str = "",
        prefix: str = "",
        key: SecretStr | None = None,
        domains: Sequence[str] = (),
    ) -> Api:
        """Calls below a base URL, as `http.api.Api`."""
        hosts = self.settings.link_hosts
        return Api(self.transport, base_url, header=header, prefix=prefix, key=key, domains=domains, link_hosts=hosts)

    def discovery(self, load: Callable[[], Awaitable[Item]], fallback: Item) -> Discovery[Item]:
        """A list that the API may change, read in the background until the provider is closed."""
        made = Discovery(self.name, load, fallback)
        self._discoveries.append(made)
        return made

    async def close(self) -> None:
        """Stop what runs in the background."""
        for each in self._discoveries:
            await each.close()
