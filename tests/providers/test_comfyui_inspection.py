# pyright: basic
"""What `--check` finds in ComfyUI's workflows."""

from pathlib import Path

import pytest

from providers.comfyui.inspection import NodeDescription, NodeDescriptions, mistakes_in
from providers.comfyui.workflow import FOLDER, Workflow, read_workflow
from tests.replay.comfyui.nodes import all_infos

DEFAULTS = ("words", "image", "mask")
INFOS = NodeDescriptions.model_validate(all_infos()).root
CHECKPOINTS = set(INFOS["CheckpointLoaderSimple"].input.required["ckpt_name"][0])


def default(kind: str) -> Workflow:
    return read_workflow(Path(FOLDER) / f"{kind}.json")


def changed(**inputs) -> Workflow:
    """The workflow for words with other nodes or inputs: `_3={"cfg": …}`, or a whole node."""
    workflow = default("words")
    nodes = {id: {**node, "inputs": dict(node["inputs"])} for id, node in workflow.nodes.items()}
    for id, change in inputs.items():
        name = id.removeprefix("_")
        if change is None:
            del nodes[name]
        elif "class_type" in change:
            nodes[name] = {**change, "inputs": change.get("inputs", nodes[name]["inputs"])}
        else:
            nodes[name]["inputs"] |= change
    return workflow._replace(nodes=nodes)


@pytest.mark.parametrize("kind", DEFAULTS)
def test_the_default_workflows_are_faultless(kind):
    assert mistakes_in(kind, default(kind), INFOS, CHECKPOINTS) == []


SAVES = next(id for id, node in default("words").nodes.items() if node["class_type"] == "SaveImage")


@pytest.mark.parametrize(
    ("workflow", "told"),
    [
        (changed(_3={"class_type": "Rare"}), "the server has no node 3 (Rare): an extension is missing"),
        (
            changed(_3={"model": ["99", 0]}),
            "model of node 3 (KSampler) is linked to node 99, which the file does not have",
        ),
        (
            changed(_3={"model": ["4", 7]}),
            "model of node 3 (KSampler) is linked to output 7 of node 4, which has none of that number",
        ),
        (changed(**{f"_{SAVES}": None}), "no node of it saves a picture, as SaveImage does"),
        (
            changed(_4={"ckpt_name": "gone.safetensors"}),
            "ckpt_name of node 4 (CheckpointLoaderSimple) is gone.safetensors, which the server does not have",
        ),
    ],
)
def test_a_mistake_is_told(workflow, told):
    assert mistakes_in("words", workflow, INFOS, CHECKPOINTS) == [f"COMFYUI_WORKFLOW: {told}"]


@pytest.mark.parametrize("choices", [["flux.gguf"], ["COMBO", {"options": ["flux.gguf"]}], []])
def test_the_loader_of_the_model_is_told_where_it_takes_none_of_those_offered(choices):
    declared = choices if "COMBO" in choices else [choices, {}]
    described = {"input": {"required": {"ckpt_name": declared}}, "output": ["MODEL", "CLIP", "VAE"]}
    infos = INFOS | {"UNETLoader": NodeDescription.model_validate(described)}
    workflow = changed(_4={"class_type": "UNETLoader"})
    (told,) = mistakes_in("words", workflow, infos, CHECKPOINTS)
    assert told == (
        "COMFYUI_WORKFLOW: %model% is in ckpt_name of node 4 (UNETLoader), which takes none of the models offered; "
        "COMFYUI_MODELS can name its files"
    )
    assert mistakes_in("words", workflow, infos, {"flux.gguf"}) == [] or choices == []


def test_few_of_many_mistakes_are_told():
    assert len(mistakes_in("words", default("words"), {}, CHECKPOINTS)) == 5
