"""Rows as earlier versions wrote them, read as today's."""

from collections.abc import Mapping
from typing import Any

REQUESTS = ("request", "asked")


def up_to_date(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row of the jobs table as this version would have written it."""
    return {**row, **{name: with_images(row[name]) for name in REQUESTS if row[name]}}


def with_images(request: Mapping[str, Any]) -> dict[str, Any]:
    """A request with `images`; one image alone was written as `image`."""
    one = request.get("image")
    return {**request, "images": request.get("images") or ([one] if one else [])}
