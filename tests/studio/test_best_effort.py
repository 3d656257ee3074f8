# pyright: basic
"""Errors of secondary work are logged, and do not fail the job."""

import pytest

from studio.best_effort import best_effort, suppress_and_log


def test_an_error_is_logged_with_its_traceback_and_goes_no_further(caplog):
    with best_effort("job %s: not noted", 7):
        raise KeyError("a bug")
    (record,) = caplog.records
    assert (record.levelname, record.getMessage()) == ("ERROR", "job 7: not noted")
    assert "KeyError: 'a bug'" in caplog.text


def test_passing_errors_are_raised_unlogged(caplog):
    with pytest.raises(LookupError), best_effort("not noted", passing=(LookupError,)):
        raise KeyError("meant")
    assert caplog.records == []


@pytest.mark.parametrize("ends", [KeyboardInterrupt, GeneratorExit, SystemExit])
def test_cancellation_is_not_suppressed(ends, caplog):
    with pytest.raises(ends), best_effort("not noted"):
        raise ends
    assert caplog.records == []


def test_named_errors_are_suppressed_and_logged_with_their_traceback(caplog):
    with suppress_and_log((LookupError,), "job %s: not noted", 7):
        raise KeyError("unknown")
    (record,) = caplog.records
    assert (record.levelname, record.getMessage()) == ("ERROR", "job 7: not noted")
    assert "KeyError: 'unknown'" in caplog.text


def test_other_errors_than_the_named_ones_are_raised_unlogged(caplog):
    with pytest.raises(ValueError, match="a bug"), suppress_and_log((LookupError,), "not noted"):
        raise ValueError("a bug")
    assert caplog.records == []
