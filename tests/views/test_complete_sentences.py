# pyright: basic
"""Sentences that name the cause: what a model is for, and what is wrong with a file."""

import pytest
from PIL import Image

from domain import BadUpload, CannotDrawFrom, Defect, Source
from studio import images
from tests.studio.conftest import saved
from views.wording.outcomes import explain


async def test_a_model_that_only_makes_larger_is_told_in_a_whole_sentence():
    """Stability's upscalers: they draw from nothing, and stand in the list of `model`."""
    told = explain(CannotDrawFrom(source=Source.WORDS, model="Fast upscaler", sources=()))
    assert "draws from  only" not in told


async def test_a_jpeg_that_is_cut_off_is_told_so():
    jpeg = saved(Image.effect_noise((300, 200), 90).convert("RGB"), "JPEG")
    with pytest.raises(BadUpload) as caught:
        await images.read_upload(jpeg[: len(jpeg) // 2], "image")
    assert caught.value.defect is Defect.CUT_OFF
