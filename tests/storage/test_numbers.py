# pyright: basic
"""Invalid numbers from providers do not prevent the write of a row, on either database."""

import pytest

from domain import Drawn
from tests.conftest import make_job


@pytest.mark.parametrize("wrong", [float("nan"), float("inf"), float("-inf")])
async def test_a_row_is_written_whatever_numbers_its_provider_sent(either, wrong):
    drawn = Drawn(call=0, link="https://a.example/b").model_copy(update={"seconds": wrong})
    job = make_job(remote={"id": "x", "told": wrong}, drawn=(drawn,))
    assert await either.jobs.add(job)
    kept = await either.jobs.get(job.id)
    assert (kept.remote["id"], kept.drawn[0].seconds) == ("x", None)
