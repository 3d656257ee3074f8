# pyright: basic
"""What came in from outside costs no row, on either database."""

import pytest

from domain import Drawn
from tests.conftest import make_job


@pytest.mark.parametrize("wrong", [float("nan"), float("inf"), "\ud83e", "\0"])
async def test_a_row_is_written_whatever_its_provider_told(either, wrong):
    job = make_job(remote={"id": "x", "told": wrong}, drawn=(Drawn(call=0, link="https://a.example/b"),))
    assert await either.jobs.add(job)
    assert (await either.jobs.get(job.id)).remote["id"] == "x"
