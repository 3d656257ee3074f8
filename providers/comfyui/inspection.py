"""Finds what in a workflow the server cannot run, from its description of its nodes (GET /object_info)."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Annotated, Any

from pydantic import Field, RootModel

from providers.comfyui.workflow import PLACEHOLDER, VARIABLE_OF_KIND, Workflow, is_link
from providers.http.answers import one_line
from providers.http.parsing import Reply

MAX_MISTAKES = 5
"""Told of one workflow: a missing extension may lack dozens of nodes."""
MODEL = "%model%"


class Inputs(Reply):
    required: dict[str, Any] = Field(default_factory=dict)
    optional: dict[str, Any] = Field(default_factory=dict)


class NodeDescription(Reply):
    input: Annotated[Inputs, Field(default_factory=Inputs)]
    output: list[Any] | None = None
    output_node: bool = False


class NodeDescriptions(RootModel[dict[str, NodeDescription]]):
    """By kind of node."""


Infos = Mapping[str, NodeDescription]


def mistakes_in(kind: str, workflow: Workflow, infos: Infos, offered: Collection[str]) -> list[str]:
    """Sentences for the host. kind: words, image or mask. offered: the models that Easel offers for it."""
    found = [*_nodes(workflow.nodes, infos, offered), *_outputs(workflow.nodes, infos)]
    return [f"{VARIABLE_OF_KIND[kind]}: {one_line(each)}" for each in found[:MAX_MISTAKES]]


def _outputs(nodes: Mapping[str, Any], infos: Infos) -> Iterator[str]:
    known = [infos[node["class_type"]] for node in nodes.values() if node["class_type"] in infos]
    if known and not any(info.output_node for info in known):
        yield "no node of it saves a picture, as SaveImage does"


def _nodes(nodes: Mapping[str, Any], infos: Infos, offered: Collection[str]) -> Iterator[str]:
    for id, node in nodes.items():
        kind, named = node["class_type"], f"node {id} ({node['class_type']})"
        if kind not in infos:
            yield f"the server has no {named}: an extension is missing"
            continue
        for name, value in node["inputs"].items():
            if is_link(value):
                yield from _link(f"{name} of {named}", value, nodes, infos)
            elif isinstance(value, str) and (choices := choices_of(infos[kind], name)) is not None:
                yield from _choice(f"{name} of {named}", value, choices, offered)


def _link(place: str, link: Sequence[Any], nodes: Mapping[str, Any], infos: Infos) -> Iterator[str]:
    source, number = link
    if source not in nodes:
        yield f"{place} is linked to node {source}, which the file does not have"
        return
    described = infos.get(nodes[source]["class_type"])
    if described and described.output is not None and not 0 <= number < len(described.output):
        yield f"{place} is linked to output {number} of node {source}, which has none of that number"


def _choice(place: str, value: str, choices: set[str], offered: Collection[str]) -> Iterator[str]:
    if value == MODEL and choices.isdisjoint(offered):
        yield f"{MODEL} is in {place}, which takes none of the models offered; COMFYUI_MODELS can name its files"
    if not PLACEHOLDER.search(value) and value not in choices:
        yield f"{place} is {value}, which the server does not have"


def choices_of(info: NodeDescription, name: str) -> set[str] | None:
    """The values that an input takes, in the old or the new format; None if it takes any."""
    declared: Any = info.input.required.get(name) or info.input.optional.get(name)
    match declared:
        case [[*listed], *_] | [str(), {"options": [*listed]}, *_]:
            texts = {each for each in listed if isinstance(each, str)}
            return texts if texts or not listed else None
        case _:
            return None
