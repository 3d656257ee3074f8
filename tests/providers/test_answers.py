# pyright: basic, reportOptionalMemberAccess=false
"""Parsing responses of any form raises only Easel's errors."""

import base64
import json
import re
import textwrap
from contextlib import asynccontextmanager, suppress
from time import monotonic
from typing import Any
from unicodedata import category

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from domain import (
    Acceptance,
    AuthError,
    BadResponse,
    ContentRejected,
    EaselError,
    ImageRequest,
    InvalidRequest,
    Picture,
    QuotaError,
    RateLimited,
    Sources,
    Timeout,
    Unavailable,
)
from providers.appypie import Result as AppyPieResult
from providers.http.answers import MAX_SENTENCE, Answer, one_line
from providers.http.encoding import decode_picture
from providers.http.failures import error_for, failure_for
from providers.imagepipeline import Status
from providers.nebulablock import Result as NebulaResult
from providers.popcord import Result as PopCordResult
from tests.outcomes import blames_model, not_taken, option_of
from tests.providers.conftest import KINDS, SERVERS, FakeProgress
from tests.replay.pictures import draw

quick = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])

NAMED = """
error message detail errors title msg loc status code statusCode traceId data image_data image image_url url output
download_urls result_url id job_id status_code b64_json index timings progress retry_after failure_reason_code
"""
STATUSES = st.integers(100, 599)
NAMES = st.sampled_from(NAMED.split())
WORDS = st.sampled_from(["success", "SUCCESS", "pending", "failed", "200", "500", "²", "http://a.invalid/", "1" * 5000])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | WORDS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES | st.text(max_size=5), inner, max_size=6),
    max_leaves=12,
)
BODIES = st.binary() | JSON.map(lambda body: json.dumps(body).encode())
RETRIES = st.sampled_from(["", "nan", "inf", "-1", "1e999", "9" * 400, "²", "Wed, 21 Oct 2015 07:28:00 GMT", "Thu, 1"])
HEADERS = st.dictionaries(st.sampled_from(["Retry-After", "retry-after-ms"]), st.text() | RETRIES)
ANSWERS = st.builds(Answer, STATUSES, HEADERS, BODIES)


def only_ours(read) -> None:
    try:
        read()
    except EaselError as error:
        assert len(str(error)) < MAX_SENTENCE + 100


@quick
@given(ANSWERS)
def test_parsing_raises_only_easel_errors(answer):
    only_ours(answer.data)
    only_ours(answer.raise_for_status)
    for kind in (AppyPieResult, NebulaResult, PopCordResult, Status):
        only_ours(lambda kind=kind: answer.parse(kind))
    assert isinstance(answer.error_text(), str)
    assert answer.blamed_option() in {None, "image", *ImageRequest.model_fields} - {"images"}
    assert (answer.error() is None) == (200 <= answer.status < 300)
    assert answer.retry_after() is None or 1 <= answer.retry_after() <= 600


@quick
@given(st.text(max_size=60) | st.from_regex(r"\w{3}, \d+ \w+ \d+ \d+:\d+:\d+ .{0,6}"))
def test_any_retry_after(text):
    wait = Answer(429, {"Retry-After": text}, b"").retry_after()
    assert wait is None or 1 <= wait <= 600


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("Please try again in 20 seconds.", 20),
        ("Rate limit reached, try again in 1.5s", 1.5),
        ("Request was throttled. Your rate limit resets in ~30s.", 30),
        ("The quota resets in 2 sec", 2),
        ("Try again in 5 minutes", None),
        ("resets in 2 stages", None),
    ],
)
def test_a_pause_in_a_message_is_read(text, seconds):
    assert Answer(429, {}, json.dumps({"detail": text}).encode()).retry_after() == seconds


class Stub:
    """A transport that gives every call the same response, and ends endless polling."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        self.left = 6

    async def call(self, *args, **options):
        return self.answer

    async def fetch(self, url, **options):
        return Picture(link=url)

    @asynccontextmanager
    async def socket(self, url, headers=None):
        raise Unavailable("no socket")
        yield

    async def sleep(self, seconds):
        self.left -= 1
        if not self.left:
            raise Timeout("enough")


@pytest.mark.parametrize("name", KINDS)
@quick
@given(body=JSON, status=st.sampled_from([200, 200, 200, 400, 429, 500]))
@example(body={"status": "1" * 5000}, status=200)
@example(body={"status": "²"}, status=200)
@example(body={"status": 10**300, "id": 10**300}, status=200)
async def test_providers_raise_only_easel_errors(name, body, status):
    answer = Answer(status, {}, json.dumps(body).encode())
    stub: Any = Stub(answer)
    provider = KINDS[name](KINDS[name].settings_type(base_url="http://a.invalid", api_key=SecretStr("k")), stub)
    request = ImageRequest(prompt="a", model=SERVERS[name].model)
    with suppress(EaselError):
        await provider.generate(request, Sources(), FakeProgress())
    assert await provider.models()
    await provider.close()


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ({"error": {"message": "a", "type": "b"}}, "a"),
        ({"error": "a", "message": "b"}, "a"),
        ({"detail": "a"}, "a"),
        ({"detail": [{"loc": ["body", "prompt"], "msg": "too long"}, {"msg": "b"}]}, "prompt: too long; b"),
        ({"detail": {"message": "a"}}, "a"),
        ({"message": "a"}, "a"),
        ({"errors": ["a", "b"]}, "a; b"),
        ({"errors": "a"}, "a"),
        ({"errors": {"prompt": ["a", "b"], "seed": "c"}}, "prompt: a; b; seed: c"),
        ({"title": "a"}, "a"),
        ({"error": None, "message": "a"}, "a"),
        ({"message": "<p>a <b>b</b></p>\n&amp; c"}, "a b & c"),
        ("a", "a"),
        ({}, ""),
        (None, ""),
    ],
)
def test_the_message_of_an_error(body, text):
    assert Answer(400, {}, json.dumps(body).encode()).error_text() == text


@pytest.mark.parametrize(
    ("name", "field"),
    [
        *(("prompt", "prompt"), ("width", "size"), ("num_steps", "steps"), ("seed", "seed"), ("zz", None), (0, None)),
        *(("image_url", "image"), ("mask_url", "mask"), ("image_size", "size"), ("num_images", "count")),
        *(
            ("guidance", "guidance_scale"),
            ("n", "count"),
            ("cfg_scale", "guidance_scale"),
            ("sampler_name", "scheduler"),
        ),
    ],
)
def test_the_option_of_an_error(name, field):
    for body in ({"detail": [{"loc": ["body", name], "msg": "no"}]}, {"errors": {name: ["no"]}}):
        error = Answer(422, {}, json.dumps(body).encode()).error()
        assert error
        assert option_of(error) == field


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"detail": [{"loc": ["body", "init_images", 0]}]}, "image"),
        ({"detail": [{"loc": ["body", "image", "size"]}]}, "size"),
        ({"detail": [{"loc": ["body", "zz", 0]}, {"loc": ["body", "seed", "int"]}]}, "seed"),
        ({"errors": {"params.width": "no"}}, "size"),
        ({"errors": {"params.zz": "no", "source_mask": "no"}}, "mask"),
    ],
)
def test_the_innermost_known_name_is_the_option(body, field):
    assert Answer(422, {}, json.dumps(body).encode()).blamed_option() == field


@pytest.mark.parametrize(
    ("status", "text", "error"),
    [
        (401, "", AuthError),
        (401, "The use of this key is prohibited", AuthError),
        (401, "Insufficient credits", AuthError),
        *(
            (403, f"{what} for this operation", AuthError)
            for what in (
                "You have insufficient permissions",
                "Request had insufficient authentication scopes.",
                "insufficient API permissions",
                "insufficient_scope",
                "insufficient_permissions",
                "Insufficient access rights",
                "Insufficient role",
            )
        ),
        (403, "Insufficient credits", QuotaError),
        (429, "insufficient capacity, try again in 5 seconds", RateLimited),
        (429, "insufficient funds", QuotaError),
        (429, "Your team has either used all available credits or reached its monthly spending limit", QuotaError),
        (403, "", AuthError),
        (403, "blocked by moderation", ContentRejected),
        (402, "", QuotaError),
        (404, "", InvalidRequest),
        (403, "Your account has been flagged as suspicious", AuthError),
        (404, "The model home/nsfw-sdxl does not exist", InvalidRequest),
        (422, "enable_safety_checker: Extra inputs are not permitted", InvalidRequest),
        (422, "safety_tolerance: Input should be less than or equal to 2", InvalidRequest),
        (422, "the safety checker found something", ContentRejected),
        (408, "", Timeout),
        (504, "", Timeout),
        (409, "", Unavailable),
        (425, "", Unavailable),
        (413, "", InvalidRequest),
        (400, "", InvalidRequest),
        (400, "NSFW words", ContentRejected),
        (400, "your balance is low", QuotaError),
        (400, "The prompt 'a credit card' violates our content policy", ContentRejected),
        (415, "", InvalidRequest),
        (422, "content policy", ContentRejected),
        (429, "slower", RateLimited),
        (429, "quota used up", QuotaError),
        (429, "Billing hard limit", QuotaError),
        (429, "Insufficient funds", QuotaError),
        (500, "", Unavailable),
        (503, "", Unavailable),
        (302, "", BadResponse),
        *((status, "", InvalidRequest) for status in (405, 406, 410, 411, 414, 418, 421, 424, 426, 428, 431, 451)),
        *((status, "", Timeout) for status in (522, 524, 598, 599)),
        *((status, "", Unavailable) for status in (423, 501, 520, 521, 523, 525, 526, 530)),
        (407, "", AuthError),
        (451, "prohibited by our content policy", ContentRejected),
        (499, "", BadResponse),
    ],
)
def test_each_status_has_its_error(status, text, error):
    assert type(error_for(status, text)) is error


@pytest.mark.parametrize("status", [401, 402, 407, 409, 423, 425, 429, 501, 503, 521, 523, 525, 526, 530])
def test_these_statuses_say_not_accepted(status):
    assert not_taken(error_for(status, ""))


@pytest.mark.parametrize(
    ("status", "text", "may_be"),
    [
        *((status, "", False) for status in (401, 402, 407, 429, 503)),
        (400, "your balance is too low", False),
        (403, "User is locked. Reason: Exhausted balance", False),
        (429, "insufficient_quota", False),
        (403, "this model is not open to you", True),
        (500, "no such header", True),
    ],
)
def test_which_errors_may_be_one_models_fault(status, text, may_be):
    assert blames_model(error_for(status, text)) is may_be


@pytest.mark.parametrize("status", [408, 500, 502, 504, 520, 522, 524, 598, 599])
def test_these_statuses_leave_acceptance_unknown(status):
    assert error_for(status, "").taken is Acceptance.UNKNOWN


@pytest.mark.parametrize(
    "text",
    [
        "Your rate limit is 6 requests per minute while you have less than $5 in credit",
        "Too many requests, slowed down by the load balancer",
    ],
)
def test_a_429_that_mentions_a_balance_is_a_rate_limit(text):
    error = Answer(429, {"Retry-After": "9"}, json.dumps({"detail": text}).encode()).error()
    assert isinstance(error, RateLimited)
    assert error.retry_after == 9


def test_a_lone_surrogate_does_not_lose_the_rest():
    body = rb'{"data": [{"b64_json": "aGVsbG8="}], "revised_prompt": "a fox \ud83e"}'
    assert Answer(200, {}, body).data() == {"data": [{"b64_json": "aGVsbG8="}], "revised_prompt": "a fox ?"}


@pytest.mark.parametrize(
    ("kind", "body", "name", "read"),
    [
        (Status, {"id": None, "job_id": "x"}, "id", "x"),
        (Status, {"status": None}, "status", ""),
        (AppyPieResult, {"code": None, "statusCode": 402}, "status", 402),
        (PopCordResult, {"status_code": None}, "status_code", 200),
        (NebulaResult, {"status": None}, "status", "success"),
    ],
)
def test_null_counts_as_absent(kind, body, name, read):
    assert getattr(Answer(200, {}, json.dumps(body).encode()).parse(kind), name) == read


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("unsafe: violates the rules", ContentRejected),
        ("The input or output was flagged as sensitive. (E005)", ContentRejected),
        ("Insufficient credits", QuotaError),
        ("Insufficient GPU memory to run the model", Unavailable),
        ("oops", Unavailable),
    ],
)
def test_each_failure_message_has_its_error(text, error):
    assert type(failure_for(text)) is error


@quick
@given(
    tail=st.binary(max_size=300),
    magic=st.sampled_from([b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"RIFF1234WEBP"]),
    prefix=st.sampled_from(["", "data:image/png;base64,", "data:;base64,"]),
    url_safe=st.booleans(),
    padded=st.booleans(),
    width=st.sampled_from([10_000, 76, 7]),
)
def test_base64_of_every_variant_is_decoded(tail, magic, prefix, url_safe, padded, width):
    text = (base64.urlsafe_b64encode if url_safe else base64.b64encode)(magic + tail).decode()
    text = text if padded else text.rstrip("=")
    assert decode_picture(prefix + "\r\n".join(textwrap.wrap(text, width))) == magic + tail


@quick
@given(st.text() | st.binary().map(lambda data: base64.b64encode(data).decode()) | st.text().map("data:".__add__))
def test_other_text_is_no_picture(text):
    only_ours(lambda: decode_picture(text))


@pytest.mark.parametrize("cut", [1, 2, 3, 5, 50])
def test_base64_cut_short_is_refused_here_or_by_the_job(cut):
    text = base64.b64encode(draw("a")).decode()
    assert decode_picture(text) == draw("a")
    with suppress(BadResponse):
        assert decode_picture(text[: -4 * cut - cut % 4]) != draw("a")


@quick
@given(
    st.text()
    | st.lists(st.sampled_from(["<", ">", "script", "http://", "x", "&lt;", "&#0;", " ", "\u202e"])).map("".join)
)
@example("xhttp://a.invalid/b")
@example("ht\x00tps://a.invalid <<b>b>")
@example("<script>alert(1)</script><style>a")
def test_one_line(text):
    clean = one_line(text)
    assert len(clean) <= MAX_SENTENCE
    assert not any(
        category(each) in ("Cc", "Cf", "Cs", "Zl", "Zp")
        for each in clean
        if each not in {"\u200d", *map(chr, range(0xE0020, 0xE0080))}
    )
    assert not re.search(r"<[^>]*>", clean)
    assert not re.search(r"https?://\S", clean, re.IGNORECASE)


@pytest.mark.parametrize("text", ["<", "<script>", "&lt;", "http://", "a"])
def test_one_line_is_quick_with_long_texts(text):
    start = monotonic()
    assert len(one_line(text * 1_000_000)) <= MAX_SENTENCE
    assert monotonic() - start < 30, "a pattern that takes quadratic time needs hours"


def test_a_retry_after_date_is_relative_to_the_servers_clock():
    """The pause is the same for a server whose clock is a quarter of an hour wrong."""
    headers = {"Retry-After": "Fri, 01 May 2026 12:00:30 GMT", "Date": "Fri, 01 May 2026 12:00:00 GMT"}
    assert Answer(429, headers, b"").retry_after() == 30


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("No such file: '/home/jane doe/ComfyUI/models/x.pt'", "No such file: '(path)'"),
        ("cannot open /home/u/ComfyUI/a.safetensors, sorry", "cannot open (path), sorry"),
        (r"C:\Users\Jane Doe\ComfyUI\x.py failed", "(path) failed"),
        ("D:/ai/x/y.ckpt: damaged", "(path): damaged"),
        (r"at \\server\share\x.png now", "at (path) now"),
        ("~/ComfyUI/models/x", "(path)"),
        ("file:///home/u/x is gone", "(link) is gone"),
        ('File "/opt/x/y.py", line 3', 'File "(path)", line 3'),
        ("and/or 3/4 of owner/model, 16:9", "and/or 3/4 of owner/model, 16:9"),
    ],
)
def test_no_path_of_a_machine_is_shown(text, shown):
    assert one_line(text) == shown


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("litellm.BadRequestError: OpenAIException - The size is wrong", "The size is wrong"),
        ("litellm.BadRequestError: litellm.APIError: AzureException - No. Received Model Group=x\nAvailable", "No"),
        ("litellm.BadRequestError: VertexAIException BadRequestError - No", "No"),
        ("litellm.BadRequestError: OpenAIException - Error code: 400 - No", "No"),
        ("litellm.RateLimitError:", "litellm.RateLimitError:"),
        ("The model litellm: none", "The model litellm: none"),
    ],
)
def test_a_proxys_wrapping_is_taken_off(said, shown):
    assert error_for(500, said).said == shown


def test_a_proxys_wrapping_still_says_what_kind_of_error_it_is():
    error = error_for(400, "litellm.ContentPolicyViolationError: OpenAIException - Not that")
    assert (type(error), error.said) == (ContentRejected, "Not that")
