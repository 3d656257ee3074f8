# pyright: basic, reportMissingImports=false
"""APIs whose makers publish no Python types: what their documents say, written down as JSON Schemas.

A file in `schemas/` has its `source`, the day on which it was `seen`, and `calls`: method, path (a pattern), and, where
the call takes them, `headers` (patterns), `query`, `body` (schemas) and `max_bytes`. Names under `definitions` can be
used by `$ref: "#/$defs/…"`.
"""

from pathlib import Path
from typing import Any

import yaml

from conformance.endpoints import Api, Check, Endpoint, by_schema

FOLDER = Path(__file__).parent / "schemas"


def read_api(name: str) -> Api:
    written = yaml.safe_load((FOLDER / f"{name}.yaml").read_text())
    definitions = written.get("definitions", {})
    calls = [_endpoint(call, definitions) for call in written["calls"]]
    return Api(source=written["source"], seen=written["seen"], endpoints=calls)


def read_definition(name: str, definition: str) -> Check:
    """A check by one of the `definitions` of a file, for values that stand inside a text."""
    definitions = yaml.safe_load((FOLDER / f"{name}.yaml").read_text())["definitions"]
    return by_schema({"$defs": definitions, "$ref": f"#/$defs/{definition}"})


def _endpoint(call: dict[str, Any], definitions: dict[str, Any]) -> Endpoint:
    def check(part: str) -> Check | None:
        return by_schema({"$defs": definitions, **call[part]}) if part in call else None

    return Endpoint(
        method=call["method"],
        path=call["path"],
        query=check("query"),
        body=check("body"),
        headers=call.get("headers", {}),
        max_bytes=call.get("max_bytes"),
    )
