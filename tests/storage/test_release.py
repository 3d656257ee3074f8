# pyright: basic
"""Failures as release 0.1.0, and builds until 30 November 2026, stored them, without some of the later keys."""

import pytest
from sqlalchemy import update

from domain import Acceptance, PicturesGone, State, Timeout, Unavailable, Unexpected, UploadGone
from storage.tables import jobs as table
from tests.conftest import make_job


def of_release(kind: str, detail: str = "", field: str | None = None) -> dict:
    """A failure as 0.1.0 stored it."""
    rest = dict.fromkeys(("takes", "subject", "retry_after", "reference"))
    return {"kind": kind, "detail": detail, "field": field, **rest}


@pytest.fixture
def read(store):
    async def read(failure):
        await store.jobs.add(make_job(state=State.FAILED))
        await store.jobs._run(update(table).values(failure=failure))
        return (await store.jobs.get("1")).failure

    return read


@pytest.mark.parametrize(
    ("failure", "kind"),
    [
        (of_release("EaselError", "unexpected"), Unexpected),
        (of_release("BadResponse", field="pictures"), PicturesGone),
        (of_release("InvalidRequest", field="upload"), UploadGone),
    ],
    ids=["error of ours", "pictures gone", "upload gone"],
)
async def test_a_failure_of_release_0_1_0_is_read_as_what_it_was(read, failure, kind):
    assert type(await read(failure)) is kind


async def test_the_words_of_a_provider_are_kept(read):
    failure = await read(of_release("Unavailable", "503: out of order"))
    assert (type(failure), failure.said) == (Unavailable, "out of order")


@pytest.mark.parametrize("unsure", [False, True])
async def test_a_timeout_without_the_flag_of_refusal_may_have_been_accepted(read, unsure):
    old = of_release("Timeout", "no picture within the job's time limit")
    failure = await read(old | {"unaccepted": False, "unsure": unsure, "answered": False})
    assert type(failure) is Timeout
    assert failure.taken is Acceptance.UNKNOWN
