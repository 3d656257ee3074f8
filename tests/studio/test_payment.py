# pyright: basic, reportAttributeAccessIssue=false
"""Nothing is paid for twice: what may follow a call that failed."""

import pytest

from domain import Acceptance, Cancelled, Drawn, Interrupted, PicturesGone, State, SwitchedOff, Timeout, Unavailable
from domain.errors import Unexpected
from studio.work.payment import acceptance, check_resumable, is_new, may_be_asked_again
from tests.conftest import make_job
from tests.studio.conftest import FakeProvider

NOT_TAKEN, UNKNOWN, TAKEN = Acceptance
REFUSED, CUT = Unavailable(taken=NOT_TAKEN), Timeout(taken=UNKNOWN)
REMOTE = {"id": 7}


def provider(*, paid: bool = True) -> FakeProvider:
    made = FakeProvider()
    made.is_paid = paid
    return made


@pytest.mark.parametrize(
    ("error", "changes", "was_new", "expected"),
    [
        (REFUSED, {"state": State.SENDING}, True, NOT_TAKEN),
        (REFUSED, {"state": State.SENDING}, False, UNKNOWN),
        (REFUSED, {"state": State.WAITING, "remote": REMOTE}, True, TAKEN),
        (REFUSED, {"state": State.WAITING}, True, NOT_TAKEN),
        (CUT, {"state": State.SENDING}, True, UNKNOWN),
        (CUT, {"state": State.WAITING}, True, TAKEN),
        (CUT, {"state": State.QUEUED}, True, NOT_TAKEN),
        (CUT, {"state": State.QUEUED}, False, UNKNOWN),
        (CUT, {"state": State.QUEUED, "calls_done": 1, "drawn": (Drawn(call=0, key="k"),)}, True, NOT_TAKEN),
        (CUT, {"state": State.QUEUED, "calls_done": 1}, True, UNKNOWN),
        (Timeout(taken=TAKEN), {"state": State.SENDING}, True, TAKEN),
        (SwitchedOff(), {"state": State.QUEUED}, True, NOT_TAKEN),
        (SwitchedOff(), {"state": State.SENDING}, False, UNKNOWN),
        (Unexpected(), {"state": State.SENDING}, True, UNKNOWN),
        (Cancelled(), {"state": State.SENDING}, True, UNKNOWN),
    ],
)
def test_what_a_paid_provider_has_accepted(error, changes, was_new, expected):
    assert acceptance(make_job(**changes), error, provider(), was_new=was_new) is expected


@pytest.mark.parametrize("error", [REFUSED, CUT, PicturesGone()])
@pytest.mark.parametrize("was_new", [True, False])
def test_a_free_providers_failures_count_as_not_taken(error, was_new):
    job = make_job(state=State.WAITING, remote=REMOTE)
    assert acceptance(job, error, provider(paid=False), was_new=was_new) is NOT_TAKEN


@pytest.mark.parametrize("taken", Acceptance)
@pytest.mark.parametrize("drawn", [(), (Drawn(call=0, key="k"),)])
def test_only_calls_that_were_not_taken_are_repeated_and_never_after_a_picture(taken, drawn):
    assert may_be_asked_again(make_job(drawn=drawn), taken) is (taken is NOT_TAKEN and not drawn)


@pytest.mark.parametrize(
    ("changes", "resumable"),
    [
        ({"state": State.QUEUED}, True),
        ({"state": State.SENDING}, False),
        ({"state": State.WAITING}, False),
        ({"state": State.WAITING, "remote": REMOTE}, True),
    ],
)
def test_a_paid_call_whose_acceptance_is_unknown_is_not_sent_again(changes, resumable):
    job = make_job(**changes)
    check_resumable(job, provider(paid=False))
    if resumable:
        check_resumable(job, provider())
    else:
        with pytest.raises(Interrupted):
            check_resumable(job, provider())


@pytest.mark.parametrize(
    "changes", [{"state": State.SENDING}, {"remote": REMOTE}, {"drawn": (Drawn(call=0, key="k"),)}, {"cancelled": True}]
)
def test_a_job_that_was_sent_to_a_provider_is_not_new(changes):
    assert is_new(make_job())
    assert not is_new(make_job(**changes))
