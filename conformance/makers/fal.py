# pyright: basic, reportMissingImports=false
"""fal: the inputs of its apps, from the types of its own JavaScript client. `make conformance` makes the schema."""

import json
from datetime import date
from re import escape
from typing import Any

from conformance.endpoints import Api, Endpoint, by_schema
from conformance.fal_apps import SCHEMA

AUTHORIZED = {"authorization": r"Key .+"}
NO_LOGS = by_schema({"properties": {"logs": {"enum": ["0"]}}, "additionalProperties": False})


def api() -> Api:
    schema = json.loads(SCHEMA.read_text())
    apps = schema["definitions"]["EndpointTypeMap"]["properties"]
    submits = [_submit(app, types["properties"]["input"], schema["definitions"]) for app, types in apps.items()]
    polls = [
        Endpoint("GET", r"/fal-ai/[^/]+/requests/[^/]+/status", query=NO_LOGS, headers=AUTHORIZED),
        Endpoint("GET", r"/fal-ai/[^/]+/requests/[^/]+", headers=AUTHORIZED),
        Endpoint("PUT", r"/fal-ai/[^/]+/requests/[^/]+/cancel", headers=AUTHORIZED),
    ]
    return Api(source="@fal-ai/client 1.10.1, endpoints.d.ts", seen=date(2026, 12, 1), endpoints=[*submits, *polls])


def _submit(app: str, takes: dict[str, Any], definitions: dict[str, Any]) -> Endpoint:
    body = by_schema({**takes, "definitions": definitions}, is_checked=True)
    return Endpoint("POST", f"/{escape(app)}", body=body, headers=AUTHORIZED)
