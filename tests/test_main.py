# pyright: basic
"""The output of bot.py: one sentence if it cannot start, and the table of --check."""

import asyncio
import os
import re
import signal
import socket
import sqlite3
import sys
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from filelock import FileLock

import bot
from tests.bot.conftest import variables
from tests.conftest import ROOT
from tests.replay import REPLAYS
from tests.test_config import variables as all_variables

TOKEN = "MTA4canary.GcanaR.y0canary0canary"
SECONDS = 30.0


@pytest.fixture
def start(tmp_path, monkeypatch, capsys, loggers):
    """Runs main in an empty folder with only these variables; its exit code and its output."""
    monkeypatch.chdir(tmp_path)
    for name in all_variables():
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)

    def run(*arguments: str, **values: str) -> tuple[int, list[str]]:
        for name, value in values.items():
            monkeypatch.setenv(name, value)
        code = bot.main(arguments)
        out, told = capsys.readouterr()
        assert "Traceback" not in told
        assert "canary" not in out + told
        return code, (out + told).splitlines()

    return run


MAY_PASS = (
    "Discord cannot be reached",
    "DATA_DIR is in use by another Easel process",
    "METRICS_PORT cannot be opened: 192.0.2.1:9090.",
)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"DISCORD_TOKEN": "canary"}, "DISCORD_TOKEN is no bot token"),
        ({"DISCORD_TOKEN": "canary canary"}, "DISCORD_TOKEN holds characters"),
        ({"DEFAULT_PROVIDER": "midjourney"}, "DEFAULT_PROVIDER names none of the providers that are on: sketch"),
        ({"DEFAULT_PROVIDER": "popcord"}, "DEFAULT_PROVIDER names none"),
        ({"POPCORD_BASE_URL": "popcord"}, "POPCORD_BASE_URL is no URL"),
        ({"NEBULABLOCK_BASE_URL": "https://u:canary@h.test"}, "NEBULABLOCK_BASE_URL is no URL"),
        ({"IMAGEPIPELINE_CONCURRENCY": "many"}, "IMAGEPIPELINE_CONCURRENCY is no number from 1 to 100"),
        ({"DATABASE_URL": "mysql://u:canary@h/db"}, "DATABASE_URL is no URL"),
        ({"DATABASE_URL": "sqlite:////nowhere/easel.db"}, "DATABASE_URL cannot be opened: unable to open"),
        ({"DATABASE_URL": "sqlite:///broken.db"}, "DATABASE_URL cannot be opened"),
        ({"DATABASE_URL": "sqlite:///newer.db"}, "DATABASE_URL cannot be opened"),
        ({"DATABASE_URL": "sqlite:///file:read-only.db?mode=ro&uri=true"}, "DATABASE_URL cannot be opened"),
        ({"DATA_DIR": "a-file"}, "DATA_DIR cannot be written"),
        ({"DATA_DIR": "a-file/below"}, "DATA_DIR cannot be written"),
        ({"DATA_DIR": "locked"}, "DATA_DIR is in use by another Easel process"),
        ({"DATA_DIR": "no-spool"}, "DATA_DIR cannot be written"),
        ({"SKETCH": "off"}, "No provider is on"),
        ({"DISCORD_API_URL": "http://127.0.0.1:9/api/v10"}, "Discord cannot be reached"),
        ({"METRICS_PORT": "192.0.2.1:9090"}, "METRICS_PORT cannot be opened: 192.0.2.1:9090."),
    ],
)
def test_a_bot_that_cannot_start_says_why_in_one_sentence(start, tmp_path, values, words):
    (tmp_path / "broken.db").write_bytes(b"no database" * 500)
    with sqlite3.connect(tmp_path / "newer.db") as newer:
        newer.execute("create table alembic_version (version_num varchar)")
        newer.execute("insert into alembic_version values ('9999')")
    newer.close()
    (tmp_path / "a-file").touch()
    (tmp_path / "no-spool").mkdir()
    (tmp_path / "no-spool" / "spool").touch()
    (tmp_path / "locked").mkdir()
    with FileLock(tmp_path / "locked" / "easel.lock"):
        code, told = start(**({"DISCORD_TOKEN": TOKEN} | values))
    assert code == (1 if words in MAY_PASS else 2)
    assert told[-1].startswith(words)
    assert told[-1].endswith(".")
    assert [line for line in told[:-1] if " INFO " not in line] == []


def test_the_version_is_told_whatever_is_set(start):
    code, told = start("--version", LOG_LEVEL="nonsense")
    assert re.fullmatch(r"Easel \d+\.\d+\.\d+, Python 3\.\d+\.\d+, discord\.py \d+\.\d+\.\d+", told[0])
    assert code == 0


def test_an_unreadable_env_file_is_reported(start, tmp_path):
    """The file has invalid text, as root can read files without permission."""
    (tmp_path / ".env").symlink_to("/proc/self/mem")
    assert start("--has-token") == (2, [f"{tmp_path / '.env'} cannot be read: Input/output error."])


def test_an_env_file_that_is_a_folder_is_reported(start, tmp_path):
    """Container engines make a folder when a missing file is mounted."""
    (tmp_path / ".env").mkdir()
    code, told = start("--has-token")
    assert (code, len(told)) == (2, 1)
    assert told[0].startswith(f"{tmp_path / '.env'} is a folder")


def test_an_env_file_may_begin_with_a_byte_order_mark(start, tmp_path):
    (tmp_path / ".env").write_text("LOG_LEVEL=nonsense\n", "utf-8-sig")
    assert start("--has-token") == (2, ["LOG_LEVEL has to be DEBUG, INFO, WARNING or ERROR."])


@pytest.mark.parametrize("line", ["DISCORD_TOKEN canary canary", "=sk-canary", "SKETCH: 'on"])
def test_an_unreadable_line_of_the_env_file_is_reported(start, tmp_path, line):
    (tmp_path / ".env").write_text(f"# Easel\n\n{line}\n", "utf-8-sig")
    code, told = start("--check")
    assert told[-1] == ".env           fails    Line 3 of .env is not NAME=value, and is left out."
    assert not [each for each in told if "dotenv" in each]
    assert code == 1


def test_the_env_file_is_read_and_the_environment_wins(start, tmp_path):
    (tmp_path / ".env").write_text(f"DISCORD_TOKEN={TOKEN}\nLOG_LEVEL=nonsense\n")
    assert start("--has-token")[1] == ["LOG_LEVEL has to be DEBUG, INFO, WARNING or ERROR."]
    assert start("--has-token", LOG_LEVEL="info") == (0, [])
    assert start("--has-token", DISCORD_TOKEN="") == (1, [])


PREVIEW = "import sys, bot, preview; preview.PREVIEW_PORT = int(sys.argv[1]); sys.exit(bot.main(['--preview']))"
"""The preview on another port, as its own may be in use."""


async def process(folder: Path, *arguments: str, **values: str) -> asyncio.subprocess.Process:
    """Start Python with only these variables, in a folder without .env."""
    return await asyncio.create_subprocess_exec(
        sys.executable,
        *arguments,
        cwd=folder,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), **values},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


async def ended(process: asyncio.subprocess.Process) -> tuple[str, str]:
    try:
        async with asyncio.timeout(SECONDS):
            out, told = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
    return out.decode(), told.decode()


@pytest.mark.parametrize("wrong", ["", "nebulablock"])
async def test_check_tries_every_provider_and_pays_nothing(tmp_path, wrong):
    async with AsyncExitStack() as stack:
        replays = [await stack.enter_async_context(kind()) for kind in REPLAYS]
        values = variables(tmp_path, replays)
        values |= {f"{wrong.upper()}_API_KEY": "ak_canary-wrong"} if wrong else {}
        checked = await process(tmp_path, str(ROOT / "bot.py"), "--check", **values)
        out, told = await ended(checked)
    rows = {line.split()[0]: line for line in out.splitlines()}
    assert set(rows) == {
        "discord",
        "default",
        "sketch",
        ".env",
        "database",
        "data_dir",
        *(kind.name for kind in REPLAYS),
    }
    assert rows["discord"].split()[1] == "off"
    for name in ("imagepipeline", "appypie"):
        assert "reachable" in rows[name]
        assert rows[name].endswith("key: cannot be tested without paying")
    assert rows["default"].split()[1:] == [
        "works",
        "imagepipeline,",
        *["where", "neither", "a", "member", "nor", "a", "server", "chooses"],
    ]
    states = {name: row.split()[1] for name, row in rows.items() if name not in ("discord", ".env")}
    assert states == {name: "fails" if name == wrong else "works" for name in states}
    assert ("4 models" in rows["nebulablock"]) is (not wrong)
    assert checked.returncode == (1 if wrong else 0)
    assert sum(replay.count("POST") for replay in replays) == 0
    assert [word for word in ("Traceback", "canary", "test-key") if word in out + told] == []


@pytest.mark.parametrize(
    ("values", "row"),
    [
        ({}, "default        works    sketch, where neither a member nor a server chooses"),
        ({"SKETCH": "off"}, "default        fails    No provider is on: give one a key, or set SKETCH=on."),
        (
            {"DEFAULT_PROVIDER": "popcord"},
            "default        fails    DEFAULT_PROVIDER names none of the providers that are on: sketch.",
        ),
        (
            {"COMFYUI_BASE_URL": "http://127.0.0.1:9", "COMFYUI_WORKFLOW": "gone.json"},
            "comfyui        fails    COMFYUI_WORKFLOW names a file that cannot be read: No such file or directory",
        ),
        (
            {"AUTOMATIC1111_BASE_URL": "http://127.0.0.1:9", "AUTOMATIC1111_API_KEY": "me"},
            "automatic1111  fails    AUTOMATIC1111_API_KEY has to be user:password, as in --api-auth",
        ),
        (
            {"AUTOMATIC1111_BASE_URL": "http://127.0.0.1:9"},
            "automatic1111  fails    cannot be reached, or does not work",
        ),
    ],
)
def test_check_tells_what_is_set_wrongly(start, values, row):
    code, told = start("--check", **values)
    assert row in told
    assert code == (1 if " fails " in row else 0)


def test_check_prints_its_table_and_nothing_of_the_library(start):
    _, told = start("--check", DISCORD_TOKEN=TOKEN, DISCORD_API_URL="http://127.0.0.1:9/api/v10")
    assert [line for line in told if " WARNING " in line or " INFO " in line] == []
    assert told[0].startswith("discord        fails    Discord cannot be reached")


def test_check_tells_of_mistyped_names_in_the_file(start, tmp_path):
    (tmp_path / ".env").write_text("OPENAI_API_KY=sk\nhttp_proxy=\nSKETCH=on\n", "utf-8")
    code, told = start("--check")
    assert [line for line in told if " fails " in line] == [
        ".env           fails    OPENAI_API_KY is no setting; OPENAI_API_KEY is."
    ]
    assert code == 1


async def test_the_preview_tells_its_address_and_ends_by_sigterm(tmp_path):
    preview = await process(tmp_path, "-c", PREVIEW, "0")
    assert preview.stdout is not None
    async with asyncio.timeout(SECONDS):
        first, second = [(await preview.stdout.readline()).decode() for _ in range(2)]
    preview.send_signal(signal.SIGTERM)
    out, told = await ended(preview)
    assert "No DISCORD_TOKEN is set" in first or "offline preview" in first
    assert second.startswith("Easel's preview: http://127.0.0.1:"), told
    assert preview.returncode == 0
    assert "Traceback" not in out + told
    assert list(tmp_path.iterdir()) == []


async def test_a_second_preview_says_that_the_port_is_taken(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        preview = await process(tmp_path, "-c", PREVIEW, str(taken.getsockname()[1]))
        _, told = await ended(preview)
    assert preview.returncode == 2
    assert "is in use: is another preview open?" in told
    assert "Traceback" not in told


WITHOUT_PREVIEW = "import sys; sys.modules['simcord'] = None; import bot; sys.exit(bot.main(sys.argv[1:]))"
NOT_SET = "DISCORD_TOKEN is not set: it is neither in the environment nor in .env"


async def test_without_a_token_and_without_the_preview_the_token_is_asked_for(tmp_path):
    """As in a container, whose image has no preview."""
    run = await process(tmp_path, "-c", WITHOUT_PREVIEW)
    out, told = await ended(run)
    assert run.returncode == 2
    assert NOT_SET in told
    assert str(tmp_path / ".env") in told and "Traceback" not in out + told
    assert told.splitlines()[-1].count(". ") == 0


async def test_an_env_file_without_a_token_is_named(tmp_path):
    (tmp_path / ".env").write_text("SKETCH=on\n")
    run = await process(tmp_path, "-c", WITHOUT_PREVIEW)
    _, told = await ended(run)
    assert (run.returncode, told.splitlines()[-1]) == (2, f"{NOT_SET} ({tmp_path / '.env'}).")


async def test_who_asks_for_the_preview_is_told_what_it_needs(tmp_path):
    run = await process(tmp_path, "-c", WITHOUT_PREVIEW, "--preview")
    _, told = await ended(run)
    assert run.returncode == 2
    assert told.splitlines()[-1].startswith("The preview needs its packages: ")
