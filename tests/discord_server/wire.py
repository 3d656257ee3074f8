# pyright: basic
"""Reads request bodies, writes answers, and validates bodies against Discord's specification."""

import importlib.util
import json
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from aiohttp import web

VALIDATOR = Path(__file__).parents[3] / "shared" / "reference" / "validate_discord.py"


def read_body(kind: str, body: bytes) -> tuple[list[str], Any, list[bytes]]:
    """The files' names, the JSON and the files; parsed by hand, as aiohttp's reader is slow for pictures.

    kind: the whole Content-Type.
    """
    if not kind.startswith("multipart/"):
        return [], (json.loads(body) if body else None), []
    boundary = re.search(r'boundary="?([^";]+)', kind)
    assert boundary
    names, payload, files = [], None, []
    for part in body.split(b"--" + boundary[1].encode())[1:-1]:
        head, _, content = part.partition(b"\r\n\r\n")
        name = re.search(rb'name="([^"]+)"', head)
        if name and name[1] == b"payload_json":
            payload = json.loads(content)
        elif name:
            names.append(name[1].decode())
            files.append(content.removesuffix(b"\r\n"))
    return names, payload, files


def json_answer(data: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    """A JSON answer; discord.py expects exactly `application/json` as content type."""
    written = {"Content-Type": "application/json"} | dict(headers or {})
    return web.Response(body=json.dumps(data).encode(), status=status, headers=written)


def problems(method: str, path: str, names: list[str], body: Any) -> list[str]:
    """What Discord would refuse, if a copy of its specification is beside the repository; else nothing."""
    if body is None or not VALIDATOR.exists():
        return []
    fields = {"payload_json": json.dumps(body)} | dict.fromkeys(names, "")
    return [f"{method} {path}: {problem}" for problem in _validator().multipart_problems(method, path, fields)]


@cache
def _validator() -> Any:
    spec = importlib.util.spec_from_file_location("validate_discord", VALIDATOR)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
