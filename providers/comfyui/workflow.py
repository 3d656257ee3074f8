"""Workflows in ComfyUI's API format, with placeholders where a request's values go.

A string that is only a placeholder, such as `"%steps%"`, becomes the value itself, such as a number; inside a longer
string it becomes text. Values are inserted after the JSON is parsed, and not searched for placeholders, so that
neither quotes nor a placeholder's name in a prompt can change the workflow.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple, cast

from pydantic_core import from_json

from domain import Capabilities, SizeRange, Sources, Span
from providers.comfyui.settings import ComfyUISettings
from providers.kit.base import COMMON_SIZES
from providers.kit.model_lists import cap_names

PLACEHOLDERS = (
    *("prompt", "negative", "model", "image", "mask", "width", "height", "batch"),
    *("seed", "steps", "cfg", "sampler", "scheduler", "denoise"),
)
PLACEHOLDER = re.compile(f"%({'|'.join(PLACEHOLDERS)})%")
FOLDER = Path(__file__).parent
VARIABLE_OF_KIND = {
    "words": "COMFYUI_WORKFLOW",
    "image": "COMFYUI_IMAGE_WORKFLOW",
    "mask": "COMFYUI_MASK_WORKFLOW",
}
"""Variable of the host's workflow by kind; the default `<kind>.json` is in this folder."""
PREFIXES = ("filename_prefix", "save_prefix")
"""Inputs for a file name prefix, of core and custom nodes."""
SEPARATORS = ("/", "\\", "-", "_")
"""A prefix that ends with one of these gets no hyphen."""
CACHE_BUSTER = "easel"
"""Name of an unused input: nodes ignore it, but it changes the key of ComfyUI's cache."""
UPLOADS_OF_KIND = {"words": frozenset[str](), "image": frozenset({"image"}), "mask": frozenset({"image", "mask"})}
"""The upload placeholders that each kind must hold, and no others."""
MAX_BATCH = 4


class WorkflowError(Exception):
    """An invalid workflow; the message is the end of a sentence for the host."""


class Workflow(NamedTuple):
    name: str
    """The file's name without its extension."""
    nodes: dict[str, Any]
    placeholders: frozenset[str]
    """The placeholders in it."""

    def fill(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """The nodes with placeholders replaced by values."""
        return cast("dict[str, Any]", _fill(self.nodes, values))


def with_file_prefix(nodes: Mapping[str, Any], name: str) -> dict[str, Any]:
    """The nodes with a unique file name prefix, after the host's own prefix, if any.

    The server reuses numbers of deleted files, and answers cached prompts with their old names: without a unique prefix
    a file may be gone, or be another job's picture.
    """
    linked = {value[0] for node in nodes.values() for value in node["inputs"].values() if is_link(value)}
    return {
        id: node | {"inputs": _prefixed_inputs(node["inputs"], name, is_last=id not in linked)}
        for id, node in nodes.items()
    }


class Workflows(NamedTuple):
    words: Workflow
    image: Workflow | None
    mask: Workflow | None

    @property
    def all(self) -> list[Workflow]:
        return [workflow for workflow in self if workflow]

    def for_sources(self, sources: Sources) -> Workflow | None:
        if sources.mask:
            return self.mask
        return self.image if sources.images else self.words


def read_workflows(settings: ComfyUISettings) -> Workflows:
    """The host's workflows, else the defaults; raises WorkflowError.

    The defaults for images need a checkpoint, so they are used only if the text workflow takes one, too.
    """
    words = (
        _read_host_workflow("words", settings.workflow) if settings.workflow else read_workflow(FOLDER / "words.json")
    )
    takes_checkpoint = "model" in words.placeholders
    own = {"image": settings.image_workflow, "mask": settings.mask_workflow}
    drawn = {
        kind: _read_host_workflow(kind, path)
        if path
        else read_workflow(FOLDER / f"{kind}.json")
        if takes_checkpoint
        else None
        for kind, path in own.items()
    }
    return Workflows(words, **drawn)


def read_workflow(path: Path) -> Workflow:
    """Parse a workflow file; raises OSError or ValueError."""
    nodes: Any = from_json(path.read_bytes().removeprefix(b"\xef\xbb\xbf"), allow_inf_nan=False)
    if not isinstance(nodes, dict) or not nodes or not all(map(_is_node, cast("dict[str, Any]", nodes).values())):
        raise ValueError("no nodes with a class_type and inputs")
    nodes = cast("dict[str, Any]", nodes)
    return Workflow(
        path.stem,
        nodes,
        frozenset(placeholder for text in _strings(nodes) for placeholder in PLACEHOLDER.findall(text)),
    )


def capabilities(workflows: Sequence[Workflow], schedulers: Mapping[str, Sequence[str]]) -> Capabilities:
    """Options that all of the workflows take. schedulers: the server's choices, by placeholder."""
    common = frozenset[str].intersection(*(workflow.placeholders for workflow in workflows))
    uploads = [workflow.placeholders & UPLOADS_OF_KIND["mask"] for workflow in workflows]
    sized = {"width", "height"} <= common
    return Capabilities(
        text_to_image=UPLOADS_OF_KIND["words"] in uploads,
        image_to_image=UPLOADS_OF_KIND["image"] in uploads,
        inpainting=UPLOADS_OF_KIND["mask"] in uploads,
        sizes=COMMON_SIZES if sized else (),
        size_range=SizeRange(low=64, high=2048, multiple=8) if sized else None,
        per_call=MAX_BATCH if "batch" in common else 1,
        negative_prompt="negative" in common,
        seed="seed" in common,
        max_seed=2**64 - 1,
        steps=Span(low=1, high=150) if "steps" in common else None,
        guidance_scale=Span(low=0, high=30) if "cfg" in common else None,
        strength=Span(low=0, high=1) if any({"image", "denoise"} <= each.placeholders for each in workflows) else None,
        schedulers=_choices(common, schedulers),
    )


def sampling_values(scheduler: str | None, placeholders: frozenset[str]) -> dict[str, str]:
    """A scheduler choice of `capabilities`, as values of placeholders."""
    names = (scheduler or "").split(" ", 1)
    used = [placeholder for placeholder in ("sampler", "scheduler") if placeholder in placeholders]
    return dict(zip(used, filter(None, names), strict=False))


def _choices(placeholders: frozenset[str], listed: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    """Samplers, and each with each scheduler behind it: "euler", "euler karras"."""
    first, *rest = [
        listed.get(placeholder, ()) for placeholder in ("sampler", "scheduler") if placeholder in placeholders
    ] or [()]
    return cap_names(
        chain(first, (f"{sampler} {scheduler}" for names in rest for sampler in first for scheduler in names))
    )


def _read_host_workflow(kind: str, path: Path) -> Workflow:
    workflow, variable = _read(path, VARIABLE_OF_KIND[kind]), VARIABLE_OF_KIND[kind]
    held = workflow.placeholders & UPLOADS_OF_KIND["mask"]
    for missing in sorted(UPLOADS_OF_KIND[kind] - held):
        raise WorkflowError(f"{variable} holds no %{missing}%")
    if held > UPLOADS_OF_KIND[kind]:
        place = VARIABLE_OF_KIND["mask" if "mask" in held else "image"]
        raise WorkflowError(f"{variable} holds %{'% and %'.join(sorted(held))}%: name that file in {place}")
    return workflow


def _read(path: Path, variable: str) -> Workflow:
    try:
        workflow = read_workflow(path)
    except OSError as error:
        raise WorkflowError(f"{variable} names a file that cannot be read: {error.strerror}") from None
    except ValueError:
        raise WorkflowError(f"{variable} names a file that is no workflow in ComfyUI's API format") from None
    if "prompt" not in workflow.placeholders:
        raise WorkflowError(f"{variable} holds no %prompt%")
    return workflow


def _prefixed_inputs(inputs: dict[str, Any], name: str, *, is_last: bool) -> dict[str, Any]:
    """The inputs with the prefix; an output node without one, such as a preview node, gets a cache buster instead."""
    prefixes = {key: value for key, value in inputs.items() if key in PREFIXES and isinstance(value, str)}
    cache_buster = {CACHE_BUSTER: name} if is_last and not prefixes else {}
    return inputs | {key: _join_prefix(prefix, name) for key, prefix in prefixes.items()} | cache_buster


def _join_prefix(prefix: str, name: str) -> str:
    return prefix + name if prefix.endswith(SEPARATORS) or not prefix else f"{prefix}-{name}"


def is_link(value: Any) -> bool:
    """Whether an input is a link: another node's id and output number."""
    match value:
        case [str(), int()]:
            return True
        case _:
            return False


def _is_node(node: Any) -> bool:
    match node:
        case {"class_type": str(), "inputs": dict()}:
            return True
        case _:
            return False


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for each in cast("dict[str, Any]", value).values():
            yield from _strings(each)
    elif isinstance(value, list):
        for each in cast("list[Any]", value):
            yield from _strings(each)


def _fill(value: Any, values: Mapping[str, Any]) -> Any:
    if isinstance(value, str):
        whole = PLACEHOLDER.fullmatch(value)
        return values[whole[1]] if whole else PLACEHOLDER.sub(lambda match: str(values[match[1]]), value)
    if isinstance(value, dict):
        return {name: _fill(each, values) for name, each in cast("dict[str, Any]", value).items()}
    if isinstance(value, list):
        return [_fill(each, values) for each in cast("list[Any]", value)]
    return value
