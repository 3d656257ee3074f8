# pyright: basic
"""Faults that any server may have, with each provider."""

import asyncio
import logging
import traceback

import pytest
from pydantic import TypeAdapter

from domain import (
    AuthError,
    BadResponse,
    EaselError,
    Failure,
    InvalidRequest,
    Picture,
    RateLimited,
    Timeout,
    Unavailable,
    find_model,
    outcomes,
)
from providers import aihorde as aihorde_module
from providers.http import api as api_module
from providers.http import transport as transport_module
from providers.kit.base import keep_all
from providers.openai.profiles import OPENAI
from tests.conftest import PATIENCE_SECONDS
from tests.outcomes import blames_model
from tests.providers.conftest import PATIENCE, FakeProgress, sources_of
from tests.replay import FAULTS, REPLAYS, Call
from tests.replay.faults import DATE_SECONDS, OTHER_NAMES, REDIRECTS
from tests.replay.pictures import draw

LINKING = [server.name for server in REPLAYS if server.links]
EMBEDDING = [server.name for server in REPLAYS if server.embeds]
COLLECTING = [server.name for server in REPLAYS if server.collects]
NAMES_FILES = ("comfyui",)
"""Its pictures are files on the server, not fields of a response."""
WAITS_FOR_THE_OUTCOME = ("replicate",)
"""Providers whose 503 leaves acceptance unknown."""
NOWHERE = Call("GET", "/", {}, b"")
CANARY = "canary-5e1f-key"
SLOW = ("F08", "F19-drip")
"""Faults that only a time limit ends."""
TOO_MUCH = ("F19", "F19-line", "F19-blanks", "F19-chunks")


@pytest.fixture
def small_caps(monkeypatch):
    """Lower the size caps, so that endless bodies reach them soon."""
    for name in (
        "http.calls.MAX_ANSWER_BYTES",
        "http.transport.MAX_PICTURE_BYTES",
        "http.bodies.MAX_ERROR_BYTES",
        "http.api.MAX_JSON_BYTES",
        "aihorde.MAX_JSON_BYTES",
    ):
        monkeypatch.setattr(f"providers.{name}", 16 * 1024)
    monkeypatch.setattr("providers.http.events.MAX_LINES", 1000)


def posts(bench) -> int:
    return bench.server.count("GET" if bench.server.by_get else "POST")


@pytest.mark.parametrize(
    ("case", "error", "tries"),
    [
        ("F01", AuthError, 1),
        ("F03-ever", RateLimited, 3),
        ("F03-far", RateLimited, 1),
        ("F04", Unavailable, 1),
        ("F04-503", Unavailable, 3),
        ("F05", BadResponse, 1),
        ("F07", BadResponse, 1),
        ("F07-gzip", BadResponse, 1),
        ("F08", Timeout, 1),
        ("F09-error", InvalidRequest, 1),
        *((f"F10-{status}", BadResponse, 1) for status in REDIRECTS),
        ("F11", Unavailable, 1),
        ("F11-reset", Unavailable, 1),
        *((f"F12{variant}", BadResponse, 1) for variant in ("", "-null", "-list", "-text", "-empty", "-204")),
        ("F14", BadResponse, 1),
        ("F14-bomb", BadResponse, 1),
        *((case, BadResponse, 1) for case in TOO_MUCH),
        ("F19-drip", Timeout, 1),
        ("F19-error", InvalidRequest, 1),
        ("F19-head", Unavailable, 1),
        ("F19-hints", Unavailable, 1),
    ],
)
async def test_a_fault_ends_the_call(bench, request, case, error, tries):
    if case in SLOW:
        bench.hurry()
    elif case.startswith("F19"):
        request.getfixturevalue("small_caps")
    raised = await bench.fail(case)
    assert type(raised) is error
    if case == "F04-503" and bench.server.name in WAITS_FOR_THE_OUTCOME:
        tries = 1
    again = bench.server.by_get and error in (Unavailable, Timeout)
    if again and error is Unavailable:
        tries = 3
    assert posts(bench) == len(bench.server.drawings) == tries
    assert bench.progress.kept == []
    assert again or bench.progress.remembered is None
    assert not any(sign in str(raised) for sign in ("<", "@everyone", "http", "alert"))


@pytest.mark.parametrize(
    ("case", "low", "high"),
    [
        ("F02", 2, 2),
        ("F03", DATE_SECONDS - 5, DATE_SECONDS),
        ("F03-none", 0.5, 3),
    ],
)
async def test_a_429_is_retried_once(bench, case, low, high):
    assert len((await bench.draw(case)).kept) == 1
    assert posts(bench) == 2
    assert len(bench.waits) == 1 or bench.server.queued
    assert low <= bench.waits[0] <= high


async def test_a_lasting_429_raises_with_retry_after(bench):
    assert (await bench.fail("F03-ever")).retry_after == 7
    assert bench.waits == [7, 7]


@pytest.mark.parametrize(
    "case", ["F09", "F09-text", "F09-image", "F09-json", "F09-none", "F14-texts", "F14-more", "F14-bom", "F14-nan"]
)
async def test_content_types_and_optional_fields_do_not_matter(bench, case):
    assert (await bench.draw(case)).sizes == [(512, 512)]
    assert posts(bench) == 1


@pytest.mark.parametrize("case", ["F06", "F06-hello"])
@pytest.mark.parametrize("name", EMBEDDING)
async def test_broken_base64(bench_for, name, case):
    bench = await bench_for(name)
    assert type(await bench.fail(case)) is BadResponse
    assert bench.progress.kept == []
    assert posts(bench) == 1


@pytest.mark.parametrize(
    "case",
    [
        *("F13", "F13-403", "F13-page", "F13-file", "F13-metadata", "F13-loopback", "F13-moved"),
        *("F13-host", "F13-label", "F13-astray"),
    ],
)
@pytest.mark.parametrize("name", LINKING)
async def test_links_that_lead_to_no_picture(bench_for, name, case):
    bench = await bench_for(name)
    raised = await bench.fail(case)
    assert type(raised) is BadResponse
    assert bench.progress.kept == []
    assert posts(bench) == 1
    assert not any(sign in str(raised) for sign in ("<", "169.254", "127.0.0.1", "passwd"))


@pytest.mark.parametrize("name", LINKING)
async def test_a_data_url_is_decoded_and_not_remembered(bench_for, name):
    progress = await (await bench_for(name)).draw("F13-data")
    assert [picture.data for picture in progress.kept] == [draw("a data URL")]
    assert "data:" not in str(progress.remembered)


@pytest.mark.parametrize("name", COLLECTING)
async def test_a_dead_link_does_not_lose_the_other_pictures(bench_for, name):
    bench = await bench_for(name)
    good = bench.server.host(NOWHERE, draw("a"))
    raised = await bench.fail(remembered={"urls": ["https://a..example/picture.png", good]})
    assert type(raised) is BadResponse
    assert [picture.data for picture in bench.progress.kept] == [draw("a")]


@pytest.mark.parametrize("name", COLLECTING)
async def test_no_link_leads_to_another_providers_private_server(bench_for, name):
    bench, other = await bench_for(name), await bench_for("comfyui")
    other.provider()
    bench.server.host(NOWHERE, b"gone", status=404)  # the same path here is requested, and is no picture
    assert type(await bench.fail(remembered={"urls": [other.server.host(NOWHERE, draw("a"))]})) is BadResponse
    assert other.server.requests == []


@pytest.mark.parametrize("name", COLLECTING)
async def test_links_may_lead_to_a_server_that_the_host_allows(bench_for, name):
    bench, other = await bench_for(name), await bench_for("comfyui")
    allowed = {"link_hosts": (("127.0.0.1", other.server.port),)}
    await bench.draw(remembered={"urls": [other.server.host(NOWHERE, draw("a"))]}, settings=allowed)
    assert [picture.data for picture in bench.progress.kept] == [draw("a")]


@pytest.mark.parametrize("name", LINKING)
async def test_a_link_to_an_allowed_host_is_not_rewritten(bench_for, name):
    bench = await bench_for(name)
    raised = await bench.fail("F13-localhost", settings={"link_hosts": (("localhost", None),)})
    assert type(raised) is Unavailable  # nobody listens at that port


@pytest.mark.parametrize(
    ("failing", "raised", "forgets"),
    [
        ([BadResponse, Unavailable], Unavailable, False),
        ([Unavailable, BadResponse], Unavailable, False),
        ([Timeout, BadResponse, BadResponse], Timeout, False),
        ([BadResponse, BadResponse], BadResponse, True),
    ],
)
async def test_a_retryable_download_stays_remembered_beside_a_permanent_failure(failing, raised, forgets):
    async def fetch(error: type[EaselError] | None) -> Picture:
        if error:
            raise error("no")
        return Picture(data=draw("a"))

    progress = FakeProgress({"urls": []})
    with pytest.raises(raised):
        await keep_all(progress, [None, *failing, None], fetch)
    assert (len(progress.kept), progress.remembered is None) == (2, forgets)


@pytest.mark.parametrize("case", ["F18", "F18-null", "F18-blank", "F18-gone"])
@pytest.mark.parametrize("name", [server.name for server in REPLAYS if server.name not in NAMES_FILES])
async def test_a_picture_is_found_in_another_field_where_the_documented_one_is_empty(bench_for, name, case):
    bench = await bench_for(name)
    assert [picture.data for picture in (await bench.draw(case)).kept] == [draw("under another name")]
    assert sum(call.moment == "" for call in bench.server.drawings) == 1


@pytest.mark.parametrize(
    "case",
    [
        *("F13-500", "F13-429", "picture-F03-ever", "picture-F04", "picture-F11", "picture-F11-reset"),
        *(f"picture-{case}" for case in (*SLOW, *TOO_MUCH, "F19-head", "F19-hints")),
    ],
)
@pytest.mark.parametrize("name", LINKING)
@pytest.mark.usefixtures("loopback_links", "small_caps")
async def test_a_picture_that_cannot_be_downloaded_is_passed_on_as_a_link(bench_for, name, case):
    bench = await bench_for(name)
    if case.removeprefix("picture-") in SLOW:
        bench.hurry()
    (picture,) = (await bench.draw(case)).kept
    assert picture.data == b""
    assert picture.link.startswith(bench.server.url + "/pictures/")
    assert posts(bench) == 1


@pytest.mark.parametrize("opens", [True, False])
@pytest.mark.parametrize("name", LINKING)
async def test_a_picture_too_large_for_memory_is_passed_on_as_a_link(bench_for, monkeypatch, name, opens):
    monkeypatch.setattr(transport_module, "MAX_PICTURE_BYTES", 100)
    monkeypatch.setattr(transport_module, "can_be_opened", lambda _: opens)
    bench = await bench_for(name)
    if opens:
        (picture,) = (await bench.draw("picture-F09-none")).kept
        assert picture.link.startswith(bench.server.url + "/pictures/")
    else:
        assert type(await bench.fail("picture-F09-none")) is BadResponse
        assert bench.progress.remembered is None
    assert posts(bench) == 1


async def test_a_refused_key_is_the_providers_fault_not_a_models(bench, monkeypatch):
    monkeypatch.setattr("providers.openai.OPENAI", OPENAI._replace(base_url=bench.server.url))
    assert not blames_model(await bench.fail("F01"))


@pytest.mark.parametrize("case", ["picture-F02", "picture-F09", "picture-F09-json", "picture-F09-none"])
@pytest.mark.parametrize("name", LINKING)
async def test_downloads_that_succeed(bench_for, name, case):
    assert (await (await bench_for(name)).draw(case)).sizes == [(512, 512)]


@pytest.mark.parametrize("case", [f"F13-{name}" for name in OTHER_NAMES])
@pytest.mark.parametrize("name", LINKING)
async def test_an_internal_host_name_in_a_link_is_replaced_by_the_base_url(bench_for, name, case):
    progress = await (await bench_for(name)).draw(case)
    assert [picture.data for picture in progress.kept] == [draw("under another name")]


async def test_no_drawing_call_uses_a_kept_connection(bench):
    """Acceptance would be unknown, so the job would be lost, or paid for twice."""
    bench.server.drops_kept = True
    for _ in range(2):
        assert len((await bench.draw()).kept) == 1
    assert not any(call.startswith("POST") or call.endswith("/ws") for call in bench.server.dropped)


@pytest.mark.parametrize(
    "case", ["picture-F01", "picture-F05", "picture-F06", "picture-F07", "picture-F10", "picture-F12-empty"]
)
@pytest.mark.parametrize("name", LINKING)
async def test_downloads_that_hold_no_picture(bench_for, name, case):
    bench = await bench_for(name)
    assert type(await bench.fail(case)) is BadResponse
    assert bench.progress.kept == []
    assert posts(bench) == 1


@pytest.mark.parametrize("case", [*TOO_MUCH, "F19-error"])
@pytest.mark.parametrize("name", [server.name for server in REPLAYS if server.polls])
@pytest.mark.usefixtures("small_caps")
async def test_an_endless_poll_does_not_pay_twice(bench_for, name, case):
    bench = await bench_for(name)
    assert type(await bench.fail(f"poll-{case}")) in (BadResponse, InvalidRequest)
    assert posts(bench) == 1


@pytest.mark.parametrize("case", [*TOO_MUCH, "F19-head", "F19-hints", "F19-error"])
@pytest.mark.usefixtures("small_caps")
async def test_an_endless_list_of_models_keeps_the_known_ones(bench, monkeypatch, caplog, case):
    monkeypatch.setattr("providers.kit.discovery.MAX_WAIT_SECONDS", PATIENCE)
    for moment in ("", "aside-"):
        assert await bench.provider(moment + case).models()
    assert "time limit" not in caplog.text, "it took all of its time"


@pytest.mark.parametrize(
    ("name", "expected"),
    [("fal", "over 1000"), ("bfl", "over 1000"), ("aihorde", "over 1000"), ("replicate", "too many values")],
)
async def test_polls_are_read_with_the_small_cap(bench_for, monkeypatch, name, expected):
    """Replicate's polls may contain the pictures, as data URLs."""
    monkeypatch.setattr(api_module, "MAX_JSON_BYTES", 1000)
    monkeypatch.setattr(aihorde_module, "MAX_JSON_BYTES", 1000)
    assert expected in str(await (await bench_for(name)).fail("poll-F14-bomb"))


@pytest.mark.parametrize("moment", ["", "poll-", "picture-"])
async def test_cancelling_closes_the_connection(imagepipeline, moment):
    drawing = asyncio.create_task(imagepipeline.draw(f"{moment}F15"))
    async with asyncio.timeout(PATIENCE_SECONDS):
        await imagepipeline.server.started.wait()
        drawing.cancel()
        await imagepipeline.server.left.wait()
    assert drawing.cancelled() or drawing.cancelling()
    with pytest.raises(asyncio.CancelledError):
        await drawing


async def test_cancelling_leaves_no_task(bench):
    before = asyncio.all_tasks()
    drawing = asyncio.create_task(bench.draw("F15"))
    await bench.server.started.wait()
    drawing.cancel()
    await bench.server.left.wait()
    await asyncio.wait({drawing})
    assert drawing.cancelled()
    left = {str(task.get_coro()) for task in asyncio.all_tasks() - before}
    assert not any("providers" in name or "draw" in name for name in left)


def every_case(bench) -> list[str]:
    server = bench.server
    moments = ["", *(["poll-"] if server.polls else []), *(["picture-"] if server.links else [])]
    return [*bench.server.cases, *(moment + fault for moment in moments for fault in FAULTS)]


KEPT: TypeAdapter[Failure] = TypeAdapter(Failure)


async def failure_of(bench, case: str, **options) -> str:
    """Everything that a draw may show, log or raise."""
    try:
        async with asyncio.timeout(0.1):
            await bench.draw(case, **options)
    except (EaselError, TimeoutError) as error:
        failure = str(KEPT.dump_json(outcomes.failure_of(error))) if isinstance(error, EaselError) else ""
        return "".join([str(error), repr(error), failure, *traceback.format_exception(error, chain=True)])
    return ""


@pytest.mark.parametrize("key", [CANARY])
async def test_the_key_is_never_shown(bench, monkeypatch, caplog):
    caplog.set_level(logging.DEBUG)
    monkeypatch.setattr("providers.http.calls.MAX_ANSWER_BYTES", 1024 * 1024)
    monkeypatch.setattr(transport_module, "MAX_PICTURE_BYTES", 1024 * 1024)
    bench.hurry(0.06)
    bench.server.slow_seconds = 0.01
    model = find_model(await bench.provider().models(), bench.server.model)
    linked = sources_of(draw("image"), url="https://cdn.example/dog.png")
    sources = linked if model and model.capabilities.image_by_link else None
    told = {case: await failure_of(bench, case, sources=sources) for case in every_case(bench)}
    told["models"] = str([await bench.provider(case).models() for case in ("F01", "F04", "F10")])
    assert sum(map(bool, told.values())) > 30
    assert [case for case, text in told.items() if CANARY in text] == []
    assert CANARY not in caplog.text
    assert [call.path for call in bench.server.requests if call.moment == "picture-" and CANARY in str(call)] == []
    bench.server.unexpected[:] = [each for each in bench.server.unexpected if "API answers without" not in each]


@pytest.mark.usefixtures("loopback_links")
async def test_a_prompt_chooses_the_case(imagepipeline):
    await imagepipeline.draw(prompt="a cat case:pending")
    assert imagepipeline.server.count("GET") == 5
    assert type(await imagepipeline.fail(prompt="case:F05 a cat")) is BadResponse
    assert (await imagepipeline.draw(prompt="a cat, case:picture-F04")).kept[0].link
    assert type(await imagepipeline.fail(prompt="a cat case:poll-F01")) is AuthError


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("models", None),
        ("image/generate", {"model": "flux"}),
        ("image/generate", {"model": "flux", "prompt": 1}),
        ("image/generate", {"model": "flux", "prompt": "a", "zz": 1}),
        ("image/generate", {"model": "flux", "prompt": "a", "size": None}),
        ("image/generate", {"model": "flux", "prompt": "a", "size": "1x1"}),
        ("image/generate", {"model": "nova", "prompt": "a"}),
        ("image/generate", {"model": "flux", "prompt": "a case:zz"}),
    ],
)
async def test_replay_servers_refuse_undocumented_requests(popcord, path, body):
    answer = await popcord.transport.call("POST", f"{popcord.server.url}/{path}", json=body)
    assert answer.status == 418
    assert len(popcord.server.unexpected) == 1
    popcord.server.unexpected.clear()
