# pyright: basic, reportMissingImports=false
"""Google's types name no reason that is not written down."""

from google.genai.types import BlockedReason, FinishReason

from conformance.reasons import BLOCKED_REASONS, FINISH_REASONS


def test_all_finish_reasons_are_written_down():
    assert {each.value for each in FinishReason} == FINISH_REASONS


def test_all_blocked_reasons_are_written_down():
    assert {each.value for each in BlockedReason} == BLOCKED_REASONS
