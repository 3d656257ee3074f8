# pyright: basic
"""`--check` tries what start-up needs, says why it fails, and leaves everything as it was."""

import asyncio
import os
import socket
import sqlite3
import ssl
from pathlib import Path

import asyncpg
import pytest
import trustme
from aiohttp import web
from filelock import FileLock

from storage.store import open_store
from tests.buckets import KEYS
from tests.postgres import wire_to
from tests.test_environment import row
from tests.test_main import ended, process, start  # noqa: F401 # pyright: ignore[reportUnusedImport]
from tests.test_process import ROOT

TOKEN = "MTA4canary.GcanaR.y0canary0canary"


def contents(folder: Path) -> dict[str, tuple[bytes, int]]:
    return {
        str(path.relative_to(folder)): (path.read_bytes(), path.stat().st_mtime_ns)
        for path in folder.rglob("*")
        if path.is_file()
    }


async def make_store(folder: Path) -> None:
    async with open_store(f"sqlite:///{folder}/easel.db", folder):
        pass


def test_nothing_is_left_behind(start, tmp_path):  # noqa: F811
    _, told = start("--check")
    assert row(told, "data_dir") == f"data_dir       works    {tmp_path / 'data'} is made at start"
    assert row(told, "database") == f"database       works    SQLite, {tmp_path}/data/easel.db is made at start"
    assert list(tmp_path.iterdir()) == []


def test_what_is_there_stays_as_it_was(start, tmp_path):  # noqa: F811
    asyncio.run(make_store(tmp_path / "data"))
    before = contents(tmp_path)
    code, told = start("--check")
    assert code == 0
    assert "tables of version " in row(told, "database")
    assert row(told, "data_dir").endswith(" GiB free")
    assert contents(tmp_path) == before


def test_older_tables_are_told_and_not_changed(start, tmp_path):  # noqa: F811
    with sqlite3.connect(tmp_path / "old.db") as old:
        old.execute("create table alembic_version (version_num varchar)")
        old.execute("insert into alembic_version values ('0003')")
    old.close()
    _, told = start("--check", DATABASE_URL=f"sqlite:///{tmp_path}/old.db")
    assert "tables of version 0003, brought to 0" in row(told, "database")


def test_a_running_easel_is_noted_and_no_failure(start, tmp_path):  # noqa: F811
    asyncio.run(make_store(tmp_path / "data"))
    with FileLock(tmp_path / "data" / "easel.lock"), socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        code, told = start("--check", METRICS_PORT=str(taken.getsockname()[1]))
    assert code == 0
    assert row(told, "data_dir").endswith("in use by a running Easel: a second one cannot start")
    assert "is in use" in row(told, "metrics")
    assert row(told, "metrics").split()[1] == "note"


@pytest.mark.parametrize(
    ("values", "name", "words"),
    [
        ({"DATABASE_URL": "sqlite:////nowhere/easel.db"}, "database", "unable to open the file, as where its folder"),
        ({"DATABASE_URL": "sqlite:///broken.db"}, "database", "file is not a database"),
        ({"DATABASE_URL": "sqlite:///newer.db"}, "database", "of another version of Easel, a newer one maybe"),
        ({"DATABASE_URL": "sqlite:///locked.db"}, "database", "the file is locked by another process"),
        ({"DATABASE_URL": "postgresql://u:canary@no.such.host.invalid/db"}, "database", "is not found (DNS)"),
        ({"DATABASE_URL": "postgresql://u:canary@127.0.0.1:9/db"}, "database", "connection refused"),
        ({"DATABASE_URL": "postgresql://u:canary@127.0.0.1:9/db?sslmode=canary"}, "database", "that cannot be read"),
        ({"DATA_DIR": "a-file"}, "data_dir", "DATA_DIR cannot be written"),
        ({"DATA_DIR": "a-file/below"}, "data_dir", "DATA_DIR cannot be written"),
        ({"DATA_DIR": "no-spool"}, "data_dir", "DATA_DIR cannot be written"),
        ({"METRICS_PORT": "192.0.2.1:9090"}, "metrics", "METRICS_PORT cannot be opened: 192.0.2.1:9090."),
    ],
)
def test_a_row_says_why(start, tmp_path, values, name, words):  # noqa: F811
    (tmp_path / "broken.db").write_bytes(b"no database" * 500)
    with sqlite3.connect(tmp_path / "newer.db") as newer:
        newer.execute("create table alembic_version (version_num varchar)")
        newer.execute("insert into alembic_version values ('9999')")
    newer.close()
    locked = sqlite3.connect(tmp_path / "locked.db", isolation_level=None)
    locked.execute("BEGIN EXCLUSIVE")
    (tmp_path / "a-file").touch()
    (tmp_path / "no-spool").mkdir()
    (tmp_path / "no-spool" / "spool").touch()
    code, told = start("--check", **values)
    locked.close()
    assert code == 1
    assert words in row(told, name)
    assert row(told, name).split()[1] == "fails"


@pytest.fixture
async def wire(postgres):
    async with wire_to(postgres) as wire:
        yield wire


REFUSED = "PostgreSQL refused the login: user, password or database."


async def test_postgresql_refuses(postgres, wire, tmp_path):
    good = wire.url(await postgres.database())
    owner = await asyncpg.connect(good)
    await owner.execute("DROP ROLE IF EXISTS poor; CREATE ROLE poor LOGIN; REVOKE CREATE ON SCHEMA public FROM public")
    await owner.close()
    told = {
        good.replace("postgres:@", "ghost:canary@"): REFUSED,
        good.rpartition("/")[0] + "/nowhere": "PostgreSQL has no such database; CREATE DATABASE makes one.",
        good + "?sslmode=require": "PostgreSQL has no TLS, which sslmode in the URL asks for.",
        good.replace("postgres:@", "poor:@"): "PostgreSQL does not let this user make tables; CREATE DATABASE easel",
        good + "?banana=canary": "PostgreSQL does not know a parameter behind the URL's question mark.",
    }
    for url, words in told.items():
        for arguments in ((), ("--check",)):
            values = {"DATABASE_URL": url, "DISCORD_TOKEN": TOKEN, "DISCORD_API_URL": "https://discord.com/api/v10"}
            if arguments:
                del values["DISCORD_TOKEN"]
            run = await process(tmp_path, str(ROOT / "bot.py"), *arguments, **values)
            out, log = await ended(run)
            line = row(out.splitlines(), "database") if arguments else log.splitlines()[-1]
            assert f"DATABASE_URL cannot be opened: {words}" in line
            assert run.returncode == (1 if arguments else 2)
            assert not any(word in out + log for word in ("Traceback", "canary", "Error", "WARNING"))
    run = await process(tmp_path, str(ROOT / "bot.py"), "--check", DATABASE_URL=good)
    out, _ = await ended(run)
    assert "tables are made at start" in row(out.splitlines(), "database")
    owner = await asyncpg.connect(good)
    assert await owner.fetch("SELECT 1 FROM pg_tables WHERE schemaname = 'public'") == []
    await owner.close()


@pytest.fixture
async def secured(wire, tmp_path):
    """The wire, which takes connections with TLS alone, by a certificate for localhost; its authority is in ca.pem."""
    authority, other = trustme.CA(), trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    other.cert_pem.write_to_path(tmp_path / "other.pem")
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("localhost").configure_cert(tls)

    async def carry(reader, writer):
        await reader.readexactly(8)  # PostgreSQL's SSLRequest
        writer.write(b"S")
        try:
            await writer.start_tls(tls)
        except OSError:
            writer.transport.abort()
        else:
            await wire.carry(reader, writer)

    async with await asyncio.start_server(carry, "127.0.0.1", 0) as server:
        wire.port = server.sockets[0].getsockname()[1]
        yield wire


async def test_postgresql_with_a_certificate_of_the_hosts(postgres, secured, tmp_path):
    url = secured.url(await postgres.database()).replace("127.0.0.1", "localhost")
    told = {
        f"?sslmode=verify-full&sslrootcert={tmp_path}/ca.pem": "tables are made at start",
        f"?sslmode=verify-full&sslrootcert={tmp_path}/other.pem": "PostgreSQL's TLS certificate is not trusted",
        f"?sslmode=verify-full&sslrootcert={tmp_path}/none.pem": "a file that the URL names is not there",
        "?sslmode=verify-full": "sslmode in the URL asks for a certificate that sslrootcert has to name there.",
    }
    for query, words in told.items():
        run = await process(tmp_path, str(ROOT / "bot.py"), "--check", DATABASE_URL=f"{url}{query}")
        out, log = await ended(run)
        assert words in row(out.splitlines(), "database")
        assert "Traceback" not in out + log


def test_a_bucket_that_can_be_written(start, s3):  # noqa: F811
    code, told = start("--check", SPOOL_URL="s3://easel/x", AWS_ENDPOINT_URL=s3, **KEYS)
    assert row(told, "spool") == "spool          works    s3://easel/x, can be written"
    assert code == 0


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ((404, "NoSuchBucket"), "there is no such bucket."),
        ((403, "InvalidAccessKeyId"), "AWS_ACCESS_KEY_ID is not known."),
        ((403, "SignatureDoesNotMatch"), "AWS_SECRET_ACCESS_KEY is not accepted."),
        ((403, "AccessDenied"), "that account may not write and delete there."),
        ((301, "PermanentRedirect"), "AWS_REGION is not the bucket's."),
        ((400, "AuthorizationHeaderMalformed"), "AWS_REGION is not the bucket's."),
    ],
)
async def test_a_bucket_that_refuses(tmp_path, answer, words):
    status, code = answer

    async def refuse(_: web.Request) -> web.Response:
        return web.Response(status=status, text=f"<Error><Code>{code}</Code></Error>", content_type="application/xml")

    application = web.Application()
    application.router.add_route("*", "/{path:.*}", refuse)
    runner = web.AppRunner(application)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    values = {"SPOOL_URL": "s3://easel/x", "AWS_ENDPOINT_URL": f"http://127.0.0.1:{runner.addresses[0][1]}", **KEYS}
    run = await process(tmp_path, str(ROOT / "bot.py"), "--check", **values)
    out, log = await ended(run)
    await runner.cleanup()
    assert row(out.splitlines(), "spool") == f"spool          fails    SPOOL_URL cannot be used: s3://easel/x, {words}"
    assert "Traceback" not in out + log


def test_a_bucket_out_of_reach(start):  # noqa: F811
    _, told = start("--check", SPOOL_URL="s3://easel/x", AWS_ENDPOINT_URL="http://127.0.0.1:9", **KEYS)
    assert row(told, "spool").endswith("it does not answer, or not as it should; see AWS_ENDPOINT_URL.")


def test_an_endpoint_without_a_scheme_is_refused(start):  # noqa: F811
    code, told = start("--check", SPOOL_URL="s3://easel/x", AWS_ENDPOINT_URL="minio", **KEYS)
    assert (code, told) == (2, ["AWS_ENDPOINT_URL is no URL such as https://api.example.com/v1."])


async def test_a_console_in_ascii_shows_the_table(tmp_path):
    (tmp_path / "schön 🎨").mkdir()
    run = await process(
        tmp_path, str(ROOT / "bot.py"), "--check", DATA_DIR=str(tmp_path / "schön 🎨"), PYTHONIOENCODING="ascii"
    )
    out, log = await ended(run)
    assert "sch?n ?" in row(out.splitlines(), "data_dir")
    assert run.returncode == 0
    assert "Traceback" not in log


def test_root_is_told_at_check(start, tmp_path, monkeypatch):  # noqa: F811
    if os.geteuid() != 0:
        pytest.skip("only root may give folders away")
    os.chown(tmp_path, 65534, -1)
    _, told = start("--check")
    assert row(told, "data_dir").endswith("Type: sudo -u nobody make run")
