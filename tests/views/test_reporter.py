# pyright: basic
"""Errors of commands and buttons: the answer to the member, and the log."""

import logging
from types import SimpleNamespace
from typing import Any
from unittest.mock import AsyncMock, create_autospec

import discord
import pytest
from discord import app_commands

from domain import NoPrompt, NotOffered, Timeout
from studio.intake.pending import AcknowledgementUnknown, AnsweredElsewhere, ShuttingDown
from views.reporter import COMMAND_CHANGED, is_real_autocomplete_error, report_error
from views.wording.text import code_span

COMMAND = create_autospec(app_commands.Command, instance=True)
COMMAND.configure_mock(name="imagine", qualified_name="imagine")


def answer(status: int, code: int) -> discord.HTTPException:
    return discord.HTTPException(SimpleNamespace(status=status, reason="x"), {"code": code, "message": "x"})  # pyright: ignore


LATE = [answer(404, 10062), answer(400, 40060), answer(404, 10008), answer(404, 10015), answer(401, 50027)]
OLD = [app_commands.CommandNotFound("gone", []), app_commands.CommandSignatureMismatch(COMMAND)]


def label(value) -> str:
    return str(value.code) if isinstance(value, discord.HTTPException) else type(value).__name__


def interaction(kind=discord.InteractionType.application_command, **options) -> Any:
    named = SimpleNamespace(**{"prompt": None} | options)
    response = SimpleNamespace(is_done=lambda: False, type=None, send_message=AsyncMock())
    return SimpleNamespace(id=1, type=kind, response=response, extras={}, namespace=named)


@pytest.fixture
def log(caplog):
    caplog.set_level(logging.INFO)
    return caplog


@pytest.mark.parametrize("wrap", [lambda error: error, lambda error: app_commands.CommandInvokeError(COMMAND, error)])
@pytest.mark.parametrize("error", LATE, ids=label)
async def test_an_unanswerable_interaction_is_logged_as_a_warning_and_not_answered(log, error, wrap):
    asked = interaction()
    await report_error(asked, wrap(error))
    asked.response.send_message.assert_not_awaited()
    assert [(each.levelno, each.exc_info) for each in log.records] == [(logging.WARNING, None)]


@pytest.mark.parametrize("error", OLD, ids=label)
async def test_an_unknown_or_old_command_has_its_own_sentence(log, error):
    asked = interaction()
    await report_error(asked, error)
    asked.response.send_message.assert_awaited_once_with(COMMAND_CHANGED, ephemeral=True)
    assert [(each.levelno, each.exc_info) for each in log.records] == [(logging.INFO, None)]


@pytest.mark.parametrize("error", [AnsweredElsewhere(), AcknowledgementUnknown(), ShuttingDown()], ids=label)
async def test_an_interaction_of_another_process_is_not_answered(log, error):
    asked = interaction()
    await report_error(asked, error)
    asked.response.send_message.assert_not_awaited()
    assert [(each.levelno, each.exc_info) for each in log.records] == [(logging.INFO, None)]


@pytest.mark.parametrize("prompt", ["a `boat`\non a lake", "x" * 4000, "\U0001f469\u200d\U0001f680" * 1000])
async def test_an_error_keeps_the_prompt_in_view(prompt):
    asked = interaction(prompt=prompt)
    await report_error(asked, NotOffered(option="model", asked="x", offered=("y" * 200,) * 8))
    told = asked.response.send_message.await_args.args[0]
    sentence, _, quoted = told.partition("\n")
    assert sentence.startswith("`x` is no model")
    assert quoted == code_span(prompt, 1997 - len(sentence))
    assert len(told) <= 2000


async def test_a_blank_prompt_is_not_quoted():
    asked = interaction(prompt="\u3164 ")
    await report_error(asked, NoPrompt())
    assert "`\u3164" not in asked.response.send_message.await_args.args[0]


async def test_a_sentence_is_told_alone_if_discord_refuses_the_prompt():
    asked = interaction(prompt="a boat")
    asked.response.send_message.side_effect = [answer(403, 200000), None]
    await report_error(asked, Timeout())
    assert [("a boat" in each.args[0]) for each in asked.response.send_message.await_args_list] == [True, False]


async def test_an_internal_error_is_logged_with_its_traceback(log):
    asked, error = interaction(), RuntimeError("canary")
    await report_error(asked, error)
    assert "Easel itself" in asked.response.send_message.await_args.args[0]
    assert [each.exc_info[1] for each in log.records] == [error]


@pytest.mark.parametrize("error", [*OLD, *LATE, Timeout()], ids=label)
async def test_errors_of_autocompletion_are_logged_and_not_answered(log, error):
    asked = interaction(discord.InteractionType.autocomplete)
    await report_error(asked, error)
    asked.response.send_message.assert_not_awaited()
    assert [each.exc_info for each in log.records] == [None]


@pytest.mark.parametrize(
    ("error", "worth"), [*((each, False) for each in [*LATE, *OLD]), (RuntimeError(), True)], ids=label
)
def test_discord_pys_log_keeps_only_unexpected_errors_of_autocompletion(error, worth):
    record = logging.LogRecord("x", logging.ERROR, "", 0, "", (), (type(error), error, None))
    assert is_real_autocomplete_error(record) is worth
