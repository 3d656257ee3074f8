# pyright: basic, reportMissingImports=false
"""The judge sees what is planted into a request."""

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest

from conformance.endpoints import Api, Endpoint, by_schema
from conformance.judge import MAX_AGE_DAYS, judge, stale
from conformance.makers import apis
from conformance.recording import Sent, read

RECORDED = Path("build/conformance/requests.jsonl")
APIS = apis()


@pytest.fixture(scope="session")
def requests() -> list[Sent]:
    return list(read(RECORDED))


def test_all_requests_are_as_the_makers_say(requests):
    assert judge(requests, APIS) == {}


def test_every_provider_was_recorded(requests):
    assert {sent.provider for sent in requests} == set(APIS)


@pytest.mark.parametrize("provider", sorted(APIS))
def test_an_unknown_field_is_a_fault(provider, requests):
    sent = next(each for each in requests if each.provider == provider and isinstance(each.body, dict))
    planted = replace(sent, body=sent.body | {"no_such_field": 1})
    assert judge([planted], APIS)


@pytest.mark.parametrize("provider", sorted(APIS))
def test_a_prompt_that_is_a_number_is_a_fault(provider, requests):
    def with_number(value):
        if isinstance(value, dict):
            return {name: with_number(each) for name, each in value.items()}
        if isinstance(value, list):
            return list(map(with_number, value))
        return 7 if isinstance(value, str) and value.startswith("a lighthouse") else value

    sent = next(each for each in requests if each.provider == provider and "a lighthouse" in str(each.body))
    assert judge([replace(sent, body=with_number(sent.body))], APIS)


@pytest.mark.parametrize("options", ['{"no_such_field": 1}', '{"seed": "7"}', '{"sample_params": {"steps": 20}}'])
def test_an_unknown_option_in_the_tag_of_a_prompt_is_a_fault(options, requests):
    sent = next(each for each in requests if each.provider == "sdcpp" and "prompt" in (each.body or {}))
    prompt = f"a lighthouse<sd_cpp_extra_args>{options}</sd_cpp_extra_args>"
    assert judge([replace(sent, body=sent.body | {"prompt": prompt})], APIS)


@pytest.mark.parametrize("provider", sorted(APIS))
def test_an_unknown_call_is_a_fault(provider, requests):
    sent = next(each for each in requests if each.provider == provider)
    assert judge([replace(sent, path="/no/such/call")], APIS)


def test_a_missing_field_and_a_body_that_is_too_large_are_faults():
    body = by_schema({"required": ["prompt"]})
    api = Api("a page", date(2026, 12, 1), [Endpoint("POST", "/draw", body=body, max_bytes=10)])
    sent = Sent("some", "model", "plain", "POST", "/draw", {}, {}, {}, 11)
    assert api.faults(sent) == ["11 bytes, more than 10", "body: 'prompt' is a required property"]


def test_what_was_not_looked_at_for_long_is_told():
    api = Api("a page", date(2026, 12, 1), [])
    later = api.seen + timedelta(days=MAX_AGE_DAYS)
    assert stale({"some": api}, later) == []
    (sentence,) = stale({"some": api}, later + timedelta(days=1))
    assert "91 days ago" in sentence
