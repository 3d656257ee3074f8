# pyright: basic
"""Fixtures and helpers for tests of several folders."""

import logging
import os
from collections.abc import Generator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import settings

from domain import ImageRequest, Job, Size
from studio import images
from tests.postgres import Postgres, postgres_in

ROOT = Path(__file__).parent.parent
PATIENCE_SECONDS = 30.0
"""For what must end, and might hang; long, as nothing may depend on how busy the machine is."""
TOKEN = "aW50ZXJhY3Rpb24.canary"


settings.register_profile("easel", deadline=None)
settings.load_profile("easel")


@pytest.fixture(autouse=True)
def usual_umask() -> Generator[None]:
    """The bot's start makes new files private for the whole process, which others must read in tests."""
    os.umask(0o022)
    yield
    os.umask(0o022)


def make_job(id: int | str = 1, **changes) -> Job:
    """A planned job of a member of a server, one minute old."""
    made = datetime.now(UTC) - timedelta(minutes=1)
    values = {
        "id": str(id),
        "application_id": 100,
        "guild_id": 200,
        "channel_id": 300,
        "user_id": 400,
        "message_id": 500,
        "reply_token": TOKEN,
        "reply_deadline": made + timedelta(minutes=15),
        "file_limit": 10 * 2**20,
        "request": ImageRequest(prompt="a boat", size=Size(64, 64), seed=7),
        "provider": "fake",
        "model": "one",
        "model_title": "One",
        "created": made,
    }
    return Job(**(values | changes))


@pytest.fixture
def loggers():
    """Restores the loggers after the test."""
    touched = [logging.getLogger(), *map(logging.getLogger, ("discord", "pgqueuer", "alembic"))]
    before = [(each, each.level, each.handlers[:]) for each in touched]
    touched[0].handlers[:] = []
    yield
    for each, level, handlers in before:
        each.setLevel(level)
        each.handlers[:] = handlers


@pytest.fixture(scope="session", autouse=True)
def decoders() -> Generator[None]:
    """Ends the decoder processes before the interpreter exits, which would warn of them."""
    yield
    while images.DECODERS._idle:
        images.DECODERS._idle.pop().end()


@pytest.fixture(scope="session")
def postgres(tmp_path_factory) -> Generator[Postgres]:
    with postgres_in(tmp_path_factory.mktemp("postgres") / "data") as server:
        yield server


@pytest.fixture(scope="session")
def s3() -> Generator[str]:
    from tests.buckets import s3_server  # a second's import, for few tests

    with s3_server() as url:
        yield url
