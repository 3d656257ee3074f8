# pyright: basic
"""Rows that an earlier version has written are read, and worded as before."""

import json
import sqlite3
from pathlib import Path

import pytest

from domain import Acceptance, ProviderError
from domain.outcomes import EarlierNote
from storage.store import open_store
from views.wording.notes import note_sentence
from views.wording.outcomes import explain
from views.wording.prices import price_words

HERE = Path(__file__).parent
DUMP = (HERE / "easel-0007.sql").read_text()
"""A database of version 0007, written by its own code: a job for each outcome that it knew, named in its notes."""
SAID: dict[str, str] = json.loads((HERE / "easel-0007-said.json").read_text())
"""That version's sentence for each outcome."""


@pytest.fixture
async def jobs(tmp_path):
    """The jobs of a migrated database, by name, and its store."""
    database = sqlite3.connect(tmp_path / "easel.db")
    database.executescript(DUMP)
    database.close()
    async with open_store(f"sqlite:///{tmp_path / 'easel.db'}", tmp_path) as store:
        names = {note_sentence(job.notes[0]): job for job in await store.jobs.unfinished(guild_id=2) if job.notes}
        yield names, store


async def test_each_old_outcome_is_worded_as_before(jobs):
    names, _ = jobs
    sentences = {name: explain(names[name].failure, "PopCord") for name in SAID}
    assert sentences == SAID


@pytest.mark.parametrize(
    ("name", "begins"),
    [
        ("late", "PopCord sent no picture in time. "),
        ("failed", "PopCord could not draw with this model. It says: `the workers failed`. "),
        ("no-model", "PopCord could not draw that. It says: `no one serves this model and size`. "),
        ("option-beyond", "PopCord did not accept the steps."),
        ("option-unknown", "PopCord did not accept the seed."),
        ("choice", "PopCord did not accept the model. It says: `it is not offered, or not any more`."),
        ("bytes", "PopCord did not accept the image. It says: `50000001 bytes`."),
    ],
)
async def test_old_errors_without_a_type_of_their_own_are_worded_by_their_text(jobs, name, begins):
    names, _ = jobs
    assert explain(names[name].failure, "PopCord").startswith(begins)


async def test_the_acceptance_of_old_errors_is_unknown_unless_certainly_refused(jobs):
    """So that no other provider is asked, and nothing is paid for twice."""
    names, _ = jobs
    taken = {name: job.failure.taken for name, job in names.items() if isinstance(job.failure, ProviderError)}
    assert {name for name, each in taken.items() if each is Acceptance.NOT_TAKEN} == {
        *("key", "key-of-model", "credit", "rate", "down", "bytes")
    }
    assert set(taken.values()) == {Acceptance.NOT_TAKEN, Acceptance.UNKNOWN}


async def test_old_notes_and_tried_providers_are_read(jobs):
    _, store = jobs
    job = await store.jobs.get("1101")
    assert job.notes == (
        EarlierNote(text="PopCord was not working, so Sketch was asked instead."),
        EarlierNote(text="Painted by rules, not by an AI model."),
    )
    assert [(each.provider, each.kind, each.asked) for each in job.tried] == [
        ("popcord", "Unavailable", True),
        ("openai", "RateLimited", False),
    ]
    assert (price_words(job.cost), job.parent, len(job.drawn)) == ("$0.04", "1100", 1)


async def test_an_old_job_that_was_not_asked_is_no_failure_of_its_provider(jobs):
    _, store = jobs
    ended = await store.statistics.ended_since((await store.jobs.get("1000")).created.replace(year=2000))
    assert all(job.asked for job in ended), "of those here, only unfinished jobs were not asked for"


async def test_an_old_row_that_is_saved_again_has_todays_form(jobs):
    names, store = jobs
    for job in names.values():
        held = await store.jobs.claim(job.id, "a")
        assert await store.jobs.save(held, "a", release=True)
        assert await store.jobs.get(job.id) == held
