# pyright: basic, reportArgumentType=false, reportOperatorIssue=false
import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain import BadResponse, Cause, EaselError, InvalidRequest, SizeRange, Span, Unavailable
from providers.comfyui import FIRST_CHECKPOINT, ComfyUI
from providers.comfyui.answers import PromptQueue, entry_of, input_choices
from providers.comfyui.settings import ComfyUISettings
from providers.comfyui.sockets import read_event, read_preview
from providers.comfyui.workflow import (
    PLACEHOLDERS,
    Workflow,
    WorkflowError,
    capabilities,
    read_workflow,
    sampling_values,
    with_file_prefix,
)
from providers.http.answers import Answer
from providers.http.redaction import NO_SECRETS
from tests.outcomes import cause_of, not_taken, option_of
from tests.providers.conftest import sources_of
from tests.replay.comfyui import CHECKPOINTS
from tests.replay.pictures import draw

SDXL, ANIME = CHECKPOINTS
SOURCE = sources_of(draw("a dog"))
OURS = "0c8ba1b0-2f5f-4f0c-8a2e-7a4a4f3a1c55"
AT_HOME = "http://127.0.0.1:8188"


@pytest.fixture
async def comfyui(bench_for):
    return await bench_for("comfyui")


def inputs(bench, kind: str) -> dict:
    """The inputs of the first node of a kind."""
    (sent,) = [call.json for call in bench.server.requests if call.path == "/prompt"]
    return next(each["inputs"] for each in sent["prompt"].values() if each["class_type"] == kind)


@pytest.fixture
def workflow(tmp_path):
    """A workflow file of the host's: one node that takes any input."""

    def write(name="flux.json", **node_inputs):
        nodes = {"1": {"class_type": "OwnNode", "inputs": {"text": "%prompt%"} | node_inputs, "_meta": {"title": "x"}}}
        (tmp_path / name).write_text(json.dumps(nodes))
        return tmp_path / name

    return write


# --- models


async def test_models_are_checkpoints(comfyui):
    first, second = await comfyui.provider().models()
    assert [(first.id, first.title), (second.id, second.title)] == [
        (SDXL, "sd_xl_base_1.0"),
        (ANIME, "anime/Ünicode v2"),
    ]
    takes = first.capabilities
    assert takes.text_to_image
    assert takes.image_to_image
    assert takes.inpainting
    assert takes.size_range == SizeRange(low=64, high=2048, multiple=8)
    assert takes.per_call == 4
    assert takes.negative_prompt
    assert takes.seed
    assert takes.steps == Span(low=1, high=150)
    assert takes.strength == Span(low=0, high=1)
    assert takes.schedulers == (
        *("euler", "dpmpp_2m", "euler normal", "euler karras", "dpmpp_2m normal", "dpmpp_2m karras"),
    )


@pytest.mark.parametrize("case", ["old", "new-nodes"])
async def test_checkpoints_from_the_loader(comfyui, case):
    models = await comfyui.provider(case).models()
    assert [model.id for model in models] == CHECKPOINTS
    assert "euler karras" in models[0].capabilities.schedulers


@pytest.mark.parametrize("case", ["aside-F04", "aside-F05", "aside-F12", "aside-F14", "no-checkpoints"])
async def test_a_fallback_model_is_offered_while_the_server_is_down(comfyui, case):
    (model,) = await comfyui.provider(case).models()
    assert model.id == FIRST_CHECKPOINT
    assert model.capabilities.text_to_image
    assert model.capabilities.schedulers == ()


async def test_the_first_checkpoint_is_looked_up_when_the_job_runs(comfyui):
    await comfyui.draw(model=FIRST_CHECKPOINT)
    assert inputs(comfyui, "CheckpointLoaderSimple") == {"ckpt_name": SDXL}
    raised = await comfyui.fail("no-checkpoints", model=FIRST_CHECKPOINT)
    assert (type(raised), cause_of(raised)) == (Unavailable, Cause.NO_CHECKPOINT)
    assert not_taken(raised)


async def test_the_host_chooses_models(comfyui):
    provider = comfyui.provider(models=((ANIME, "Anime"), ("new.ckpt", "New")))
    models = await provider.models()
    assert [(model.id, model.title) for model in models] == [(ANIME, "Anime"), ("new.ckpt", "New")]
    assert models[0].capabilities == models[1].capabilities
    assert models[0].capabilities.schedulers
    assert "GET /models/checkpoints" not in comfyui.server.calls


async def test_a_workflow_without_a_model_placeholder_is_a_model(comfyui, workflow):
    settings = {"workflow": workflow(seed="%seed%")}
    (model,) = await comfyui.provider(**settings).models()
    assert (model.id, model.title) == ("flux", "flux")
    takes = model.capabilities
    assert takes.text_to_image
    assert takes.seed
    assert (takes.image_to_image, takes.sizes, takes.steps, takes.per_call) == (False, (), None, 1)
    assert comfyui.server.calls == []
    await comfyui.draw(settings=settings, model="flux", seed=7, prompt="%seed%")
    sent = inputs(comfyui, "OwnNode")
    assert sent.pop("easel"), "what the server passes over, so that the node is run anew"
    assert sent == {"text": "%seed%", "seed": 7}
    assert comfyui.progress.sizes == [(512, 512)]


async def test_the_host_may_give_a_workflow_a_title(comfyui, workflow):
    (model,) = await comfyui.provider(workflow=workflow(), models=(("flux", "FLUX.1"),)).models()
    assert (model.id, model.title) == ("flux", "FLUX.1")
    assert not model.capabilities.image_to_image


async def test_workflows_without_a_checkpoint_are_models_of_their_own(comfyui, workflow):
    words, image = workflow("flux.json", width="%width%"), workflow("edit.json", image="%image%", strength="%denoise%")
    drawing, editing = await comfyui.provider(workflow=words, image_workflow=image).models()
    assert (drawing.id, editing.id) == ("flux", "edit")
    assert not drawing.capabilities.image_to_image
    assert not editing.capabilities.text_to_image
    assert editing.capabilities.strength
    assert not drawing.capabilities.strength
    takes_checkpoint = workflow("own.json", model="%model%", seed="%seed%")
    models = await comfyui.provider(workflow=takes_checkpoint).models()
    assert [model.id for model in models] == CHECKPOINTS
    assert models[0].capabilities.image_to_image
    assert models[0].capabilities.seed
    assert models[0].capabilities.steps is None


async def test_an_image_for_a_workflow_that_takes_none(comfyui, workflow):
    raised = await comfyui.fail(settings={"workflow": workflow()}, sources=SOURCE)
    assert (type(raised), option_of(raised)) == (InvalidRequest, "image")
    assert comfyui.server.calls == []


async def test_a_mask_needs_a_workflow_of_its_own(comfyui, workflow):
    uploads = {"image": "%image%", "mask": "%mask%"}
    own = {"workflow": workflow(), "mask_workflow": workflow("fill.json", **uploads)}
    drawing, filling = await comfyui.provider(**own).models()
    assert (drawing.capabilities.inpainting, drawing.capabilities.text_to_image) == (False, True)
    assert filling.capabilities.inpainting
    assert not (filling.capabilities.image_to_image or filling.capabilities.text_to_image)
    masked = sources_of(draw("a dog"), mask=draw("mask", mode="L"))
    await comfyui.draw(settings=own, sources=masked)
    sent = inputs(comfyui, "OwnNode")
    uploads = comfyui.server.uploads
    assert (uploads[sent["image"]], uploads[sent["mask"]]) == (masked.only_image(), masked.mask)
    raised = await comfyui.fail(settings={"workflow": workflow()}, sources=masked)
    assert (type(raised), option_of(raised)) == (InvalidRequest, "mask")


async def test_check(comfyui):
    assert await comfyui.provider().check() == (True, 2, "needs none")
    assert not any(call.startswith("POST") for call in comfyui.server.calls)


@pytest.mark.parametrize("case", ["aside-F01", "aside-F04"])
async def test_check_raises(comfyui, case):
    with pytest.raises(EaselError):
        await comfyui.provider(case).check()


# --- workflows


async def test_an_invalid_workflow_names_its_variable(tmp_path, workflow, transport):
    at_home = {"base_url": AT_HOME}
    assert ComfyUI.missing_setting(ComfyUISettings()) == "set COMFYUI_BASE_URL"
    assert ComfyUI.missing_setting(ComfyUISettings(**at_home)) is None
    assert ComfyUI.invalid_setting(ComfyUISettings(**at_home)) is None
    assert ComfyUI.invalid_setting(ComfyUISettings(**at_home, workflow=workflow())) is None
    assert "COMFYUI_WORKFLOW" in ComfyUI.invalid_setting(ComfyUISettings(**at_home, workflow=tmp_path / "none.json"))
    assert "cannot be read" in ComfyUI.invalid_setting(ComfyUISettings(**at_home, workflow=tmp_path))
    assert "COMFYUI_IMAGE_WORKFLOW" in ComfyUI.invalid_setting(
        ComfyUISettings(**at_home, workflow=workflow(image="%image%"))
    )
    masking = workflow(image="%image%", mask="%mask%")
    told = ComfyUI.invalid_setting(ComfyUISettings(**at_home, image_workflow=masking))
    assert told == "COMFYUI_IMAGE_WORKFLOW holds %image% and %mask%: name that file in COMFYUI_MASK_WORKFLOW"
    assert ComfyUI.invalid_setting(ComfyUISettings(**at_home, mask_workflow=masking)) is None
    told = ComfyUI.invalid_setting(ComfyUISettings(**at_home, mask_workflow=workflow(image="%image%")))
    assert told == "COMFYUI_MASK_WORKFLOW holds no %mask%"
    told = ComfyUI.invalid_setting(ComfyUISettings(**at_home, image_workflow=workflow()))
    assert told == "COMFYUI_IMAGE_WORKFLOW holds no %image%"
    with pytest.raises(WorkflowError):
        ComfyUI(ComfyUISettings(**at_home, workflow=tmp_path / "none.json"), transport)


@pytest.mark.parametrize(
    "text",
    [
        *("", "{", "[]", "{}", "null", '"%prompt%"', "[" * 9999, '{"1": {"class_type": "A"}}', "\xff"),
        '{"nodes": [{"id": 1, "type": "KSampler"}], "links": []}',
        '{"1": {"class_type": "OwnNode", "inputs": {"text": NaN}}}',
    ],
)
def test_files_that_are_no_workflow(tmp_path, text):
    path = tmp_path / "wrong.json"
    path.write_bytes(text.encode("latin-1"))
    told = ComfyUI.invalid_setting(ComfyUISettings(base_url=AT_HOME, workflow=path))
    assert told == "COMFYUI_WORKFLOW names a file that is no workflow in ComfyUI's API format"


def test_a_workflow_needs_a_prompt_and_may_begin_with_a_byte_order_mark(tmp_path, workflow):
    path = workflow(text="a dog")
    told = ComfyUI.invalid_setting(ComfyUISettings(base_url=AT_HOME, workflow=path))
    assert told == "COMFYUI_WORKFLOW holds no %prompt%"
    path = workflow()
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert read_workflow(path).placeholders == {"prompt"}


VALUES = {name: n for n, name in enumerate(PLACEHOLDERS)}
pieces = st.one_of(
    st.sampled_from([*(f"%{name}%" for name in PLACEHOLDERS), '"', "}", "\\", "%", "%%", "%prompt"]), st.text()
)
texts = st.lists(pieces).map("".join)
trees = st.recursive(
    texts | st.integers() | st.booleans() | st.none(),
    lambda inner: st.lists(inner) | st.dictionaries(texts, inner),
    max_leaves=10,
)


def shape(value):
    """The structure of a value, without its strings."""
    if isinstance(value, dict):
        return {key: shape(each) for key, each in value.items()}
    if isinstance(value, list):
        return [shape(each) for each in value]
    return None


@given(texts, trees)
def test_values_never_change_the_workflow(prompt, tree):
    nodes = {"1": {"class_type": "A", "inputs": {"text": "%prompt%", "more": "<%prompt%>%seed%", "tree": tree}}}
    filled = Workflow("x", nodes, frozenset()).fill({**VALUES, "prompt": prompt, "seed": 7})
    assert filled["1"]["inputs"]["text"] == prompt
    assert filled["1"]["inputs"]["more"] == f"<{prompt}>7"
    assert shape(filled) == shape(nodes)
    assert json.loads(json.dumps(filled)) == filled


@pytest.mark.parametrize("prefix", [["2", 0], 7, None])
def test_a_prefix_linked_from_another_node_is_unchanged(prefix):
    nodes = {"1": {"class_type": "Own", "inputs": {"filename_prefix": prefix}}, "2": {"class_type": "A", "inputs": {}}}
    sent = with_file_prefix(nodes, "name")
    assert sent["1"]["inputs"] == {"filename_prefix": prefix, "easel": "name"}
    assert sent["2"]["inputs"] == ({} if isinstance(prefix, list) else {"easel": "name"})


@given(texts)
def test_text_without_placeholder_is_unchanged(text):
    values = {name: f"%{name}%" for name in PLACEHOLDERS}
    assert Workflow("x", {"1": text}, frozenset()).fill(values) == {"1": text}


@pytest.mark.parametrize("value", [7, 7.5, "a", "", None])
def test_a_placeholder_alone_becomes_the_value(value):
    (filled,) = Workflow("x", {"1": ["%seed%"]}, frozenset()).fill({"seed": value})["1"]
    assert filled == value
    assert type(filled) is type(value)


LISTS = {"sampler": ("a", "b"), "scheduler": ("x", "y")}


@pytest.mark.parametrize(
    ("marks", "offered", "chosen", "values"),
    [
        ({"sampler", "scheduler"}, ("a", "b", "a x", "a y", "b x", "b y"), "b x", {"sampler": "b", "scheduler": "x"}),
        ({"sampler"}, ("a", "b"), "b", {"sampler": "b"}),
        ({"scheduler"}, ("x", "y"), "y", {"scheduler": "y"}),
        (set(), (), None, {}),
    ],
)
def test_samplers_and_schedulers(marks, offered, chosen, values):
    assert capabilities([Workflow("x", {}, frozenset(marks))], LISTS).schedulers == offered
    assert sampling_values(chosen, frozenset(marks)) == values
    assert capabilities([Workflow("x", {}, frozenset(marks))], {}).schedulers == ()


# --- parsers, with any input


@given(
    st.binary(max_size=40) | st.builds(lambda kind, rest: bytes((0, 0, 0, kind)) + rest, st.integers(0, 5), st.binary())
)
def test_any_frame_can_be_read(frame):
    found = read_preview(frame)
    assert found is None or (found.image and frame.endswith(found.image))


@given(texts | trees.map(json.dumps))
def test_any_text_can_be_read(text):
    read_event(text, NO_SECRETS)


@given(trees)
def test_any_choices_can_be_read(tree):
    body = {"KSampler": {"input": {"required": {"sampler_name": tree}}}}
    try:
        found = input_choices(Answer(200, {}, json.dumps(body).encode()), "KSampler", "sampler_name")
    except BadResponse:
        return
    assert all(isinstance(name, str) and name for name in found)


@given(trees)
def test_any_history_can_be_read(tree):
    body = {OURS: tree}
    with suppress(BadResponse):
        found = entry_of(Answer(200, {}, json.dumps(body).encode()), OURS)
        assert (found is None) == (tree is None)


@given(
    st.lists(st.tuples(st.integers() | st.floats(allow_nan=False), st.uuids().map(str)), unique_by=lambda each: each[0])
)
def test_the_queue_is_in_the_order_of_its_numbers(entries):
    queue = PromptQueue(queue_running=[], queue_pending=[[*entry, {}] for entry in entries])
    assert queue.pending == [id for _, id in sorted(entries)]
