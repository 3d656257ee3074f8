# pyright: basic
"""The rules that the Dockerfile, the compose files and the systemd unit keep."""

import ast
import re
import shutil
import subprocess
import tomllib
from pathlib import Path, PurePosixPath

import pytest
import yaml

from bot import GRACE_SECONDS
from config import Config
from tests.dockerfile import ROOT, final_stage, image_files, instructions, is_in_image
from tests.test_layout import PRODUCT

COMPOSE = {name: yaml.safe_load((ROOT / name).read_text()) for name in ("compose.yaml", "compose.postgres.yaml")}
SERVICES = {(file, name): service for file, content in COMPOSE.items() for name, service in content["services"].items()}
OURS = [service for service in SERVICES.values() if "build" in service]
UNIT = (ROOT / "deploy" / "easel.service").read_text()
PINNED = re.compile(r"[a-z0-9./-]+:(?!latest)[a-z0-9.-]*[0-9][a-z0-9.-]*")
SPARE_SECONDS = 10
"""From the end of the jobs' grace to the end of the process."""


def names(part: list) -> list[str]:
    return [each.name for each in part]


def test_base_images_are_pinned():
    bases = [each.words[0] for each in instructions() if each.name == "FROM"]
    assert all(map(PINNED.fullmatch, bases)), bases
    assert len(set(bases)) == 1, "the packages are installed for another Python than the one that runs them"


def test_the_image_has_a_python_that_the_bot_supports():
    base = final_stage()[0].words[0]
    lowest = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["requires-python"].removeprefix(">=")
    version = re.fullmatch(r"python:(\d+)\.(\d+)-slim-[a-z]+", base)
    assert version
    assert tuple(map(int, version.groups())) >= tuple(map(int, lowest.split(".")))


def test_the_image_runs_as_a_user_without_rights():
    last = final_stage()
    assert re.fullmatch(r"[1-9]\d{3,}:[1-9]\d{3,}", next(each.text for each in last if each.name == "USER"))
    assert names(last).count("USER") == 1
    assert {"ENTRYPOINT", "HEALTHCHECK"} <= set(names(last)[names(last).index("USER") :])
    assert "RUN" not in names(last)[names(last).index("USER") :]


def test_commands_are_in_exec_form_so_that_signals_arrive():
    entry = next(each for each in final_stage() if each.name == "ENTRYPOINT").exec_form
    check = next(each for each in final_stage() if each.name == "HEALTHCHECK").text
    assert entry == ["python", "bot.py"]
    assert re.search(r" CMD \[", check)
    assert not {"CMD", "SHELL"} & set(names(instructions()))


def test_packages_are_installed_with_hashes_and_nothing_is_built():
    install = next(each.text for each in instructions() if "pip" in each.text and each.name == "RUN")
    assert {"--require-hashes", "--only-binary", "--no-cache-dir"} <= set(install.split())
    assert not any(word in each.text for each in instructions() for word in ("apt-get", "curl", "wget", "sudo", "gcc"))


def test_nothing_is_added_from_elsewhere():
    assert not {"ADD", "ONBUILD", "MAINTAINER"} & set(names(instructions()))
    for each in instructions():
        if each.name == "COPY" and "--from" not in each.text:
            assert all((ROOT / source).exists() for source in each.words[:-1]), each.text
            assert all(is_in_image(PurePosixPath(source)) or source == "." for source in each.words[:-1]), each.text


@pytest.mark.parametrize(
    "path",
    [
        *(".env", ".env.example", "postgres.env", "easel.env", ".git/config", "data/easel.db", "data/spool/pictures/1"),
        *("tests/conftest.py", "docs/hosting.md", ".venv/bin/python", "views/__pycache__/card.pyc", "backup.tar.gz"),
    ],
)
def test_what_stays_out_of_the_image(path):
    assert not is_in_image(PurePosixPath(path))


def test_the_image_has_all_of_the_bot():
    files = set(map(str, image_files()))
    assert {name for name in PRODUCT if not name.startswith("tools/")} <= files
    assert {"deploy/healthcheck.py", "pyproject.toml", "providers/comfyui/words.json"} <= files


@pytest.mark.parametrize("service", SERVICES.values(), ids=["-".join(name) for name in SERVICES])
def test_a_service_may_do_no_more_than_it_needs(service):
    assert service["read_only"] is True
    assert "/tmp" in service["tmpfs"]
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["restart"] == "unless-stopped"
    assert not {"privileged", "ports", "network_mode", "cap_add", "pid"} & set(service)
    assert "build" in service or PINNED.fullmatch(service["image"])


@pytest.mark.parametrize("service", OURS)
def test_the_bot_has_time_to_end_and_reads_what_it_is_given(service):
    assert int(service["stop_grace_period"].removesuffix("s")) >= GRACE_SECONDS + SPARE_SECONDS
    assert set(service["environment"]) <= set(Config.variables().values())
    assert service["init"] is True
    assert set(service.get("command", [])) <= {"--worker"}


@pytest.mark.parametrize("service", OURS)
def test_compose_agrees_with_the_image(service):
    words = next(each.words for each in final_stage() if each.name == "ENV")
    assert service["environment"].items() <= dict(word.split("=", 1) for word in words).items()
    assert service["volumes"] == [f"data:{service['environment']['DATA_DIR']}"]


@pytest.mark.parametrize("file", COMPOSE)
def test_volumes_have_names(file):
    used = {volume.partition(":")[0] for service in COMPOSE[file]["services"].values() for volume in service["volumes"]}
    assert used == set(COMPOSE[file]["volumes"])


@pytest.mark.parametrize("service", SERVICES.values(), ids=["-".join(name) for name in SERVICES])
def test_passwords_come_from_files_that_git_and_the_image_leave_out(service):
    file = service["env_file"]
    assert file in (ROOT / ".gitignore").read_text().splitlines()
    assert not is_in_image(PurePosixPath(file))
    assert not re.search(r"password|token|key", str(service.get("environment", "")), re.IGNORECASE)


def test_the_bot_waits_until_postgresql_is_ready():
    services = COMPOSE["compose.postgres.yaml"]["services"]
    assert services["postgres"]["healthcheck"]["test"][:2] == ["CMD", "pg_isready"]
    for name in ("bot", "worker"):
        assert services[name]["depends_on"] == {"postgres": {"condition": "service_healthy"}}


def unit(setting: str) -> str:
    return re.findall(rf"^{setting}=(.*)$", UNIT, re.MULTILINE)[-1]


def test_the_unit_starts_the_bot_again_unless_somebody_has_to_change_something():
    assert unit("Restart") == "on-failure"
    assert unit("RestartPreventExitStatus") == "2"
    assert int(unit("TimeoutStopSec")) >= GRACE_SECONDS + SPARE_SECONDS
    assert (unit("User"), unit("UMask"), unit("StateDirectoryMode")) == ("easel", "0077", "0700")


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd-analyze")
def test_systemd_takes_the_unit_for_a_hardened_one():
    command = ["systemd-analyze", "security", "--offline=yes", "--threshold=20", str(ROOT / "deploy" / "easel.service")]
    ran = subprocess.run(command, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "Unknown" not in ran.stderr


def test_hosting_md_has_the_unit_and_the_words_of_its_commands():
    page = (ROOT / "docs" / "hosting.md").read_text()
    assert f"```ini\n{UNIT}```" in page
    for file in COMPOSE:
        assert file in page
    for mentioned in re.findall(r"`(deploy/[\w.]+)`", page):
        assert Path(ROOT / mentioned).exists()


@pytest.mark.parametrize("page", [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")], ids=lambda page: page.name)
def test_links_lead_to_files_that_exist_and_to_no_package_registry(page):
    text = page.read_text(encoding="utf-8")
    files = [link.partition("#")[0] for link in re.findall(r"\]\((?!https?:)([^)#\s]+[^)\s]*)\)", text)]
    assert [link for link in files if not (page.parent / link).exists()] == []
    assert not re.search(r"pypi\.org|npmjs\.com|crates\.io|hub\.docker\.com", text)


def words_of_the_bot() -> str:
    """All the texts in the bot's code, one a line."""
    nodes = (node for tree in PRODUCT.values() for node in ast.walk(tree) if isinstance(node, ast.Constant))
    return "\n".join(node.value for node in nodes if isinstance(node.value, str))


def test_hosting_md_has_the_log_lines_as_they_are_written():
    """A `…` in the page stands for whatever differs."""
    trouble = (ROOT / "docs" / "hosting.md").read_text().partition("## Trouble")[2]
    cells = re.findall(r"^\| (`.+?) \|", trouble, re.MULTILINE)
    lines = [line for cell in cells for line in re.findall(r"`(.+?)`", cell)]
    assert len(lines) > 30
    written = words_of_the_bot()
    assert [part for line in lines for part in line.split("…") if part.strip(" .") not in written] == []
