"""Parses ComfyUI's responses: queue, history, lists of names, and refused workflows."""

import re
from collections.abc import Iterable
from typing import Annotated, Any, cast

from pydantic import Field, RootModel, ValidationError

from domain import BadResponse, Cause, InvalidRequest, Unavailable
from providers.comfyui.sockets import FAILURE_EVENTS, SocketEvent, failure_of
from providers.http.answers import Answer, one_line
from providers.http.failures import option_of_field
from providers.http.parsing import NONE_IF_INVALID, Reply
from providers.kit.model_lists import cap_names

REQUEST_INPUTS = (
    *("ckpt_name", "unet_name", "sampler_name", "scheduler", "width", "height", "batch_size"),
    *("seed", "steps", "cfg", "denoise", "image", "text"),
)
"""Inputs of core nodes that a request fills; an error in any other input is a fault of the workflow."""
INPUT = re.compile(r"\b(\w+):")


class Accepted(Reply):
    prompt_id: str = Field(min_length=1)


class CancelReply(Reply):
    cancelled: bool


class Uploaded(Reply):
    name: str
    subfolder: str | None = None

    @property
    def path(self) -> str:
        return "/".join(filter(None, (self.subfolder, self.name)))


class PromptQueue(Reply):
    """The server's queue; its entries are lists that begin with number and prompt id."""

    queue_running: list[list[Any]]
    queue_pending: list[list[Any]]

    @property
    def running(self) -> list[str]:
        return [str(entry[1]) for entry in self.queue_running if len(entry) > 1]

    @property
    def pending(self) -> list[str]:
        """Ids in queue order: the list itself is a heap."""
        entries = [entry for entry in self.queue_pending if len(entry) > 1 and isinstance(entry[0], (int, float))]
        return [str(entry[1]) for entry in sorted(entries, key=lambda entry: entry[0])]


class File(Reply):
    """A picture on the server."""

    filename: str
    subfolder: str = ""
    type: str = "output"


class Status(Reply):
    status_str: str = ""
    messages: tuple[list[Any], ...] = ()


MAX_FILES = 11
"""One more than a Discord message holds, so that the receipt mentions the rest: a workflow may save hundreds."""


class Entry(Reply):
    """A prompt in the history."""

    outputs: dict[str, Any] = Field(default_factory=dict)
    """Outputs by node id, of any type."""
    status: Annotated[Status | None, NONE_IF_INVALID] = None

    def failure(self) -> Unavailable | None:
        if self.status is None or self.status.status_str != "error":
            return None
        unknown = Unavailable(cause=Cause.NO_REASON, blames_model=True)
        return next(filter(None, map(_failure, self.status.messages)), unknown)

    def files(self) -> list[File]:
        """Saved pictures, up to `MAX_FILES`; temporary previews where none is saved."""
        made = [file for output in self.outputs.values() for file in _files(output)]
        kept = [file for file in made if file.type == "output"]
        return (kept or [file for file in made if file.type == "temp"])[:MAX_FILES]


class History(RootModel[dict[str, Any]]):
    """Finished prompts by id."""


class NodeInputs(Reply):
    required: dict[str, Any] = Field(default_factory=dict)


class NodeInfo(Reply):
    input: NodeInputs


class NodeInfos(RootModel[dict[str, NodeInfo]]): ...


class NodeError(Reply):
    message: str = ""
    details: str = ""
    extra_info: dict[str, Any] | None = None

    @property
    def input(self) -> str:
        """The input's name, else the beginning of the details."""
        text = (self.extra_info or {}).get("input_name")
        return text if isinstance(text, str) else self.details.partition(":")[0].strip()


class NodeErrors(Reply):
    errors: tuple[NodeError, ...] = ()


class Refusal(Reply):
    node_errors: dict[str, NodeErrors]


def entry_of(answer: Answer, prompt_id: str) -> Entry | None:
    """A prompt's history entry; None while it is unfinished."""
    found = answer.parse(History).root.get(prompt_id)
    try:
        return None if found is None else Entry.model_validate(found)
    except ValidationError:
        raise BadResponse("an invalid history") from None


def name_list(answer: Answer) -> tuple[str, ...]:
    """A list of names."""
    match answer.raise_for_status().data():
        case [*listed]:
            return _usable_names(listed)
        case _:
            raise BadResponse("no list of names")


def input_choices(answer: Answer, node: str, input: str) -> tuple[str, ...]:  # noqa: A002 - their word
    """Choices of a node's input, in the old or the new format."""
    info = answer.raise_for_status().parse(NodeInfos).root.get(node)
    match info and info.input.required.get(input):
        case [[*listed], *_] | [str(), {"options": [*listed]}, *_]:
            return _usable_names(listed)
        case _:
            raise BadResponse(f"no choices for {input}")


def refusal_error(answer: Answer) -> InvalidRequest:
    """The error for a 400: the nodes' messages and the option to blame; old servers send only a message."""
    refused = answer.parse_or_none(Refusal)
    found = [error for node in refused.node_errors.values() for error in node.errors] if refused else []
    text = one_line("; ".join(f"{error.message}: {error.details}" for error in found)) or answer.error_text()
    blamed = [error.input for error in found] or INPUT.findall(text)
    option = option_of_field(name for name in blamed if name in REQUEST_INPUTS)
    return InvalidRequest(str(answer.status), said=text, option=option)


def _failure(message: list[Any]) -> Unavailable | None:
    kind, data = [*message, None, None][:2]
    if kind not in FAILURE_EVENTS or not isinstance(data, dict):
        return None
    return failure_of(SocketEvent(type=kind, data=cast("dict[str, Any]", data)))


def _files(output: Any) -> list[File]:
    """Files of one node; custom nodes may list other things."""
    match output:
        case {"images": [*listed]}:
            return [file for each in listed if (file := _file(each))]
        case _:
            return []


def _file(text: Any) -> File | None:
    try:
        return File.model_validate(text)
    except ValidationError:
        return None


def _usable_names(listed: Iterable[Any]) -> tuple[str, ...]:
    return cap_names(name for name in listed if isinstance(name, str) and name)
