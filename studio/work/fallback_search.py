"""After a provider fails: the search for the next one of the server's fallback chain that can and may draw the job."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from functools import partial

from domain import (
    Acceptance,
    AuthError,
    Down,
    EaselError,
    Failure,
    ImageRequest,
    Job,
    NotAsked,
    Note,
    Paused,
    QuotaError,
    RateLimited,
    Settings,
    State,
    SwitchedOff,
    Timeout,
    Tried,
    Unavailable,
)
from domain.errors import OutageKind
from domain.jobs import JobChanges
from domain.outcomes import Passed, TookOver
from providers.kit.base import title_of
from storage.store import Store
from studio.intake.admission import Suspensions
from studio.intake.files import check_uploads
from studio.intake.planning import Planner
from studio.work.breakers import Breakers
from studio.work.payment import may_be_asked_again


class FallbackSearch:
    """Plans a job anew for the next provider of its server's fallback chain."""

    def __init__(self, planner: Planner, store: Store, breakers: Breakers, suspensions: Suspensions) -> None:
        self._suspensions = suspensions
        self._planner = planner
        self._settings = store.settings
        self._spool = store.spool
        self._breakers = breakers

    async def next(self, job: Job, failure: Failure, taken: Acceptance) -> JobChanges | None:
        """The changed fields of the job, planned for the next provider; None if none can or may draw it."""
        cause = _cause(failure)
        if job.asked is None or cause is None or not may_be_asked_again(job, taken):
            return None
        tried = (*job.tried, Tried(provider=job.provider, kind=cause, asked=not isinstance(failure, NotAsked)))
        settings = await self._settings.get(job.guild_id)
        for name in settings.chain:
            if name in {each.provider for each in tried} or name not in self._planner.providers:
                continue
            if not self._breakers.is_open(name) and (planned := await self._plan_for(job, job.asked, name, settings)):
                return _changes(planned, tried, self._note(tried, planned))
        return None

    async def _plan_for(self, job: Job, asked: ImageRequest, name: str, settings: Settings) -> Job | None:
        """The job planned for that provider, with its default model or else the first that takes the request."""
        if asked.provider and not self._sends_outside(asked.provider) and self._sends_outside(name):
            return None  # a member who chose the host's own machine may want the prompt to stay there
        try:
            await self._suspensions.check(job.having(provider=name))
        except EaselError:
            return None
        models = () if asked.model else await self._planner.providers[name].models()
        for model in (asked.model, *(each.id for each in models)):
            await asyncio.sleep(0)  # a list may be long
            wanted = asked.having(provider=name, model=model, private=job.private)
            with suppress(EaselError):
                planned = await self._planner.plan(wanted, settings, job)
                await check_uploads(self._spool, planned, self._planner)
                return planned
        return None

    def _sends_outside(self, name: str) -> bool:
        """Whether the provider is certainly not on the host's own machines; False for one that is switched off."""
        return name in self._planner.providers and self._planner.providers[name].is_external

    def _note(self, tried: Sequence[Tried], planned: Job) -> TookOver:
        titles = partial(title_of, self._planner.providers)
        passed = tuple(Passed(title=titles(each.provider), cause=each.kind) for each in tried)
        return TookOver(passed=passed, title=titles(planned.provider))


def _cause(failure: Failure) -> OutageKind | None:
    """The reason for a fallback; None if there must be none, as after a refused prompt."""
    match failure:
        case Down() | Paused():
            return failure.cause
        case SwitchedOff():
            return "Unavailable"
        case AuthError() | QuotaError() | RateLimited() | Unavailable() | Timeout():
            return failure.kind
        case _:
            return None


def _changes(planned: Job, tried: tuple[Tried, ...], note: Note) -> JobChanges:
    anew = JobChanges(state=State.QUEUED, calls_done=0, remote=None, started=None, tried=tried)
    return JobChanges(**planned.plan()) | anew | JobChanges(notes=(note, *planned.notes))
