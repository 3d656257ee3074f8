"""Parses a multipart form."""

from email import message_from_bytes
from email.message import Message
from email.policy import HTTP
from typing import NamedTuple

from tests.replay.server import Call, Unexpected, expect


class Field(NamedTuple):
    name: str
    data: bytes
    filename: str | None
    kind: str
    """Its content type."""

    @property
    def text(self) -> str:
        return self.data.decode()


def fields_of(call: Call) -> list[Field]:
    """The fields in their order; raises Unexpected for any other body."""
    kind = call.headers.get("content-type", "")
    expect(kind.startswith("multipart/form-data"), "a body that is not labelled as a form")
    message = message_from_bytes(f"Content-Type: {kind}\r\n\r\n".encode() + call.body, policy=HTTP)
    expect(message.is_multipart(), "a form that cannot be read")
    return [_field(part) for part in message.walk() if not part.is_multipart()]


def _field(part: Message) -> Field:
    name = part.get_param("name", header="content-disposition")
    data = part.get_payload(decode=True)
    if not isinstance(name, str) or not isinstance(data, bytes):
        raise Unexpected("a part of a form without a name")
    return Field(name, data, part.get_filename(), part.get_content_type())
