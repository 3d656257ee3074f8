# pyright: basic, reportOptionalMemberAccess=false, reportAttributeAccessIssue=false, reportArgumentType=false
"""Fallbacks: after which failures, to which provider, and what the receipt says."""

from datetime import UTC, datetime, timedelta

import pytest

from domain import (
    Acceptance,
    AuthError,
    BadResponse,
    Capabilities,
    ContentRejected,
    ImageRequest,
    InvalidRequest,
    Job,
    Model,
    Picture,
    QuotaError,
    RateLimited,
    Settings,
    Size,
    State,
    Timeout,
    Tried,
    Unavailable,
    Upload,
)
from providers.kit.base import Provider
from studio.display import Report
from studio.intake.admission import Suspensions
from studio.intake.pending import Acknowledgements
from studio.intake.planning import Planner
from studio.lease import Leases
from studio.work.breakers import FAILURES_IN_A_ROW, Breakers
from studio.work.drawing import Drawer
from studio.work.fallback_search import FallbackSearch
from studio.work.job_queue import TryLater
from studio.work.provider_calls import ProviderCalls
from tests.conftest import make_job
from tests.studio.conftest import FakeProvider, paint, png
from views.wording.notes import note_sentence
from views.wording.outcomes import PAYMENT_UNKNOWN, explain

ASKED = ImageRequest(prompt="a boat", seed=5)
NOT_TAKEN = Unavailable("no connection", taken=Acceptance.NOT_TAKEN)
MAYBE_TAKEN = Unavailable("500")


class Scenario:
    """Several providers, and a drawer for jobs of the first, in a server with a fallback chain."""

    def __init__(self, store, delivery) -> None:
        self.store, self.delivery = store, delivery
        self.providers: dict[str, Provider] = {}
        self.stages: list[tuple[str, str, timedelta]] = []
        self.breakers = Breakers(store)
        self.suspensions = Suspensions(self.providers, store.meta)

    def add_provider(
        self, name: str, script, *, paid=True, takes: Capabilities | None = None, bans=None
    ) -> FakeProvider:
        model = Model(id=f"{name} model", title=name.title(), capabilities=takes or Capabilities(seed=True))
        made = FakeProvider(script, models=[model])
        made.name, made.title, made.is_paid, made.suspension_time = name, name.title(), paid, bans
        self.providers[name] = made
        return made

    async def drawn(self, *chain: str, asked=ASKED, **changes):
        """A job of the first provider after all fallbacks."""
        await self.store.settings.set(200, Settings(chain=chain))
        first = next(iter(self.providers))
        job = make_job(provider=first, asked=asked, request=asked, **changes)
        await self.store.jobs.add(job)
        links = FallbackSearch(Planner(self.providers, first), self.store, self.breakers, self.suspensions)
        calls = ProviderCalls(
            self.providers, self.store.spool, self.delivery, Acknowledgements(), self.breakers, self.suspensions
        )
        drawer = Drawer(self.providers, calls, links, self.delivery)
        for _ in range(10):
            async with Leases(self.store.jobs, self._stage).hold(job.id) as held:
                await drawer.draw(held)
            if held.job.state is State.DRAWN:
                return await self.store.jobs.get(job.id)
        raise AssertionError("it goes round and round")

    def _stage(self, job: Job, time: timedelta) -> None:
        self.stages.append((job.provider, job.state, time))


def fails(error):
    async def script(request, sources, progress):
        raise error

    return script


async def refuse(suspensions: Suspensions, job: Job) -> None:
    with pytest.raises(ContentRejected):
        async with suspensions.guard_request(job):
            raise ContentRejected("no", counts_against_member=True)


@pytest.fixture
def scenario(store, delivery) -> Scenario:
    return Scenario(store, delivery)


@pytest.mark.parametrize(
    "error",
    [
        NOT_TAKEN,
        RateLimited("429", taken=Acceptance.NOT_TAKEN),
        QuotaError("402", taken=Acceptance.NOT_TAKEN),
        AuthError("401", taken=Acceptance.NOT_TAKEN),
    ],
)
async def test_a_request_that_a_paid_provider_did_not_accept_falls_back(scenario, error):
    scenario.add_provider("first", fails(error))
    second = scenario.add_provider("second", paint)
    job = await scenario.drawn("second")
    assert (job.provider, job.model, job.model_title) == ("second", "second model", "Second")
    assert (job.failure, len(job.drawn)) == (None, 1)
    assert job.tried == (Tried(provider="first", kind=type(error).__name__),)
    assert note_sentence(job.notes[0]).startswith("First ")
    assert note_sentence(job.notes[0]).endswith(", so Second drew it.")
    assert second.requests[0].seed == 5


@pytest.mark.parametrize(
    "error",
    [
        MAYBE_TAKEN,
        Timeout("no answer"),
        ContentRejected("no", taken=Acceptance.NOT_TAKEN),
        InvalidRequest("no", option="size", taken=Acceptance.NOT_TAKEN),
        BadResponse("what"),
    ],
)
async def test_no_fallback_after_a_possible_charge_or_a_refusal(scenario, error):
    scenario.add_provider("first", fails(error))
    second = scenario.add_provider("second", paint)
    job = await scenario.drawn("second")
    assert (job.provider, job.failure.kind) == ("first", type(error).__name__)
    assert second.requests == []


async def remembers_and_forgets(request, sources, progress):
    await progress.remember({"id": "7"})
    await progress.forget()
    raise MAYBE_TAKEN


@pytest.mark.parametrize(
    ("script", "paid", "is_unknown"),
    [
        (fails(MAYBE_TAKEN), True, True),
        (fails(Timeout("cut")), True, True),
        (fails(MAYBE_TAKEN), False, False),
        (fails(NOT_TAKEN), True, False),
        (fails(BadResponse("what")), True, False),
        (remembers_and_forgets, True, False),
    ],
)
async def test_an_unknown_acceptance_is_reported_to_the_member(scenario, script, paid, is_unknown):
    scenario.add_provider("first", script, paid=paid)
    assert (PAYMENT_UNKNOWN in explain((await scenario.drawn()).failure)) is is_unknown


@pytest.mark.parametrize("error", [MAYBE_TAKEN, Timeout("late")])
async def test_a_free_providers_job_falls_back_at_any_time_and_is_cancelled(scenario, error):
    called_off = []

    async def accepted(request, sources, progress):
        await progress.remember({"id": "7"})
        raise error

    async def cancel(ref):
        called_off.append(ref)

    scenario.add_provider("first", accepted, paid=False).cancel = cancel
    scenario.add_provider("second", paint)
    job = await scenario.drawn("second")
    assert (job.provider, job.remote, called_off) == ("second", None, [{"id": "7"}])


async def test_no_fallback_for_an_accepted_paid_job(scenario):
    async def accepted(request, sources, progress):
        await progress.remember({"id": "7"})
        raise NOT_TAKEN

    scenario.add_provider("first", accepted)
    scenario.add_provider("second", paint)
    job = await scenario.drawn("second")
    assert (job.provider, job.remote) == ("first", {"id": "7"})


async def test_no_fallback_once_a_picture_has_arrived(scenario):
    async def one_of_two(request, sources, progress):
        await progress.keep(Picture(data=png()))
        raise NOT_TAKEN

    scenario.add_provider("first", one_of_two)
    scenario.add_provider("second", paint)
    assert (await scenario.drawn("second")).provider == "first"


async def test_providers_that_are_unable_or_off_or_down_are_skipped(scenario):
    scenario.add_provider("first", fails(NOT_TAKEN))
    blind = scenario.add_provider("blind", paint, takes=Capabilities(text_to_image=False, image_to_image=True))
    seedless = scenario.add_provider("seedless", paint, takes=Capabilities())
    down = scenario.add_provider("down", paint)
    for _ in range(FAILURES_IN_A_ROW):
        await scenario.breakers.record(make_job(9, provider="down"), NOT_TAKEN)
    scenario.add_provider("last", paint)
    job = await scenario.drawn("blind", "gone", "seedless", "down", "first", "last")
    assert job.provider == "last"
    assert [each.requests for each in (blind, seedless, down)] == [[], [], []]


async def test_the_whole_chain_may_fail_and_says_so(scenario):
    for name in ("first", "second", "third"):
        scenario.add_provider(name, fails(NOT_TAKEN))
    job = await scenario.drawn("second", "third")
    assert (job.provider, job.failure.kind) == ("third", "Unavailable")
    assert [each.provider for each in job.tried] == ["first", "second"]


async def test_a_model_that_was_named_is_not_replaced(scenario):
    scenario.add_provider("first", fails(NOT_TAKEN))
    scenario.add_provider("second", paint)
    job = await scenario.drawn("second", asked=ASKED.model_copy(update={"model": "first model"}))
    assert (job.provider, job.failure.kind) == ("first", "Unavailable")


async def test_the_receipt_names_the_failed_providers_in_order(scenario):
    scenario.add_provider("first", fails(NOT_TAKEN))
    scenario.add_provider("second", fails(RateLimited("429", taken=Acceptance.NOT_TAKEN)))
    scenario.add_provider("third", paint)
    job = await scenario.drawn("second", "third")
    assert note_sentence(job.notes[0]) == "First was not working and Second was over its limit, so Third drew it."


async def test_the_fallback_provider_has_its_own_time_limit(scenario):
    scenario.add_provider("first", fails(NOT_TAKEN))
    scenario.add_provider("second", paint)
    job = await scenario.drawn("second", started=datetime.now(UTC) - timedelta(minutes=9))
    assert job.seconds < 60


async def test_a_prompt_for_the_hosts_own_machine_does_not_leave_it(scenario):
    own = scenario.add_provider("first", fails(NOT_TAKEN))
    own.is_external = False
    scenario.add_provider("second", paint)
    assert (await scenario.drawn("second", asked=ASKED.model_copy(update={"provider": "first"}))).provider == "first"


async def test_a_prompt_for_the_hosts_own_machine_does_not_leave_it_when_that_is_off(scenario):
    scenario.add_provider("first", fails(NOT_TAKEN))
    second = scenario.add_provider("second", paint)
    job = await scenario.drawn("second", asked=ASKED.model_copy(update={"provider": "own"}))
    assert (job.provider, second.requests) == ("first", [])


async def test_a_prompt_without_a_chosen_provider_may_leave_the_hosts_machine(scenario):
    scenario.add_provider("first", fails(NOT_TAKEN))
    scenario.add_provider("own", fails(NOT_TAKEN)).is_external = False
    scenario.add_provider("last", paint)
    job = await scenario.drawn("own", "last", asked=ASKED.model_copy(update={"provider": "first"}))
    assert job.provider == "last"


async def test_the_fallback_draws_with_any_of_its_models_that_can(scenario):
    scenario.add_provider("first", fails(NOT_TAKEN))
    without, able = Capabilities(), Capabilities(seed=True)
    scenario.add_provider("second", paint).listed = [
        Model(id=id, title=id, capabilities=takes) for id, takes in (("a", without), ("b", able), ("c", able))
    ]
    job = await scenario.drawn("second")
    assert (job.provider, job.model) == ("second", "b")


async def test_an_error_in_the_search_for_a_fallback_does_not_fail_the_job(scenario, monkeypatch, caplog):
    scenario.add_provider("first", fails(NOT_TAKEN))
    scenario.add_provider("second", paint)

    async def away(*_):
        raise OSError("the bucket is away")

    monkeypatch.setattr(Planner, "plan", away)
    job = await scenario.drawn("second")
    assert (job.state, job.failure.kind) == (State.DRAWN, "Unavailable")
    assert "the search for a fallback provider failed" in caplog.text


async def test_the_duration_counts_from_the_fallbacks_start(scenario):
    scenario.add_provider("first", fails(NOT_TAKEN))
    scenario.add_provider("second", paint)
    await scenario.drawn("second", created=datetime.now(UTC) - timedelta(hours=1))
    times = {(provider, state): time.total_seconds() for provider, state, time in scenario.stages}
    assert times["first", "queued"] > 3600
    assert times["second", "queued"] < 1800
    assert {("first", "sending"), ("second", "sending")} <= times.keys()


async def test_a_provider_that_needs_a_link_is_skipped_without_one(scenario):
    image = Upload(url=None, size=Size(64, 64), key="uploads/1/image")
    await scenario.store.spool.put("uploads/1/image", png())
    takes = Capabilities(image_to_image=True)
    scenario.add_provider("first", fails(NOT_TAKEN), takes=takes)
    scenario.add_provider("linked", paint, takes=Capabilities(image_to_image=True, image_by_link=True))
    scenario.add_provider("last", paint, takes=takes)
    asked = ImageRequest(prompt="a boat", images=(image,))
    assert (await scenario.drawn("linked", "last", asked=asked)).provider == "last"


@pytest.mark.parametrize("state", [State.QUEUED, State.SENDING])
async def test_the_prompt_of_a_member_who_is_suspended_meanwhile_is_not_sent(scenario, state):
    strict = scenario.add_provider("first", paint, paid=False, bans=timedelta(minutes=10))
    await refuse(scenario.suspensions, make_job(9, provider="first"))
    job = await scenario.drawn(state=state)
    assert (job.failure.kind, strict.requests) == ("Suspended", [])


async def test_a_private_job_stays_private(scenario):
    scenario.add_provider("first", fails(NOT_TAKEN))
    scenario.add_provider("second", paint)
    job = await scenario.drawn("second", private=True)
    assert (job.provider, job.private, job.request.private) == ("second", True, True)


async def test_an_open_breaker_falls_back_at_once(scenario):
    first = scenario.add_provider("first", paint)
    scenario.add_provider("second", paint)
    for _ in range(FAILURES_IN_A_ROW):
        await scenario.breakers.record(make_job(9, provider="first"), NOT_TAKEN)
    job = await scenario.drawn("second")
    assert (job.provider, first.requests) == ("second", [])


async def test_without_a_fallback_an_outage_is_reported_at_once(scenario):
    first = scenario.add_provider("first", paint)
    for _ in range(FAILURES_IN_A_ROW):
        await scenario.breakers.record(make_job(9, provider="first"), NOT_TAKEN)
    job = await scenario.drawn()
    assert (job.failure.kind, first.requests, job.started) == ("Down", [], None)


async def test_a_provider_that_asks_for_a_pause_gets_it(scenario):
    scenario.add_provider("first", paint)
    await scenario.breakers.record(make_job(9, provider="first"), RateLimited("429", retry_after=20))
    with pytest.raises(TryLater):
        await scenario.drawn(created=datetime.now(UTC))


@pytest.mark.parametrize("kind", [RateLimited, Unavailable])
async def test_a_longer_pause_is_waited_for_in_the_queue_without_a_fallback(scenario, kind):
    calls = []

    async def busy_once(request, sources, progress):
        calls.append(request)
        if len(calls) == 1:
            raise kind("later", retry_after=100, taken=Acceptance.NOT_TAKEN)
        await paint(request, sources, progress)

    scenario.add_provider("first", busy_once)
    with pytest.raises(TryLater):
        await scenario.drawn(created=datetime.now(UTC))
    job = await scenario.store.jobs.get("1")
    assert (job.state, job.started, scenario.breakers.is_open("first")) == (State.QUEUED, None, True)
    assert [left.id for left in await scenario.store.jobs.unheld()] == ["1"]
    assert scenario.delivery.reports[-1] == Report(eta=100, paused=True)
    with pytest.raises(TryLater):
        await scenario.drawn()
    assert len(calls) == 1, "the queue retries during the pause, and the provider is not asked"
    assert scenario.delivery.reports[-1].paused
    outage = scenario.breakers.outage("first")
    assert await scenario.store.outages.allow_probe(outage, datetime.now(UTC))
    await scenario.breakers.refresh()
    job = await scenario.drawn()
    assert (job.failure, len(job.drawn), len(calls)) == (None, 1, 2)
    assert scenario.breakers.outage("first") is None


async def test_a_pause_is_not_waited_for_beyond_the_reply_deadline(scenario):
    scenario.add_provider("first", fails(RateLimited("429", retry_after=100, taken=Acceptance.NOT_TAKEN)))
    job = await scenario.drawn(created=datetime.now(UTC) - timedelta(minutes=11))
    assert (job.failure.kind, job.failure.retry_after) == ("RateLimited", 100)


@pytest.mark.parametrize(("paid", "moves"), [(True, False), (False, True)])
async def test_a_job_sent_by_an_earlier_process_falls_back_only_if_it_is_free(scenario, paid, moves):
    """The earlier process's call may have been accepted, even if this one is refused."""

    async def forgets(request, sources, progress):
        await progress.forget()
        raise NOT_TAKEN

    scenario.add_provider("first", forgets, paid=paid)
    second = scenario.add_provider("second", paint)
    job = await scenario.drawn("second", state=State.WAITING, remote={"seed": 7})
    assert (len(second.requests), job.failure is None) == (moves, moves)


@pytest.mark.parametrize(
    ("report", "lets_in"), [({"eta": 20}, False), ({"fraction": 0.0}, True), ({"position": 3}, True)]
)
async def test_progress_of_the_probe_allows_the_next_one(scenario, report, lets_in):
    async def reporting(request, sources, progress):
        await progress.report(**report)
        shut.append(scenario.breakers.is_open("first"))
        raise NOT_TAKEN

    shut: list[bool] = []
    scenario.add_provider("first", reporting)
    await scenario.breakers.record(make_job(9, provider="first"), RateLimited("429", retry_after=1e-6))
    await scenario.drawn()
    assert shut == [not lets_in]
    assert scenario.breakers.is_open("first")


async def test_a_provider_that_has_suspended_the_member_is_skipped(scenario):
    scenario.add_provider("first", fails(NOT_TAKEN))
    scenario.add_provider("strict", paint, bans=timedelta(minutes=10))
    await refuse(scenario.suspensions, make_job(9, provider="strict"))
    assert (await scenario.drawn("strict")).failure.kind == "Unavailable"
