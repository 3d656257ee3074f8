# pyright: basic, reportMissingImports=false
"""AI Horde: the requests of horde_sdk, which is made from the API's own description."""

from datetime import date

from horde_sdk.ai_horde_api.apimodels import ImageGenerateAsyncRequest
from pydantic import ConfigDict

from conformance.endpoints import Api, Endpoint, by_model


class Request(ImageGenerateAsyncRequest):
    model_config = ConfigDict(extra="forbid")


def api() -> Api:
    endpoints = [Endpoint("POST", "/api/v2/generate/async", body=by_model(Request), headers={"apikey": ".+"})]
    return Api(source="horde_sdk 0.18.0", seen=date(2026, 12, 1), endpoints=endpoints)
