# pyright: basic
"""The Dockerfile's commands on a copy of the image's files, as its user, on a read-only root file system."""

import asyncio
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Generator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.discord_server import DiscordServer
from tests.dockerfile import ROOT, final_stage, image_files

TOKEN = "canary-token.aaaaaa.bbbbbbbbbbbbbbbbbbbbbbbbbbbb"
SECONDS = 60
USER = next(each.text for each in final_stage() if each.name == "USER").partition(":")[0]
MAKE_READ_ONLY = """
for folder in "$DATA_DIR" "$TMPDIR"; do mount --bind "$folder" "$folder"; done
mount -o remount,bind,ro /
exec "$@"
"""
"""Run in a mount namespace of its own: only the two folders can be written then."""
KEPT = "-all,+dac_read_search"
"""The user may read as root does, since the tests' Python may lie in root's home."""
AS_USER = (
    *("setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups", "--no-new-privs"),
    *(f"--bounding-set={KEPT}", f"--inh-caps={KEPT}", f"--ambient-caps={KEPT}"),
)
CONTAINED = ("unshare", "--mount", "sh", "-ec", MAKE_READ_ONLY, "sh", *AS_USER)


def can_contain() -> bool:
    if not (shutil.which("unshare") and shutil.which("setpriv")):
        return False
    return subprocess.run([*CONTAINED[:2], *AS_USER, "true"], capture_output=True).returncode == 0


pytestmark = pytest.mark.skipif(not can_contain(), reason="needs root, unshare and setpriv")


@pytest.fixture
def image() -> Generator[Path]:
    """A folder with the image's files in app; not in pytest's folder, which other users cannot enter."""
    with tempfile.TemporaryDirectory(prefix="easel-image-") as folder:
        root = Path(folder)
        root.chmod(0o755)
        for file in image_files():
            copy = root / "app" / file
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / file, copy)
        for name in ("data", "tmp"):
            (root / name).mkdir()
            os.chown(root / name, int(USER), int(USER))
        yield root


def environment(image: Path, discord: DiscordServer) -> dict[str, str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    return {
        "PATH": os.environ["PATH"],
        "DISCORD_TOKEN": TOKEN,
        "DISCORD_API_URL": discord.api_url,
        "DATA_DIR": str(image / "data"),
        "TMPDIR": str(image / "tmp"),
        "METRICS_PORT": str(port),
        "PYTHONDONTWRITEBYTECODE": "1",
    }


def command(name: str) -> list[str]:
    """The ENTRYPOINT or the HEALTHCHECK, with the Python of the tests."""
    text = next(each for each in final_stage() if each.name == name).text
    program, *arguments = json.loads(text[text.index("[") :])
    assert program == "python"
    return [sys.executable, *arguments]


@asynccontextmanager
async def contained(image: Path, environment: dict[str, str], name: str):
    process = await asyncio.create_subprocess_exec(
        *(*CONTAINED, *command(name)),
        cwd=image / "app",
        env=environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.communicate()


async def line_of(process: asyncio.subprocess.Process, words: bytes) -> None:
    """Wait for a line of the log."""
    assert process.stderr
    seen = b""
    while words not in seen:
        line = await process.stderr.readline()
        assert line, seen.decode()
        seen += line


async def output(image: Path, environment: dict[str, str], name: str) -> tuple[int | None, str]:
    async with contained(image, environment, name) as process:
        out, log = await process.communicate()
    return process.returncode, (out + log).decode()


async def test_the_image_draws_is_healthy_and_stops(image):
    async with asyncio.timeout(SECONDS), DiscordServer(TOKEN) as discord:
        variables = environment(image, discord)
        async with contained(image, variables, "ENTRYPOINT") as bot:
            await line_of(bot, b"on Discord as")
            token = await discord.slash("imagine", prompt="a boat", size="64x64")
            await discord.sent(lambda each: each.files and token in each.path)
            assert await output(image, variables, "HEALTHCHECK") == (
                0,
                '200 {"database": true, "worker": true, "gateway": true}\n',
            )
            bot.send_signal(signal.SIGTERM)
            _, log = await bot.communicate()
        assert (bot.returncode, discord.problems) == (0, [])
        assert b"Traceback" not in log
        assert (image / "data" / "easel.db").stat().st_uid == int(USER)
        assert list((image / "tmp").iterdir()) == []
        assert (await output(image, variables, "HEALTHCHECK"))[0] == 1


async def test_an_image_whose_volume_belongs_to_somebody_else_says_so(image):
    os.chown(image / "data", 0, 0)
    async with asyncio.timeout(SECONDS), DiscordServer(TOKEN) as discord:
        code, log = await output(image, environment(image, discord), "ENTRYPOINT")
    assert code == 2
    assert "DATA_DIR" in log.splitlines()[-1]
