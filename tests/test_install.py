# pyright: basic
"""What is installed, and how `make` says what is in the way."""

import re
import shutil
import subprocess
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[1]
LOCKS = {
    "requirements.lock": ("requirements.txt",),
    "requirements-preview.lock": ("requirements-preview.txt", "requirements.txt"),
    "requirements-dev.lock": ("requirements-dev.txt", "requirements-preview.txt", "requirements.txt"),
}
PIN = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[^\]]+\])?==([^\s;]+)", re.MULTILINE)
WORKS = '#!/bin/sh\ncase "$1" in -m) [ "$2" = venv ] && mkdir -p .venv/bin && cp "$0" .venv/bin/python;; esac\nexit 0\n'
IS_OLD = '#!/bin/sh\n[ "$1" != -c ]\n'
HAS_NO_VENV = '#!/bin/sh\n[ "$1" = -c ] && exit 0\nmkdir -p .venv/bin && touch .venv/bin/python\nexit 1\n'


def pins(file: str) -> dict[str, str]:
    return {re.sub(r"[._]", "-", name).lower(): version for name, version in PIN.findall((ROOT / file).read_text())}


@pytest.mark.parametrize(("lock", "files"), LOCKS.items(), ids=LOCKS)
def test_a_lock_has_the_versions_that_are_asked_for_and_a_hash_for_each(lock, files):
    locked = pins(lock)
    asked = {name: version for file in files for name, version in pins(file).items()}
    assert {name: locked.get(name) for name in asked} == asked, "write the locks anew: make lock"
    entries = re.split(r"\n(?=\S)", (ROOT / lock).read_text().strip())
    assert all("--hash=sha256:" in entry for entry in entries)


def test_the_locks_agree():
    all_of_them = pins("requirements-dev.lock")
    for lock in LOCKS:
        assert pins(lock).items() <= all_of_them.items()


@pytest.fixture
def folder(tmp_path):
    """A clone's Makefile, and a PATH with no Python."""
    (tmp_path / "bin").mkdir()
    for tool in ("make", "sh", "rm", "cp", "touch", "mkdir", "echo"):
        (tmp_path / "bin" / tool).symlink_to(str(shutil.which(tool)))
    shutil.copy(ROOT / "Makefile", tmp_path)
    for lock in LOCKS:
        (tmp_path / lock).touch()
    return tmp_path


def make(folder: Path, **pythons: str) -> subprocess.CompletedProcess[str]:
    """pythons: scripts to be found under these names, with `_` for a dot."""
    for name, script in pythons.items():
        path = folder / "bin" / name.replace("_", ".")
        path.write_text(script)
        path.chmod(0o755)
    command = ["make", ".venv/base.stamp"]
    return subprocess.run(command, cwd=folder, env={"PATH": f"{folder}/bin"}, capture_output=True, text=True)


def test_no_python_is_told(folder):
    ran = make(folder, python3=IS_OLD)
    assert "Easel needs Python 3.11 or newer, and found none." in ran.stdout
    assert ran.returncode == 2


def test_a_venv_that_cannot_be_made_is_told_and_leaves_nothing(folder):
    ran = make(folder, python3=HAS_NO_VENV)
    assert "python3 cannot make a venv. On Debian and Ubuntu: sudo apt install python3-venv" in ran.stdout
    assert ran.returncode == 2
    assert not (folder / ".venv").exists()


def test_the_first_python_that_is_new_enough_is_taken(folder):
    ran = make(folder, python3_11="#!/bin/sh\nexit 127\n", python3_14=WORKS, python3=IS_OLD)
    assert "Installing what the bot needs" in ran.stdout
    assert ran.returncode == 0
    assert (folder / ".venv" / "base.stamp").exists()


def test_a_half_made_venv_is_made_anew(folder):
    (folder / ".venv" / "bin").mkdir(parents=True)
    (folder / ".venv" / "bin" / "python").touch()
    assert make(folder, python3=WORKS).returncode == 0
    assert (folder / ".venv" / "bin" / "python").read_text() == WORKS


def test_a_venv_whose_python_is_gone_is_made_anew(folder):
    assert make(folder, python3=WORKS).returncode == 0
    (folder / ".venv" / "bin" / "python").unlink()
    (folder / ".venv" / "bin" / "python").symlink_to("gone")
    assert make(folder).returncode == 0
    assert (folder / ".venv" / "bin" / "python").exists()


def test_a_venv_that_works_is_kept(folder):
    assert make(folder, python3=WORKS).returncode == 0
    assert make(folder, python3=HAS_NO_VENV).returncode == 0


def test_the_locks_are_complete():
    """Every package that an installed one needs here is locked; pip refuses a lock with hashes that lacks one."""
    locked = pins("requirements-dev.lock")
    missing = {
        needed.name
        for name in locked
        if (found := installed(name))
        for text in found.requires or ()
        if (needed := Requirement(text)) and (needed.marker is None or needed.marker.evaluate({"extra": ""}))
        if re.sub(r"[._]", "-", needed.name).lower() not in locked
    }
    assert missing == set()


def installed(name: str) -> Distribution | None:
    try:
        return distribution(name)
    except PackageNotFoundError:
        return None  # for another system
