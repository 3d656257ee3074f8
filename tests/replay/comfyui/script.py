"""What the server tells of a prompt while it runs, through its socket, and afterwards in its history."""

import json
import struct
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from tests.replay.pictures import draw

ODD_NAME = "a & b+c #1 100% ../ünï?.png"
FILES: dict[str, list[tuple[str, str, str]]] = {
    "two": [("preview.png", "", "temp"), ("easel_1.png", "", "output"), ("easel_2.png", "", "output")],
    "only-temp": [("preview.png", "", "temp"), ("source.png", "", "input")],
    "odd-names": [(ODD_NAME, "sub dir/ö", "output")],
    "no-pictures": [],
}
ODD_OUTPUTS: dict[str, Any] = {
    "20": {"images": [{"source": "websocket", "content-type": "image/png", "type": "output"}, "data", None]},
    "21": {"images": None},
    "22": {"images": "x"},
    "23": [],
    "24": None,
}


@dataclass
class Job:
    nodes: dict[str, Any]
    client_id: str
    case: str
    number: int
    id: str = field(default_factory=lambda: str(uuid4()))
    over: bool = False
    sent: int = 0
    """Of the frames of its socket."""
    files: list[tuple[str, str, str]] = field(default_factory=list[tuple[str, str, str]])

    @property
    def is_lost(self) -> bool:
        """Whether the server has forgotten it."""
        return self.case.startswith("lost")


def entry(job: Job) -> dict[str, Any]:
    images = [{"filename": name, "subfolder": folder, "type": kind} for name, folder, kind in job.files]
    if job.case == "no-subfolder":
        images = [{**image, "subfolder": None} for image in images]
    outputs: dict[str, Any] = {"9": {"images": images}} if images else {}
    outputs |= ODD_OUTPUTS if job.case == "odd-outputs" else {"20": {"text": ["hello"]}}
    if job.case == "no-status":
        return {"prompt": [], "outputs": outputs}
    if job.case.startswith(("error", "interrupted")):
        messages = [["execution_start", {"prompt_id": job.id}], list(failure(job).values())]
        return {
            "prompt": [],
            "outputs": {},
            "status": {"status_str": "error", "completed": False, "messages": messages},
        }
    status = {"status_str": "success", "completed": True, "messages": [["execution_start", {"prompt_id": job.id}]]}
    return {"prompt": [], "outputs": outputs, "status": status}


def failure(job: Job) -> dict[str, Any]:
    data = {"prompt_id": job.id, "node_id": "3", "node_type": "KSampler"}
    if job.case.startswith("interrupted"):
        return {"type": "execution_interrupted", "data": data}
    data |= {"exception_type": "torch.OutOfMemoryError", "exception_message": "The card is out of memory"}
    return {"type": "execution_error", "data": {**data, "traceback": ["File /home/host/secret.py"]}}  # pyright: ignore


def script(job: Job, *, shows_metadata: bool) -> list[str | bytes]:
    """What the socket tells, frame by frame; the last two come when it is over."""
    ours = {"prompt_id": job.id}
    frames: list[str | bytes] = [_told("execution_start", ours), _told("execution_cached", {**ours, "nodes": []})]
    frames += [_told("executing", {**ours, "node": "3"})]
    frames += {"foreign": foreign(), "odd-frames": ODD}.get(job.case, [])
    metadata = job.id if job.case == "metadata" and shows_metadata else None
    for step in range(1, 5):
        frames.append(_told("progress", {**ours, "value": step, "max": 4, "node": "3"}))
        frames.append(preview(f"step {step}", "PNG" if step % 2 else "JPEG", metadata))
    if job.case.startswith(("error", "interrupted")):
        return [*frames, json.dumps(failure(job)), _told("status", {})]
    last = _told("status", {}) if job.case == "success-only" else _told("executing", {**ours, "node": None})
    return [*frames, _told("executed", {**ours, "node": "9", "output": {}}), _told("execution_success", ours), last]


def foreign() -> list[str | bytes]:
    theirs = {"prompt_id": str(uuid4())}
    return [
        _told("execution_start", theirs),
        _told("progress", {**theirs, "value": 99, "max": 100, "node": "3"}),
        preview("foreign", "PNG"),
        preview("foreign", "PNG", theirs["prompt_id"]),
        _told("execution_error", {**theirs, "exception_message": "not ours"}),
        _told("execution_success", theirs),
        _told("executing", {**theirs, "node": None}),
    ]


def preview(words: str, kind: str, prompt_id: str | None = None) -> bytes:
    image = draw(words, (64, 64), kind)
    if prompt_id is None:
        return struct.pack(">II", 1, 1 if kind == "JPEG" else 2) + image
    about = json.dumps({"prompt_id": prompt_id, "node_id": "3", "image_type": f"image/{kind.lower()}"}).encode()
    return struct.pack(">II", 4, len(about)) + about + image


def _told(kind: str, data: dict[str, Any]) -> str:
    return json.dumps({"type": kind, "data": data})


ODD: list[str | bytes] = [
    *(b"", b"\0\0\1", struct.pack(">I", 99) + b"what", struct.pack(">I", 3) + b"text", struct.pack(">II", 1, 1)),
    *(struct.pack(">II", 4, 2**31) + b"{}", struct.pack(">II", 4, 2) + b"[]x", struct.pack(">II", 4, 3) + b"{}"),
    *(
        "",
        "no JSON",
        "[]",
        "null",
        '{"type": 1, "data": {}}',
        '{"type": "progress"}',
        '{"type": "progress", "data": []}',
    ),
    _told("progress_state", {"nodes": {}}),
    _told("crystools.monitor", {"cpu_utilization": 3}),
]
