# pyright: basic
"""What is done beside a job fails for itself."""

import pytest

from studio.best_effort import best_effort


def test_an_error_is_logged_with_its_traceback_and_goes_no_further(caplog):
    with best_effort("job %s: not noted", 7):
        raise KeyError("a bug")
    (record,) = caplog.records
    assert (record.levelname, record.getMessage()) == ("ERROR", "job 7: not noted")
    assert "KeyError: 'a bug'" in caplog.text


def test_what_is_to_pass_passes_unlogged(caplog):
    with pytest.raises(LookupError), best_effort("not noted", passing=(LookupError,)):
        raise KeyError("meant")
    assert caplog.records == []


@pytest.mark.parametrize("ends", [KeyboardInterrupt, GeneratorExit, SystemExit])
def test_the_end_of_the_process_is_not_held_up(ends, caplog):
    with pytest.raises(ends), best_effort("not noted"):
        raise ends
    assert caplog.records == []
