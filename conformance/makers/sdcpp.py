# pyright: basic, reportMissingImports=false
"""stable-diffusion.cpp: its written schema, and that of the options that stand as JSON in a tag within the prompt."""

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from conformance.endpoints import Api, Check, Endpoint
from conformance.schemas import read_api, read_definition

TAG = re.compile(r"<sd_cpp_extra_args>(.*?)</sd_cpp_extra_args>")
"""As the server looks for it: on one line."""


def api() -> Api:
    written = read_api("sdcpp")
    return replace(written, endpoints=[_with_tag(each) for each in written.endpoints])


def _with_tag(endpoint: Endpoint) -> Endpoint:
    body, options = endpoint.body, read_definition("sdcpp", "extra_args")
    return replace(endpoint, body=_both(body, options)) if body else endpoint


def _both(body: Check, options: Check) -> Check:
    def check(sent: Any) -> Iterator[str]:
        yield from body(sent)
        tags = TAG.findall(str(sent.get("prompt")))
        if len(tags) > 1:
            yield "prompt: all tags but the first are left out"
        for each in tags:
            yield from (f"prompt's tag: {fault}" for fault in options(json.loads(each)))

    return check
