# pyright: basic
import asyncio
import io
import json
import re

import pytest
from aiohttp import web
from PIL import Image

from domain import BadResponse, Cause, EaselError, InvalidRequest, Size, Unavailable
from providers.comfyui import MAX_SUBMISSIONS, sockets
from providers.comfyui.answers import refusal_error
from providers.comfyui.sockets import MAX_CONNECTIONS, SocketEvent, failure_of
from providers.comfyui.workflow import FOLDER
from providers.http.answers import Answer
from tests.conftest import PATIENCE_SECONDS
from tests.outcomes import blames_model, cause_of, option_of
from tests.providers.conftest import sources_of
from tests.replay.comfyui import CHECKPOINTS
from tests.replay.pictures import draw

SDXL, ANIME = CHECKPOINTS
MASKED = sources_of(draw("a dog", (640, 480), "PNG"), mask=draw("mask", (640, 480), mode="L"))
SOURCE = sources_of(draw("a dog", (640, 480), "PNG"))
OURS = "0c8ba1b0-2f5f-4f0c-8a2e-7a4a4f3a1c55"
OTHER = "5a0f4c2e-0000-4000-8000-7a4a4f3a1c55"
FOUR = [(fraction, None, None) for fraction in (0.25, 0.25, 0.5, 0.5, 0.75, 0.75, 1.0, 1.0)]
UUID4 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}")


@pytest.fixture
async def comfyui(bench_for):
    return await bench_for("comfyui")


def submitted(bench, index: int = -1) -> dict:
    return [call.json for call in bench.server.requests if call.path == "/prompt"][index]


def inputs(bench, kind: str, index: int = 0) -> dict:
    """The inputs of a node of a kind."""
    return [each["inputs"] for each in submitted(bench)["prompt"].values() if each["class_type"] == kind][index]


def nodes(bench) -> dict:
    return submitted(bench)["prompt"]


def posts(bench) -> list[str]:
    return [call for call in bench.server.calls if call.startswith("POST")]


def histories(bench) -> int:
    return sum("/history/" in call for call in bench.server.calls)


def saves(node: dict) -> bool:
    return node["class_type"] == "SaveImage"


def ending_in(folder, kind: str, prefix: str = "easel"):
    """A host's own workflow whose last node is of a kind."""
    nodes = json.loads((FOLDER / "words.json").read_text())
    nodes["9"] = {
        "class_type": kind,
        "inputs": {"images": ["8", 0]} | ({"filename_prefix": prefix} if kind == "SaveImage" else {}),
    }
    (folder / "own.json").write_text(json.dumps(nodes))
    return folder / "own.json"


# --- images and masks


async def test_only_the_white_part_of_a_mask_is_repainted(comfyui):
    await comfyui.draw(sources=MASKED, size=Size(512, 768))
    image, mask = (inputs(comfyui, "LoadImage", index)["image"] for index in (0, 1))
    assert (comfyui.server.uploads[image], comfyui.server.uploads[mask]) == (MASKED.images[0].data, MASKED.mask)
    assert inputs(comfyui, "ImageScale") | {"image": 0, "upscale_method": 0} == inputs(comfyui, "ImageScale", 1) | {
        "image": 0,
        "upscale_method": 0,
    }
    latents = [node for node, each in nodes(comfyui).items() if each["class_type"] == "SetLatentNoiseMask"]
    assert inputs(comfyui, "KSampler")["latent_image"] == [*latents, 0]
    assert inputs(comfyui, "KSampler")["denoise"] == 1.0
    await comfyui.draw(sources=MASKED, strength=0.4)
    assert inputs(comfyui, "KSampler")["denoise"] == 0.4


# --- drawing, and the socket


async def test_steps_and_previews(comfyui):
    progress = await comfyui.draw(seed=7)
    assert progress.sizes == [(512, 512)]
    assert [picture.seed for picture in progress.kept] == [7]
    assert progress.reports == FOUR
    assert [Image.open(io.BytesIO(preview)).format for preview in progress.previews] == ["PNG", "JPEG", "PNG", "JPEG"]
    assert posts(comfyui) == ["POST /prompt"]
    assert comfyui.server.calls[0] == "GET /ws"
    assert comfyui.server.calls[-1] == "GET /view"


async def test_the_socket_and_the_prompt_have_the_same_client_id(comfyui):
    progress = await comfyui.draw()
    (name,) = comfyui.server.connected
    assert UUID4.fullmatch(name)
    assert submitted(comfyui)["client_id"] == name == progress.remembered["client_id"]


async def test_the_socket_saves_polls(comfyui):
    await comfyui.draw()
    assert histories(comfyui) <= 3


@pytest.mark.parametrize("case", ["metadata", "foreign", "odd-frames", "success-only", "drops", "late-history"])
async def test_only_previews_of_the_own_prompt_are_shown(comfyui, case):
    progress = await comfyui.draw(case)
    assert progress.sizes == [(512, 512)]
    assert [report for report in progress.reports if report[0] is not None] == FOUR
    assert progress.previews == [draw(f"step {step}", (64, 64), "PNG" if step % 2 else "JPEG") for step in range(1, 5)]
    assert posts(comfyui) == ["POST /prompt"]


async def test_a_lost_socket_reconnects_with_its_client_id(comfyui):
    await comfyui.draw("drops")
    first, second = comfyui.server.connected
    assert first == second


async def test_after_repeated_disconnects_the_job_goes_on_without_a_socket(comfyui):
    assert (await comfyui.draw("drops-for-ever")).sizes == [(512, 512)]
    assert 1 <= len(comfyui.server.connected) <= MAX_CONNECTIONS


@pytest.mark.parametrize("case", ["no-socket", "slow", "no-status", "old"])
async def test_without_a_socket_the_history_is_polled(comfyui, case):
    assert (await comfyui.draw(case)).sizes == [(512, 512)]
    assert posts(comfyui) == ["POST /prompt"]


async def test_a_hanging_handshake_does_not_delay_the_prompt(comfyui, monkeypatch):
    monkeypatch.setattr(sockets, "MAX_SOCKET_WAIT_SECONDS", 0.05)

    async def gate(call):
        if call.path == "/ws":
            await asyncio.Event().wait()

    comfyui.server.gate = gate
    assert (await comfyui.draw()).sizes == [(512, 512)]


async def test_a_hanging_close_does_not_delay_the_job(comfyui, monkeypatch):
    monkeypatch.setattr(sockets, "LISTENER_STOP_SECONDS", 0.01)
    monkeypatch.setattr(sockets, "HISTORY_PAUSE_SECONDS", 0.01)
    async with asyncio.timeout(8):  # aiohttp itself closes a socket after ten seconds
        assert (await comfyui.draw("no-goodbye")).sizes == [(512, 512)]


async def test_an_endless_socket_does_not_delay_the_job(comfyui, monkeypatch):
    monkeypatch.setattr(sockets, "LISTENER_STOP_SECONDS", 0.01)
    monkeypatch.setattr(sockets, "HISTORY_PAUSE_SECONDS", 0.01)
    assert (await comfyui.draw("talks-on")).sizes == [(512, 512)]


async def test_a_silent_socket_does_not_hide_the_outcome(comfyui, monkeypatch):
    monkeypatch.setattr(sockets, "HISTORY_PAUSE_SECONDS", 0.01)
    assert (await comfyui.draw("late-history")).sizes == [(512, 512)]


async def test_the_queue_position_is_reported(comfyui):
    progress = await comfyui.draw("queued")
    assert progress.sizes == [(512, 512)]
    assert [position for _, position, _ in progress.reports] == [3, 2, 1]


async def test_no_origin_is_sent(comfyui):
    await comfyui.draw()
    assert not any("origin" in call.headers for call in comfyui.server.requests)
    answer = await comfyui.transport.call(
        "GET", f"{comfyui.server.url}/queue", headers={"Origin": "http://evil.example"}
    )
    assert answer.status == 403


async def test_a_key_goes_to_the_proxy_in_every_call(comfyui):
    await comfyui.draw(settings={"api_key": "test-key"})
    assert {call.headers.get("authorization") for call in comfyui.server.requests} == {"Bearer test-key"}


async def test_a_base_url_may_end_in_api(comfyui):
    await comfyui.provider(base_url=comfyui.server.url + "/api/").cancel({"prompt_id": OURS})
    assert comfyui.server.calls == [f"POST /api/jobs/{OURS}/cancel"]


# --- what is sent


async def test_every_option(comfyui):
    await comfyui.draw(
        prompt='a "dog" \\ {%seed%} %model%',
        negative_prompt="fog",
        count=3,
        seed=7,
        steps=30,
        guidance_scale=4.5,
        scheduler="dpmpp_2m karras",
        size=Size(768, 432),
        model=ANIME,
    )
    assert [inputs(comfyui, "CLIPTextEncode", n)["text"] for n in (0, 1)] == ['a "dog" \\ {%seed%} %model%', "fog"]
    assert inputs(comfyui, "CheckpointLoaderSimple") == {"ckpt_name": ANIME}
    assert inputs(comfyui, "EmptyLatentImage") == {"width": 768, "height": 432, "batch_size": 3}
    sampler = inputs(comfyui, "KSampler")
    assert {name: value for name, value in sampler.items() if not isinstance(value, list)} == {
        "seed": 7,
        "steps": 30,
        "cfg": 4.5,
        "sampler_name": "dpmpp_2m",
        "scheduler": "karras",
        "denoise": 1.0,
    }
    assert comfyui.progress.sizes == [(768, 432)] * 3


async def test_options_that_are_not_set_have_defaults(comfyui):
    await comfyui.draw()
    sampler = inputs(comfyui, "KSampler")
    assert (sampler["steps"], sampler["cfg"], sampler["denoise"]) == (20, 7.0, 1.0)
    assert (sampler["sampler_name"], sampler["scheduler"]) == ("euler", "normal")
    assert inputs(comfyui, "CLIPTextEncode", 1)["text"] == ""
    await comfyui.draw()
    assert inputs(comfyui, "KSampler")["seed"] != sampler["seed"]


async def test_a_sampler_alone_keeps_the_default_scheduler(comfyui):
    await comfyui.draw(scheduler="dpmpp_2m")
    sampler = inputs(comfyui, "KSampler")
    assert (sampler["sampler_name"], sampler["scheduler"]) == ("dpmpp_2m", "normal")


@pytest.mark.parametrize(("strength", "denoise"), [(None, 0.75), (0.0, 0.0), (0.4, 0.4), (1.0, 1.0)])
async def test_an_image_is_uploaded_and_repainted_by_strength(comfyui, strength, denoise):
    progress = await comfyui.draw(sources=SOURCE, strength=strength, count=2, size=Size(640, 480))
    assert progress.sizes == [(640, 480)] * 2
    assert posts(comfyui) == ["POST /upload/image", "POST /prompt"]
    assert comfyui.server.uploads == {inputs(comfyui, "LoadImage")["image"]: SOURCE.images[0].data}
    assert inputs(comfyui, "KSampler")["denoise"] == denoise
    assert inputs(comfyui, "RepeatLatentBatch")["amount"] == 2
    assert (inputs(comfyui, "ImageScale")["width"], inputs(comfyui, "ImageScale")["height"]) == (640, 480)


async def test_the_same_image_is_stored_once(comfyui):
    await comfyui.draw(sources=SOURCE)
    await comfyui.draw(sources=SOURCE)
    await comfyui.draw(sources=sources_of(draw("a cat")))
    assert len(comfyui.server.uploads) == 2


@pytest.mark.parametrize(
    ("case", "error"),
    [("aside-F01", EaselError), ("aside-F04", Unavailable), ("aside-F05", BadResponse), ("aside-F12", BadResponse)],
)
async def test_an_upload_that_fails_submits_nothing(comfyui, case, error):
    assert isinstance(await comfyui.fail(case, sources=SOURCE), error)
    assert posts(comfyui) == ["POST /upload/image"]
    assert comfyui.progress.remembered is None


# --- results


async def test_saved_pictures_are_preferred_to_previews(comfyui):
    progress = await comfyui.draw("two")
    assert [file["filename"] for file in progress.remembered["files"]] == ["easel_1.png", "easel_2.png"]
    assert len(progress.kept) == 2


async def test_previews_are_used_where_no_picture_is_saved(comfyui):
    progress = await comfyui.draw("only-temp")
    assert [file["type"] for file in progress.remembered["files"]] == ["temp"]
    assert progress.sizes == [(512, 512)]


@pytest.mark.parametrize("case", ["odd-outputs", "no-subfolder"])
async def test_other_nodes_outputs_do_not_lose_the_picture(comfyui, case):
    assert (await comfyui.draw(case, count=2)).sizes == [(512, 512)] * 2


@pytest.mark.parametrize(
    "words",
    [
        "CUDA driver version is insufficient for CUDA runtime version",
        "exception: access violation reading 0x0000000000000010",
        "Insufficient memory to run this node",
        "safety checker: NSFW content was found",
    ],
)
def test_a_nodes_message_is_no_content_or_credit_error(words):
    assert type(failure_of(SocketEvent(type="execution_error", data={"exception_message": words}))) is Unavailable


async def test_names_of_files_are_quoted(comfyui):
    assert (await comfyui.draw("odd-names")).sizes == [(512, 512)]


@pytest.mark.parametrize(
    ("case", "error", "detail"),
    [
        ("no-pictures", BadResponse, "saved no picture"),
        ("no-file", BadResponse, "404"),
        ("no-picture-file", BadResponse, "no picture"),
        ("error", Unavailable, "The card is out of memory"),
        ("error-history", Unavailable, "The card is out of memory"),
        ("error-unlisted", Unavailable, "The card is out of memory"),
        ("interrupted", Unavailable, Cause.STOPPED),
        ("interrupted-history", Unavailable, Cause.STOPPED),
    ],
)
async def test_outcomes_without_a_picture(comfyui, case, error, detail):
    raised = await comfyui.fail(case)
    assert type(raised) is error
    assert detail in str(raised)
    assert cause_of(raised) is (detail if isinstance(detail, Cause) else None)
    assert "secret.py" not in repr(raised)
    assert blames_model(raised) is (error is Unavailable), "the server is there: another model may yet draw"
    assert comfyui.progress.remembered is None
    assert posts(comfyui) == ["POST /prompt"]


async def test_a_prompt_that_a_restarted_server_has_lost_is_sent_again(comfyui):
    progress = await comfyui.draw("lost", sources=SOURCE, size=Size(640, 480))
    assert progress.sizes == [(640, 480)]
    first, second = (submitted(comfyui, index)["prompt_id"] for index in (0, 1))
    assert first != second == progress.remembered["prompt_id"]


async def test_a_remembered_prompt_that_is_lost_is_sent_again(comfyui):
    progress = await comfyui.draw("lost", remembered={"client_id": OURS, "prompt_id": OTHER})
    assert progress.sizes == [(512, 512)]
    assert posts(comfyui) == ["POST /prompt"] * (MAX_SUBMISSIONS - 1)


async def test_a_server_that_loses_every_prompt_is_given_up(comfyui):
    raised = await comfyui.fail("lost-for-ever")
    assert (type(raised), cause_of(raised)) == (Unavailable, Cause.RESTARTED)
    assert posts(comfyui) == ["POST /prompt"] * MAX_SUBMISSIONS
    assert comfyui.progress.remembered is None


@pytest.mark.parametrize("end", ["SaveImage", "PreviewImage", "OwnNode"])
async def test_a_cached_prompt_finds_its_picture_after_the_output_folder_was_emptied(comfyui, tmp_path, end):
    """The picture is neither missing, nor another one that has its old name by now."""
    settings = {"workflow": ending_in(tmp_path, end)}
    mine = (await comfyui.draw(settings=settings, seed=7)).kept
    comfyui.server.disk.tidy()
    theirs = (await comfyui.draw(settings=settings, seed=7, prompt="somebody's secret")).kept
    again = (await comfyui.draw(settings=settings, seed=7)).kept
    assert [picture.data for picture in again] == [picture.data for picture in mine] != theirs


async def test_each_job_has_its_own_file_names(comfyui):
    for _ in range(2):
        await comfyui.draw(seed=7)
    (first, *_), (second, *_) = [
        [node["inputs"]["filename_prefix"] for node in submitted(comfyui, n)["prompt"].values() if saves(node)]
        for n in (0, 1)
    ]
    assert first.startswith("easel-")
    assert first.removeprefix("easel-") == submitted(comfyui, 0)["prompt_id"] != second.removeprefix("easel-")


@pytest.mark.parametrize(
    ("own", "begins"), [("flux", "flux-"), ("flux/%year%", "flux/%year%-"), ("flux/", "flux/"), ("", ""), ("a_", "a_")]
)
async def test_the_hosts_file_prefix_comes_first(comfyui, tmp_path, own, begins):
    await comfyui.draw(settings={"workflow": ending_in(tmp_path, "SaveImage", own)})
    assert inputs(comfyui, "SaveImage")["filename_prefix"] == begins + submitted(comfyui)["prompt_id"]


async def test_an_unavailable_file_is_a_temporary_error(comfyui):
    assert type(await comfyui.fail("broken-disk")) is Unavailable
    ref = comfyui.progress.remembered
    assert len((await comfyui.draw(remembered=ref)).kept) == 1
    assert posts(comfyui) == ["POST /prompt"]


@pytest.mark.parametrize("name", ["images", "strength", "style", "private", "prompt", "model", "mask", "upscale"])
def test_an_input_of_a_custom_node_blames_no_option(name):
    error = {"type": "value_not_in_list", "message": "no", "details": "", "extra_info": {"input_name": name}}
    body = {"error": {}, "node_errors": {"9": {"errors": [error], "class_type": "Own"}}}
    assert refusal_error(Answer(400, {}, json.dumps(body).encode())).option is None


@pytest.mark.parametrize("case", ["refused", "old"])
@pytest.mark.parametrize(
    ("options", "field", "name"),
    [({"model": "gone.ckpt"}, "model", "ckpt_name"), ({"scheduler": "gone karras"}, "scheduler", "sampler_name")],
)
async def test_a_refused_value_names_the_option(comfyui, case, options, field, name):
    raised = await comfyui.fail(case, **options)
    assert type(raised) is InvalidRequest
    assert raised.option == field
    assert name in str(raised)
    assert len(str(raised)) < 400
    assert comfyui.progress.remembered is None


@pytest.mark.parametrize(
    "body",
    [
        {"error": "no prompt", "node_errors": []},
        {"error": {"type": "no_prompt", "message": "no prompt"}, "node_errors": {}},
        {"error": {"type": "x", "message": "no prompt"}, "node_errors": {"1": {"errors": [{"extra_info": None}]}}},
        {"error": {"type": "x", "message": "no prompt"}, "node_errors": None},
        {},
        None,
    ],
)
def test_refusals_that_blame_no_option(body):
    raised = refusal_error(Answer(400, {}, json.dumps(body).encode()))
    assert type(raised) is InvalidRequest
    assert option_of(raised) is None


# --- resuming and cancelling


@pytest.mark.parametrize("case", ["metadata", "no-socket"])
async def test_a_remembered_prompt_is_not_sent_again(comfyui, case):
    with pytest.raises(BadResponse):
        await comfyui.draw("poll-F05")
    ref = comfyui.progress.remembered
    assert set(ref) == {"prompt_id", "client_id"}
    progress = await comfyui.draw(case, remembered=ref, sources=SOURCE)
    assert progress.sizes == [(512, 512)]
    assert posts(comfyui) == ["POST /prompt"]
    assert set(comfyui.server.connected) == {ref["client_id"]}


async def test_remembered_files_are_only_downloaded(comfyui):
    ref = (await comfyui.draw(count=2)).remembered
    comfyui.server.requests.clear()
    assert len((await comfyui.draw(remembered=ref)).kept) == 2
    assert comfyui.server.calls == ["GET /view"] * 2


async def test_an_id_is_one_path_segment(comfyui):
    await comfyui.fail(remembered={"client_id": OURS, "prompt_id": "../x?y"})
    assert "GET /history/..%2Fx%3Fy" in comfyui.server.calls
    comfyui.server.unexpected.clear()


@pytest.mark.parametrize("case", ["poll-F02", "poll-F03-none", "poll-F09", "poll-F14-texts"])
async def test_temporary_errors_of_the_history_are_retried(comfyui, case):
    assert (await comfyui.draw(case)).sizes == [(512, 512)]
    assert posts(comfyui) == ["POST /prompt"]


@pytest.mark.parametrize("case", ["poll-F04", "poll-F11", "poll-F08", "poll-F03-ever"])
async def test_the_prompt_stays_remembered_while_the_history_fails(comfyui, case):
    if case == "poll-F08":
        comfyui.hurry()
    await comfyui.draw_until(6, case)
    assert posts(comfyui) == ["POST /prompt"]
    assert set(comfyui.progress.remembered) == {"prompt_id", "client_id"}


@pytest.mark.parametrize("case", ["poll-F01", "poll-F05", "poll-F12-list", "poll-F14"])
async def test_an_invalid_history_is_a_bad_response(comfyui, case):
    assert isinstance(await comfyui.fail(case), EaselError)
    assert posts(comfyui) == ["POST /prompt"]


async def test_a_prompt_is_cancelled_by_the_sent_id_before_the_response_arrives(comfyui):
    taken = asyncio.Event()

    async def gate(call):
        if call.path == "/prompt":
            comfyui.server._submit(call)
            taken.set()
            await asyncio.Event().wait()

    comfyui.server.gate = gate
    drawing = asyncio.create_task(comfyui.draw("no-socket"))
    await taken.wait()
    drawing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await drawing
    await comfyui.provider().cancel(comfyui.progress.remembered)
    assert comfyui.server.interrupted == comfyui.server.running == [submitted(comfyui)["prompt_id"]]


async def test_a_prompt_that_may_have_been_sent_is_cancelled_and_sent_again(comfyui):
    comfyui.server.running = [OURS]
    progress = await comfyui.draw("no-socket", remembered={"offered": OURS})
    assert progress.sizes == [(512, 512)]
    assert posts(comfyui) == [f"POST /api/jobs/{OURS}/cancel", "POST /prompt"]
    assert comfyui.server.interrupted == [OURS]
    assert progress.remembered["prompt_id"] == submitted(comfyui)["prompt_id"] != OURS


@pytest.mark.parametrize(("case", "called_off"), [("F04", True), ("F05", True), ("F11", True), ("F04-503", False)])
async def test_a_prompt_that_is_refused_is_forgotten(comfyui, case, called_off):
    await comfyui.fail(case)
    assert comfyui.progress.remembered is None
    (id,) = {call.json["prompt_id"] for call in comfyui.server.requests if call.path == "/prompt"}
    assert (f"POST /api/jobs/{id}/cancel" in comfyui.server.calls) is called_off


async def test_cancelling_closes_the_connection(comfyui):
    drawing = asyncio.create_task(comfyui.draw("poll-F15"))
    async with asyncio.timeout(PATIENCE_SECONDS):
        await comfyui.server.started.wait()
        drawing.cancel()
        await comfyui.server.left.wait()
    with pytest.raises(asyncio.CancelledError):
        await drawing


@pytest.mark.parametrize("state", ["running", "pending"])
async def test_cancelling_by_id(comfyui, state):
    comfyui.server.running, comfyui.server.pending = [OTHER], []
    getattr(comfyui.server, state)[:] = [OURS]
    await comfyui.provider().cancel({"prompt_id": OURS, "client_id": OTHER})
    assert comfyui.server.calls == [f"POST /api/jobs/{OURS}/cancel"]
    assert comfyui.server.interrupted == ([OURS] if state == "running" else [])
    assert comfyui.server.pending == []


@pytest.mark.parametrize(
    ("running", "pending", "interrupted", "left"),
    [
        ([OTHER], [OURS], [], []),
        ([OURS], [OTHER], [OURS], [OTHER]),
        ([OTHER], [], [], []),
        ([OTHER, OURS], [], [], []),
        ([], [OTHER], [], [OTHER]),
        ([], [], [], []),
    ],
)
async def test_cancelling_on_an_old_server_stops_no_other_prompt(comfyui, running, pending, interrupted, left):
    comfyui.server.running, comfyui.server.pending = list(running), list(pending)
    await comfyui.provider("old").cancel({"prompt_id": OURS, "client_id": OTHER})
    assert comfyui.server.interrupted == interrupted
    assert comfyui.server.pending == left
    if "POST /interrupt" in comfyui.server.calls:
        assert comfyui.server.calls[-2:] == ["GET /queue", "POST /interrupt"]


async def test_an_interrupt_is_never_sent_again(comfyui):
    """By then another prompt may be running."""
    comfyui.server.running = [OURS]

    async def gate(call):
        if call.path == "/interrupt":
            comfyui.server._queue(call)
            comfyui.server.running = [OTHER]
            raise web.HTTPServiceUnavailable

    comfyui.server.gate = gate
    with pytest.raises(Unavailable):
        await comfyui.provider("old").cancel({"prompt_id": OURS})
    assert comfyui.server.interrupted == [OURS]


async def test_a_prompt_that_starts_while_it_is_deleted_is_stopped(comfyui):
    comfyui.server.pending = [OURS]

    async def gate(call):
        if (call.method, call.path) == ("POST", "/queue"):
            comfyui.server.running, comfyui.server.pending = [OURS], []

    comfyui.server.gate = gate
    await comfyui.provider("old").cancel({"prompt_id": OURS})
    assert comfyui.server.interrupted == [OURS]


async def test_nothing_to_cancel(comfyui):
    await comfyui.provider().cancel({"client_id": OURS})
    assert comfyui.server.calls == []
