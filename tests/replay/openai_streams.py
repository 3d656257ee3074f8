"""Event streams as OpenAI sends them, complete and broken ones."""

import base64
import json
from typing import Any

from aiohttp import web

from tests.replay.pictures import draw

Told = dict[str, Any]


def told(message: str, sort: str = "invalid_request_error", param: str | None = None, code: str | None = None) -> Told:
    return {"error": {"message": message, "type": sort, "param": param, "code": code}}


BLOCKED = told("Your request was held back", "image_generation_user_error", code="moderation_blocked")
BLOCKED["error"]["moderation_details"] = {"categories": ["violence", "gore"], "moderation_stage": "input"}
ODD_DETAILS: dict[str, Any] = {
    "null": {"categories": None, "moderation_stage": "unknown"},
    "table": {"categories": {"violence": True}, "moderation_stage": 1},
    "word": "violence",
}
ODDLY_BLOCKED = {
    name: {"error": {**BLOCKED["error"], "moderation_details": details}} for name, details in ODD_DETAILS.items()
}
"""Streams in another form than the documented one."""
STREAMS = {
    "stream": "two unfinished pictures, and the finished one",
    "stream-alone": "the finished picture alone",
    "stream-linked": "a link to the finished picture",
    "stream-linked-cut": "the same, and then closed",
    "stream-unended": "the finished picture, without the blank line that ends an event",
    "stream-open": "a connection that stays open behind the finished picture",
    "stream-open-done": "a connection that stays open behind [DONE], without the finished picture",
    "stream-late": "an unfinished picture behind the finished one",
    "stream-odd": "CRLF, comments, events of unknown kinds and [DONE]",
    "stream-nameless": "events without names, told apart by their type",
    "stream-unlabelled": "a stream labelled as text",
    "stream-odd-partial": "an unfinished picture that is none",
    "stream-broken": "a finished picture that is none",
    "stream-cut": "closed before the finished picture",
    "stream-short": "ended before the finished picture",
    "stream-cut-late": "closed behind the finished picture",
    "stream-error": "a failure in mid-stream",
    "stream-blocked": "held back in mid-stream",
    "stream-late-error": "a failure behind the finished picture",
    "no-stream": "plain JSON although a stream was asked for",
    "no-stream-labelled": "the same, labelled as a stream",
}


def _event(kind: str, *, name: bool = True, **data: Any) -> bytes:
    head = f"event: {kind}\n" if name else ""
    return f"{head}data: {json.dumps({'type': kind, **data})}\n\n".encode()


def streamed(case: str, event: str, picture: bytes, link: str) -> web.Response:
    text = base64.b64encode(picture).decode()
    named = case != "stream-nameless"

    def partial(n: int, text: str = base64.b64encode(draw(f"unfinished {case}")).decode()) -> bytes:
        return _event(f"{event}.partial_image", name=named, b64_json=text, partial_image_index=n, size="1024x1024")

    done = _event(f"{event}.completed", name=named, b64_json=text, usage={"total_tokens": 9})
    linked = _event(f"{event}.completed", url=link)
    error = (
        b"event: error\ndata: " + json.dumps(told("The machine is out of breath", "server_error")).encode() + b"\n\n"
    )
    blocked = b"event: error\ndata: " + json.dumps(BLOCKED).encode() + b"\n\n"
    odd = b": hello\r\n\r\nevent: ping\r\ndata: {}\r\n\r\nevent: x\r\ndata: [1\r\n\r\n"
    body = {
        "stream-alone": done,
        "stream-linked": partial(0) + linked,
        "stream-linked-cut": partial(0) + linked,
        "stream-unended": done[:-1],
        "stream-open-done": partial(0) + b"data: [DONE]\n\n",
        "stream-late": partial(0) + done + partial(1),
        "stream-odd": odd + (partial(0) + done).replace(b"\n", b"\r\n") + b"data: [DONE]\r\n\r\n",
        "stream-odd-partial": partial(0, "aGVsbG8=") + done,
        "stream-broken": partial(0) + _event(f"{event}.completed", b64_json=text[: len(text) // 2 // 4 * 4]),
        "stream-cut": partial(0),
        "stream-short": partial(0),
        "stream-cut-late": partial(0) + done,
        "stream-error": partial(0) + error,
        "stream-blocked": blocked,
        "stream-late-error": done + error,
    }.get(case, partial(0) + partial(1) + done)
    kind = "text/plain" if case == "stream-unlabelled" else "text/event-stream"
    response = web.Response(body=body, content_type=kind, headers={"x-request-id": "req_1"})
    if "cut" in case or "open" in case:
        response.headers["Content-Length"] = str(len(body) + 100)
    if "cut" in case:
        response.force_close()
    return response
