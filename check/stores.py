"""Tests the database, the data folder, the bucket and the port, and leaves them as they were."""

import asyncio

from check.rows import Row
from config import Config, ConfigError
from startup import PortError, port_error, refuse_root_in_foreign_folder
from storage.probe import probe_bucket, probe_database, probe_folder
from storage.store import StoreError

RUNNING = "in use by a running Easel"


async def check_storage(config: Config) -> list[Row]:
    folder, is_in_use = await asyncio.to_thread(_check_folder, config)
    rows = [await _check_database(config), folder]
    if config.spool:
        try:
            rows.append(Row("spool", "works", await probe_bucket(config.spool)))
        except StoreError as error:
            rows.append(Row("spool", "fails", str(error)))
    if config.metrics_port:
        rows.append(await _check_port(*config.metrics_port, is_in_use=is_in_use))
    return rows


async def _check_database(config: Config) -> Row:
    try:
        return Row("database", "works", await probe_database(config.database_url.get_secret_value(), config.data_dir))
    except StoreError as error:
        return Row("database", "fails", str(error))


def _check_folder(config: Config) -> tuple[Row, bool]:
    """The row, and whether a running Easel has the folder."""
    try:
        found = probe_folder(config.data_dir)
        refuse_root_in_foreign_folder(config.data_dir)
    except StoreError as error:
        return Row("data_dir", "fails", str(error)), False
    except ConfigError as error:
        return Row("data_dir", "note", str(error)), False
    if found.is_in_use:
        return Row("data_dir", "note", f"{found.text}, {RUNNING}: a second one cannot start"), True
    return Row("data_dir", "works", found.text), False


async def _check_port(host: str, port: int, *, is_in_use: bool) -> Row:
    """Whether METRICS_PORT is free; a running Easel may be the one that has it."""
    try:
        server = await asyncio.get_running_loop().create_server(asyncio.Protocol, host, port)
    except OSError as error:
        failure = port_error(host, port, error)
        is_own = is_in_use and isinstance(failure, PortError)
        return (
            Row("metrics", "note", f"{failure} {RUNNING.capitalize()}, maybe.")
            if is_own
            else Row("metrics", "fails", str(failure))
        )
    server.close()
    await server.wait_closed()
    return Row("metrics", "works", f"{host}:{port} is free")
