# pyright: basic
"""Where settings come from: quotes around values, names that nobody reads, and which .env is read."""

import asyncio
import io
import os
import shutil
import sys
from pathlib import Path

import pytest

import bot
from config import ConfigError, misspelt, read_config
from storage import upgrade
from storage.store import open_store
from tests.test_config import variables
from tests.test_main import start  # noqa: F401 # pyright: ignore[reportUnusedImport]

TOKEN = "MTA4canary.GcanaR.y0canary0canary"


def row(told: list[str], name: str) -> str:
    return next(line for line in told if line.startswith(f"{name} "))


@pytest.mark.parametrize("quote", ['"', "'"])
def test_quotes_that_docker_keeps_are_taken_off(quote):
    written = {"OPENAI_API_KEY": "sk-canary", "LOG_LEVEL": "debug", "QUEUE_PER_MEMBER": "3", "DATA_DIR": "/srv/a b"}
    quoted = {name: f" {quote}{value}{quote} " for name, value in written.items()}
    assert read_config(quoted) == read_config(written)
    assert read_config({"DISCORD_TOKEN": quote * 2}) == read_config({})


@pytest.mark.parametrize("value", ['"', '"/srv', "/srv'", "\"/srv'"])
def test_a_single_quote_belongs_to_the_value(value):
    assert read_config({"DATA_DIR": value}).data_dir.name == Path(value).name


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("openai_api_key", "openai_api_key is no setting; OPENAI_API_KEY is."),
        ("Log_Level", "Log_Level is no setting; LOG_LEVEL is."),
        (
            "MIDJOURNEY_API_KEY",
            (
                "MIDJOURNEY_API_KEY is no setting: there is no provider midjourney, and OPENAI_COMPATIBLE names no "
                "such server."
            ),
        ),
        ("XAI_API_KEY", "XAI_API_KEY is no setting: OPENAI_COMPATIBLE does not name xai."),
        *((name, None) for name in ("FTP_PROXY", "ALL_PROXY", "SSL_CERT_DIR", "HTTP_PROXY", "http_proxy", "no_proxy")),
    ],
)
def test_names_in_the_file_that_nobody_reads(name, told):
    assert misspelt([name], read_config({}).known) == ([told] if told else [])


@pytest.mark.parametrize("name", ["OPENAI_API_KY", "MIDJOURNEY_API_KEY", "log_level"])
def test_check_notes_names_in_the_environment_and_does_not_fail(start, name):  # noqa: F811
    code, told = start("--check", **{name: "canary"})
    (noted,) = (line for line in told if f"{name} is no setting" in line)
    assert noted.split()[:2] == ["environment", "note"]
    assert code == 0


@pytest.mark.parametrize(
    "name", ["NIX_SSL_CERT_FILE", "MY_HTTP_PROXY", "AWS_REGIONS", "ITERM_PROFILE", "OPENAI_ORG_ID"]
)
def test_names_of_other_programs_in_the_environment_are_not_noted(start, name):  # noqa: F811
    _, told = start("--check", **{name: "canary"})
    assert [line for line in told if f"{name} is no setting" in line] == []


def test_the_log_tells_of_names_that_nobody_reads(start):  # noqa: F811
    _, told = start(OPENAI_API_KY="canary", DISCORD_TOKEN=TOKEN, DISCORD_API_URL="http://127.0.0.1:9/api/v10")
    assert any("OPENAI_API_KY is no setting; OPENAI_API_KEY is." in line for line in told)


def test_a_mistyped_default_provider_gets_a_suggestion(start):  # noqa: F811
    _, told = start("--check", DEFAULT_PROVIDER="sketh")
    assert row(told, "default").endswith("providers that are on: sketch. Did you mean sketch?")


def test_check_says_which_file_it_has_read(start, tmp_path):  # noqa: F811
    (tmp_path / ".env").write_text("SKETCH=on\nLOG_LEVEL=info\nUNUSED=\n", "utf-8")
    _, told = start("--check")
    assert row(told, ".env") == f".env           works    {tmp_path / '.env'}"


def test_check_says_where_it_has_looked_for_the_file(start, tmp_path):  # noqa: F811
    _, told = start("--check")
    assert row(told, ".env").startswith(f".env           off      no file {tmp_path / '.env'}")


def test_check_says_where_the_file_lies_instead(start, tmp_path, monkeypatch):  # noqa: F811
    program = tmp_path / "program"
    program.mkdir()
    (program / ".env").write_text("SKETCH=off\n", "utf-8")
    monkeypatch.setattr("config.dotenv.PROGRAM_FOLDER", program)
    code, told = start("--check")
    assert row(told, ".env") == (
        f".env           note     no file {tmp_path / '.env'}; {program / '.env'} is read only by a bot that is "
        f"started there: cd {program}"
    )
    assert code == 0


def test_the_log_says_which_file_was_read(start, tmp_path):  # noqa: F811
    (tmp_path / ".env").write_text("SKETCH=on\n", "utf-8")
    _, told = start(DISCORD_TOKEN=TOKEN, DISCORD_API_URL="http://127.0.0.1:9/api/v10")
    assert any(f"settings: {tmp_path / '.env'}" in line for line in told)


def test_a_file_without_permission_is_named_with_its_path(start, tmp_path, monkeypatch):  # noqa: F811
    def refuse(path: Path, *_: object) -> str:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_text", refuse)
    assert start("--has-token") == (2, [f"{tmp_path / '.env'} cannot be read: Permission denied."])


def test_root_must_not_lock_the_service_out(start, tmp_path, monkeypatch):  # noqa: F811
    """Root would make files in another user's folder that this user cannot open."""
    monkeypatch.setattr("os.geteuid", lambda: 0)
    own = Path.stat(tmp_path)
    folder = tmp_path / "data"
    told_of = {tmp_path: os.stat_result((own.st_mode, *own[1:4], 4242, *own[5:]))}
    usual = Path.stat
    monkeypatch.setattr(Path, "stat", lambda path, **more: told_of.get(path) or usual(path, **more))
    code, told = start(DISCORD_TOKEN=TOKEN, DATA_DIR=str(folder))
    assert code == 2
    assert told[-1] == (
        f"DATA_DIR is a folder of user 4242, who could not open what root makes there: {folder}. "
        "Type: sudo -u '#4242' make run"
    )
    assert not folder.exists()


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() != 0, reason="only root may give folders away")
@pytest.mark.parametrize("made", ["", "data"])
def test_root_is_refused_in_another_users_folder(start, tmp_path, made):  # noqa: F811
    (tmp_path / made).mkdir(exist_ok=True)
    os.chown(tmp_path / made, 65534, -1)
    code, told = start(DISCORD_TOKEN=TOKEN, DATA_DIR=str(tmp_path / "data"))
    assert code == 2
    assert told[-1].endswith("Type: sudo -u nobody make run")


def test_root_may_use_its_own_folders(start, tmp_path, monkeypatch):  # noqa: F811
    _, told = start(DISCORD_TOKEN=TOKEN, DATA_DIR=str(tmp_path / "a" / "b"), DISCORD_API_URL="http://127.0.0.1:9/api")
    assert told[-1].startswith("Discord cannot be reached")


@pytest.mark.parametrize("name", ["50%", "a%20b", "a?b", "a#b", "ä b", "%(here)s", "C:\\a"])
def test_any_folder_can_hold_the_data(start, tmp_path, name):  # noqa: F811
    values = {"DISCORD_TOKEN": TOKEN, "DISCORD_API_URL": "http://127.0.0.1:9/api/v10", "DATA_DIR": str(tmp_path / name)}
    config = read_config(values)

    async def opened() -> list[str]:
        async with open_store(config.database_url.get_secret_value(), config.data_dir):
            return sorted(each.name for each in (tmp_path / name).iterdir())

    assert {"easel.db", "spool"} <= set(asyncio.run(opened()))
    assert [each.name for each in tmp_path.iterdir()] == [name]


def test_migrations_in_any_folder_are_found(tmp_path, monkeypatch):
    shutil.copytree(upgrade.MIGRATIONS, tmp_path / "50% (here)" / "migrations")
    monkeypatch.setattr(upgrade, "MIGRATIONS", tmp_path / "50% (here)" / "migrations")

    async def opened() -> None:
        async with open_store(f"sqlite:///{tmp_path}/easel.db", tmp_path):
            pass

    asyncio.run(opened())


def test_a_console_that_cannot_show_an_emoji(tmp_path):
    """The name of the bot may hold any character."""
    for encoding in ("ascii", "cp1252"):
        raw = io.BytesIO()
        console = io.TextIOWrapper(raw, encoding=encoding)
        bot.make_lenient(console)
        print("🎨 Müller", file=console, flush=True)
        assert b"ller" in raw.getvalue()


def test_quotes_and_blank_values_leave_every_variable_unset():
    assert read_config(dict.fromkeys(variables(), "''")) == read_config({})


def test_a_wrong_value_in_quotes_is_refused():
    with pytest.raises(ConfigError, match="LOG_LEVEL has to be"):
        read_config({"LOG_LEVEL": '"canary"'})
