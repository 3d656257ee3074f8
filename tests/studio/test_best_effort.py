# pyright: basic
"""Errors of secondary work are logged, and do not fail the job."""

import pytest

from studio.best_effort import best_effort


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
