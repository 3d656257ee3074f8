"""The base class of providers, and `Progress`, the callbacks to the job that they draw for."""

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
from providers.kit.facts_files import built_in
from providers.kit.settings import ProviderSettings

log = logging.getLogger(__name__)

Item = TypeVar("Item")
OwnSettings = typing_extensions.TypeVar("OwnSettings", bound=ProviderSettings, default=ProviderSettings)

NO_FREE_CALL = "cannot be tested without paying"
COMMON_SIZES = tuple(
    map(Size.parse, ("1024x1024", "1024x576", "576x1024", "1024x768", "768x1024", "768x768", "512x512"))
)
"""Offered where an API takes any size and lists none."""


class Progress(Protocol):
    """Callbacks of one call to `Provider.generate`, implemented by the job."""

    @property
    def remembered(self) -> Mapping[str, Any] | None:
        """What an earlier run of the same call has stored: resume from there, never submit and pay twice."""

    async def remember(self, ref: Mapping[str, Any]) -> None:
        """Store the remote id or result links, before polling or downloading."""

    async def forget(self) -> None:
        """Clear what was remembered: the remote job has ended without a result."""

    async def keep(self, picture: Picture) -> None:
        """Save a picture as it arrives; raises BadResponse for bytes that are no picture.

        It is decoded only when the call has ended.
        """

    def skip(self) -> None:
        """Skip the next picture, which is unavailable; one saved by an earlier run stays."""

    def seconds_left(self) -> float:
        """Seconds until the job's deadline, when this call is cancelled."""
        ...

    async def report(
        self,
        fraction: float | None = None,
        position: int | None = None,
        eta: float | None = None,
        preview: bytes | None = None,
    ) -> None:
        """Report progress: 0 to 1, position in the provider's queue, seconds left, an unfinished picture.

        A preview that is no picture is ignored.
        """


async def keep_all(progress: Progress, items: Iterable[Item], fetch: Callable[[Item], Awaitable[Picture]]) -> None:
    """Save all pictures that are available, then raise the error of one that is not: each is paid for.

    Prefers retryable errors; forgets the remote job only if all are permanent.
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
    """A provider's title; its name where it is disabled."""
    return providers[name].title if name in providers else name


class Health(NamedTuple):
    """Result of `Provider.check`, printed by `bot.py --check`."""

    reachable: bool
    models: int | None
    """Number of models, where the API lists them."""
    key: str
    """State of the key, as a sentence for the host."""


class Provider(ABC, Generic[OwnSettings]):
    """One image API; the type parameter is its settings model.

    `generate` draws one call's worth of pictures (`Capabilities.per_call` at most) and raises only errors of
    `domain.errors`. The request that it gets is complete and checked: its options are those that the model takes.
    """

    settings_type: ClassVar[type[ProviderSettings]] = ProviderSettings
    """Set from the type parameter."""
    _api: Api
    """Set by subclasses that call an HTTP API."""
    name: str
    """Identifier in options, settings, environment variables and logs."""
    title: str
    is_paid: ClassVar[bool] = True
    """False: a job may be run again without asking."""
    uses_ai: ClassVar[bool] = True
    """False: an algorithm without AI draws, and the files' metadata says so."""
    is_external: ClassVar[bool] = True
    """False: prompts and images stay on the host's own machines."""
    uses_volunteers: ClassVar[bool] = False
    """True: volunteers draw on their own machines, and could read the prompts."""
    reports: ClassVar[frozenset[str]] = frozenset()
    """Which arguments of `Progress.report` it uses: fraction, position, eta, preview."""
    max_image_bytes: ClassVar[int | None] = None
    """Of a PNG to draw from; a larger one is scaled down before `generate`. None: no limit is known."""
    suspension_time: ClassVar[timedelta | None] = None
    """How long to suspend a member whose prompt was refused, where the provider bans the whole bot for repetitions.

    Applies to ContentRejected with `counts_against_member`: a prompt was refused, not only a picture.
    """

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        for base in cls.__dict__.get("__orig_bases__", ()):
            if get_origin(base) is Provider:
                (cls.settings_type,) = get_args(base)

    def __init__(self, settings: OwnSettings, transport: Transport) -> None:
        self.settings = settings
        self.transport = transport
        self.facts = settings.facts or built_in(settings.facts_file(self.name))
        self._discoveries: list[Discovery[Any]] = []

    @classmethod
    def missing_setting(cls, settings: OwnSettings) -> str | None:
        """What the host has to set to enable the provider; None where nothing is missing."""
        return None if settings.api_key else f"set {cls.name.upper()}_API_KEY"

    @classmethod
    def invalid_setting(cls, settings: OwnSettings) -> str | None:
        """What is wrong with the settings; called only where nothing is missing."""
        return None

    async def models(self) -> Sequence[Model]:
        """The models to choose from, at least one, the default first; never raises and takes at most 1.5 s.

        A model that has ended is left out, even if the host has named it.
        """
        models = await self.offered()
        return self.facts.without_ended(models) or self.facts.listed or models

    @abstractmethod
    async def offered(self) -> Sequence[Model]:
        """As `models`, with those that have ended."""

    @abstractmethod
    async def generate(self, request: ImageRequest, sources: Sources, progress: Progress) -> None: ...

    async def check(self) -> Health:
        """Test the API free of charge; by default only whether it answers."""
        return Health(await self._api.is_reachable(), models=None, key=NO_FREE_CALL)

    async def mistakes(self) -> Sequence[str]:
        """What the host has to mend on the server, a sentence each; raises EaselError. For `bot.py --check`."""
        return ()

    async def cancel(self, ref: Mapping[str, Any]) -> None:
        """Cancel a remembered remote job; raises EaselError."""

    async def abandon(self, ref: Mapping[str, Any]) -> None:
        """Cancel the remote job of an earlier run, best effort: errors are logged."""
        try:
            await self.cancel(ref)
        except EaselError as error:
            log.info("%s: an abandoned remote job could not be cancelled: %s", self.name, error)

    def api(
        self,
        base_url: str,
        *,
        header: str = "",
        prefix: str = "",
        key: SecretStr | None = None,
        domains: Sequence[str] = (),
    ) -> Api:
        """The HTTP client for a base URL, with the configured link hosts; it redacts the settings' secrets."""
        return Api(
            self.transport,
            base_url,
            header=header,
            prefix=prefix,
            key=key,
            domains=domains,
            link_hosts=self.settings.link_hosts,
            secrets=[each.get_secret_value() for _, each in self.settings if isinstance(each, SecretStr)],
        )

    def discovery(self, load: Callable[[], Awaitable[Item]], fallback: Item) -> Discovery[Item]:
        """A list from the API, loaded in the background until the provider is closed."""
        made = Discovery(self.name, load, fallback)
        self._discoveries.append(made)
        return made

    async def close(self) -> None:
        """Stop background tasks."""
        for each in self._discoveries:
            await each.close()
